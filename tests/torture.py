"""Kill a real training with SIGKILL at random times, start it again with the same command, compare what it leaves.

    python -m tests.torture [--kills 50] [--seed 0]    # make torture: about 10 minutes on 2 idle cores

The training is an experiment like all others, but small, and with callbacks that change it: weights, record, arrays,
log and pictures in the end have to be, byte for byte, those of a run that was never stopped. A share of the kills
strikes while a checkpoint is written, seen by the file that is being written. Every start is a process of its own,
forked off a server that has imported TensorFlow but not used it: that saves the ten seconds which importing takes.
"""

import argparse
import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

PRELOADED = ["tensorflow", "keras", "skimage.data", "diffnet_tf.training", "experiments.lib.run"]
NAME = TITLE = "torture"
STEPS = 60
SAVING = 0.3  # share of the kills that wait for a checkpoint to be written
LEFT = ("record.json", "arrays.npz", "model.keras", "log.csv", "figure.png", "figure.pdf")


def compute(options):
    """A small training with all that has a state: SOAP, validation, callbacks that change the training."""
    import keras

    from diffnet_tf import data, training
    from diffnet_tf.networks import models
    from diffnet_tf.training import recipes
    from experiments.lib import study

    keras.utils.set_random_seed(options.seed)
    model = models.DiffNet(2, 2, 8, initial_scale=0.01)
    images, validation = options.images("train", 8), options.images("validation", 2)
    early = keras.callbacks.EarlyStopping("val_psnr", mode="max", patience=9, restore_best_weights=True)
    slower = keras.callbacks.ReduceLROnPlateau("val_psnr", mode="max", patience=2, factor=0.5)
    trained = training.fit(
        model,
        images,
        recipes.Recipe(batch_size=4, crop=16, augment=True, optimizer="soap", schedule="constant"),
        steps=STEPS,
        noise=0.01,
        seed=options.seed,
        validation=validation,
        save_every=2,
        checkpoint_dir=options.checkpoint_dir,
        csv_log=options.directory / "log.csv",
        callbacks=[early, slower],
    )
    inputs, _ = data.paired_arrays(validation, noise=0.01, seed=1)
    record = {"history": trained.history, "times": trained.times, "steps": trained.steps}
    return study.Result(record, {"output": model.predict(inputs, verbose=0)[0, ..., 0]}, model)


def draw(record, arrays):
    """What the network makes of an image."""
    from diffnet_tf import figures

    figure, axes = figures.panels(1, 1, caption(record))
    figures.image(axes[0, 0], arrays["output"], "output")
    return figure


def caption(record):
    """The last row of the history."""
    return f"{record['title']}: {record['history'][-1]}"


alt = caption


def run(results_dir):
    """The experiment from its command line, in this process."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    from experiments.lib import run as command
    from experiments.lib.options import Options

    command.execute(sys.modules[__name__], Options(NAME, results_dir, "smoke", deterministic=True))


def start(context, results_dir):
    """The running process."""
    process = context.Process(target=run, args=(str(results_dir),))
    process.start()
    return process


def digests(results_dir):
    """SHA-256 of every file that a run leaves, but for run.json with its times."""
    folder = Path(results_dir) / NAME
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in LEFT}


def wait_for_saving(process, folder, number):
    """Return when the number-th write of a checkpoint has begun and not ended, or the process has."""
    seen, current = 0, None
    while process.is_alive():
        try:
            partial = next((name for name in os.listdir(folder) if name.startswith(".0")), None)
        except FileNotFoundError:
            partial = None
        if partial and partial != current:
            seen += 1
            if seen == number:
                return
        current = partial or current


def kill(context, results_dir, rng, seconds, saving):
    """Start a run and kill it; returns "while saving", "while running", or "too late" when it had ended before."""
    process, folder = start(context, results_dir), Path(results_dir) / NAME / "checkpoint"
    if saving:
        wait_for_saving(process, folder, rng.randint(1, 30))
    else:
        process.join(rng.uniform(0.05, 1.0) * seconds)
    if not process.is_alive():
        return "too late"
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    written = [path.name for path in folder.glob("*")]
    unfinished = [name for name in written if name.startswith(".0")]
    unfinished += [name for name in written if name.endswith(".npz") and name.replace(".npz", ".json") not in written]
    return "while saving" if unfinished else "while running"


def main(arguments=None):
    """Torture; returns the exit status: 0 when all ended equal and enough were struck while saving."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the times")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    context, rng = multiprocessing.get_context("forkserver"), random.Random(chosen.seed)
    context.set_forkserver_preload(PRELOADED)
    root, found, equal = Path(tempfile.mkdtemp()), [], 0
    start(context, root / "first").join()  # waits for the imports, too
    begun = time.perf_counter()
    start(context, root / "whole").join()
    seconds, whole = time.perf_counter() - begun, digests(root / "whole")
    print(f"A run takes {seconds:.1f} s; two that were not stopped are equal: {digests(root / 'first') == whole}.")
    while len(found) < chosen.kills:
        folder = root / f"{len(found)}"
        how = kill(context, folder, rng, seconds, saving=rng.random() < SAVING)
        if how != "too late":
            start(context, folder).join()
            same = digests(folder) == whole
            equal += same
            found.append(how)
            print(f"{len(found)}: killed {how}, then {'equal' if same else 'DIFFERENT: ' + str(folder)}", flush=True)
        if how == "too late" or same:
            shutil.rmtree(folder)
    saving = found.count("while saving")
    print(f"{equal} of {len(found)} equal; {saving} killed while a checkpoint was written.")
    if equal == len(found):
        shutil.rmtree(root)
    return 0 if equal == len(found) and saving >= len(found) // 5 else 1


if __name__ == "__main__":
    sys.exit(main())
