"""Compare variants of the recipe `fast`: python -m benchmarks.explore --data-dir DIR

Trains DiffNet to undo diffusion without noise, each variant for the same time, and measures it on validation
photographs. The schedule is adapted to the number of steps that the time allows. A variant that has a record is not
repeated. Test images are not used.
"""

import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np

from diffnet_tf import files
from diffnet_tf.base import checks, command_line
from diffnet_tf.base.choices import SOURCES
from diffnet_tf.files import provenance

SECONDS = 120
# Changes of the recipe; "dtype" is of the model.
VARIANTS = {
    "fast": {},
    "fast, seed 1": {"seed": 1},
    "Adam, 4e-3": {"optimizer": "adam", "learning_rate": 4e-3},
    "learning rate 1.5e-3": {"learning_rate": 1.5e-3},
    "learning rate 6e-3": {"learning_rate": 6e-3},
    "time steps at ten times the rate": {"time_step_learning_rate": 3e-2},
    "mean squared error": {"loss": "mse"},
    "β₂ 0.99": {"beta_2": 0.99},
    "Glorot's last kernel": {"initial_scale": 1.0},
    "16×16 × 8": {"crop": 16},
    "16×16 × 16": {"crop": 16, "batch_size": 16},
    "24×24 × 4": {"batch_size": 4},
    "24×24 × 16": {"batch_size": 16},
    "32×32 × 8": {"crop": 32},
    "48×48 × 8": {"crop": 48},
    "96×96 × 16": {"crop": None, "batch_size": 16},
    "no flips": {"augment": False},
    "bfloat16 estimator": {"dtype": "mixed_bfloat16"},
    "bfloat16 estimator, 24×24 × 16": {"dtype": "mixed_bfloat16", "batch_size": 16},
}


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m benchmarks.explore", description=__doc__)
    parser.add_argument("names", nargs="*", help="names of variants, see VARIANTS in the file (default: all)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="training time of each variant, without tracing")
    parser.add_argument("--source", choices=SOURCES, default="stl10_binary", help="source of the images")
    parser.add_argument("--data-dir", required=True, help="folder with training images; the last tenth validates")
    parser.add_argument("--results-dir", default="results/benchmarks", type=Path, help="folder for the record")
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Train the variants that have no record yet. Returns the exit status."""
    chosen = parser().parse_args(arguments)
    for name in chosen.names:
        checks.one_of(name, "variant", tuple(VARIANTS))
    path = files.check_writable(chosen.results_dir) / "explore.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    for name in chosen.names or VARIANTS:
        if name not in found:
            found[name] = _run(dict(VARIANTS[name]), chosen)
            files.write_json(path, found)
    print(table(found))


def _run(changes, chosen):
    import keras

    from diffnet_tf import data, training
    from diffnet_tf.networks import models
    from diffnet_tf.training import recipes

    seed, dtype = changes.pop("seed", 0), changes.pop("dtype", "float32")
    recipe = dataclasses.replace(recipes.get("fast"), **changes)
    train = data.open_images(chosen.source, chosen.data_dir, "train")
    validation = data.GrayImages(data.open_images(chosen.source, chosen.data_dir, "test").pixels[:64])

    def trained(steps, **options):
        keras.utils.set_random_seed(seed)
        model = models.DiffNet(initial_scale=recipe.initial_scale, dtype=dtype)
        return training.fit(model, train, recipe, steps=steps, seed=seed, **options)

    class Clock(keras.callbacks.Callback):
        times = []

        def on_train_batch_end(self, batch, logs=None):
            self.times.append(time.perf_counter())

    clock = Clock()
    trained(60, callbacks=[clock], verbose=False)
    steps = int(chosen.seconds / ((clock.times[-1] - clock.times[9]) / (len(clock.times) - 10)))
    run = trained(steps, validation=validation, validate_every=max(1, steps // 4))
    return {
        "changes": changes,
        "dtype": dtype,
        "seed": seed,
        "steps": steps,
        "seconds": round(run.seconds, 1),
        "val_psnr": run.history[-1]["val_psnr"],
        "data": Path(chosen.data_dir).name,
        "commit": provenance.commit(),
        "hardware": provenance.hardware(),
    }


def table(found):
    """The results as a Markdown table, best first."""
    lines = ["| variant | steps | dB |", "|---|---|---|"]
    for name, row in sorted(found.items(), key=lambda item: -np.nan_to_num(item[1]["val_psnr"])):
        lines.append(f"| {name} | {row['steps']:,} | {row['val_psnr']:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
