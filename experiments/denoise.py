"""Ordinary noise: how well does a DiffNet denoise photographs, beside its relatives and classical methods?

One DiffNet denoises at all levels of noise, σ from 0 to 55/255, and is given σ. The parts "search-…" are trainings of
equal time on 360 of the usual 400 training images; the other 40 choose among them. "DiffNet" is the chosen network,
trained for longer, with three seeds. Beside it are a ConvNet with as many parameters, TNRD (a network for each level of
noise) and classical methods. The parts "test-…" measure them on BSD68 and Set12, with identical noise. Nothing
is chosen on these.

    python -m experiments.denoise --budget quick  # 15 min on 2 cores, on photographs of scikit-image
    # 25 to 90 min for each of three seeds; set12 lies beside bsd68
    python -m experiments.denoise --budget cpu --source folder --data-dir train400 --test-dir bsd68 --only DiffNet
    python -m experiments.denoise --budget cpu … --only search-,ConvNet  # 2 h
    python -m experiments.denoise --budget cpu … --only TNRD  # 12 h on 2 cores, 4 min on a GPU
    python -m experiments.denoise --budget cpu … --only test-,classical-,photograph,times  # 1 h
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import denoise_classical, denoise_figure, denoise_networks, denoise_record, denoising, kept, study
from experiments.lib.denoise_claims import CLAIMS
from experiments.lib.denoise_networks import CANDIDATES, CHOSEN
from experiments.lib.run import main

__all__ = ["CLAIMS"]
NAME = "denoise"
TITLE = "Ordinary noise"
RANGE = (0.0, 55 / 255)  # of σ in training
BUDGETS = {  # (recipe, steps of candidate `base`, of a final network, of TNRD at one level, limit on images of a set)
    "smoke": ("fast", 2, 2, 2, 8),
    "quick": ("fast", 20, 300, 100, None),
    "cpu": ("fast", 5_000, 30_000, 8_000, None),
    "paper": ("fast", 20_000, 100_000, 60_000, None),
}
IMAGE_FLAGS = "--source folder --data-dir train400 --test-dir bsd68"
SEEDS = 3
SHOWN = ("diffnet", "tnrd", "bm3d", "perona-malik", "edge-enhancing", "tv")  # on the photograph
TEST = "test-"


@dataclasses.dataclass(frozen=True)
class Run:
    """One training, of a candidate or of a network that is compared; TNRD is trained for one level."""

    method: str
    label: str
    candidate: str = ""
    level: int | None = None
    seed: int = 0
    kind: str = "network"

    @property
    def name(self):
        """The name of its record."""
        if self.candidate:
            return f"search-{self.candidate}"
        level = f"-{self.level}" if self.level else ""
        return f"{self.label}{level}" + (f"-seed-{self.seed}" if self.seed else "")


def plan(seed):
    """All trainings: the candidates, then the networks that are compared."""
    search = [Run("diffnet", "DiffNet", name) for name in CANDIDATES]
    ours = [Run("diffnet", "DiffNet", seed=each) for each in (range(SEEDS) if seed == 0 else [seed])]
    return [*search, *ours, Run("convnet", "ConvNet", seed=seed), *(_tnrd(level, seed) for level in denoising.LEVELS)]


def _tnrd(level, seed):
    return Run("tnrd", "TNRD", level=level, seed=seed)


def parts(options):
    """The trainings, their measurements on the test images, and the classical methods."""
    limit = BUDGETS[options.budget][-1]
    images = [options.images(split, limit, whole=True, scale="white") for split in ("train", "validation")]
    tests = functools.cache(lambda: denoising.sets(options.test_dir, limit))
    runs = plan(options.seed)
    train = functools.partial(_train, options=options, images=images)
    found = [study.part(run, train, _steps(run, options.budget)) for run in runs]
    final = [run for run in runs if not run.candidate]
    test = functools.partial(_test, options=options, tests=tests)
    found += [study.Part(TEST + run.name, functools.partial(test, run), of=[run.name]) for run in final]
    found += denoise_classical.parts(tests, lambda: _pixels(images[1]), search=options.budget != "smoke")
    beside = functools.partial(_beside, options)
    of = [run.name for run in _shown(options)]
    shown = study.Part("photograph", lambda: study.Result(*denoising.photographed(beside(SHOWN))), of=of)
    return [*found, shown, study.Part("times", lambda: _times(beside(), tests()), of=of)]


def _steps(run, budget):
    _, search, final, tnrd, _ = BUDGETS[budget]
    if run.candidate:
        return max(1, round(search / CANDIDATES[run.candidate].cost))
    return tnrd if run.method == "tnrd" else final


def _train(run, options, images):
    train, validation = images
    make, recipe, pairs = denoise_networks.of(run.method, run.candidate or CHOSEN)
    noise = RANGE if run.level is None else run.level / denoising.WHITE
    about = {"steps": _steps(run, options.budget), "seed": run.seed, "name": run.name, "noise": noise, **pairs}
    trained = study.train(options, make, ("fast", recipe), train, validation=validation, problem="denoise", **about)
    levels = denoising.LEVELS if run.level is None else (run.level,)
    found = _validated(trained.model, validation, levels)
    record = trained.record(history=True) | {"network": _arguments(trained.model)}
    record |= {"validation": found, "validation_psnr": float(np.mean(list(found.values())))}
    return study.Result(record, model=None if run.candidate else trained.model)


def _pixels(images):
    """Images as a list of float32 (height, width)."""
    return [images.image(k).astype("float32") / images.maxima[k] for k in range(len(images))]


def _validated(model, validation, levels):
    """Mean PSNR on whole validation images at each level."""
    function, found = denoising.of_network(model), {}
    images = _pixels(validation)
    for level in levels:
        inputs = denoising.noisy(images, level, seed=1_000 + level)
        outputs = [function(each, level / denoising.WHITE) for each in inputs]
        found[str(level)] = round(float(denoising.psnr(images, outputs).mean()), 4)
    return found


def _arguments(model):
    """The class and the arguments of a network, as a preset names them."""
    from diffnet_tf.networks import plain

    return plain.describe(model)


def _test(run, options, tests):
    """Measure a trained network on the test images, with σ given and, if it is given σ, also with σ estimated."""
    model = kept.network(run.name, options)
    levels = denoising.LEVELS if run.level is None else (run.level,)
    record = denoising.measured(denoising.of_network(model), tests(), levels)
    if model.input_shape[-1] == 2:
        record["auto"] = denoising.measured(denoising.of_network(model, denoise_networks.estimate), tests(), levels)
    return study.Result({"of": run.name, **record})


def _shown(options):
    """The networks that are shown on the photograph and timed: one seed, one level."""
    ours = [run for run in plan(options.seed) if not run.candidate and run.seed == options.seed]
    return [run for run in ours if run.level in (None, denoising.TIMED)]


def _beside(options, wanted=None):
    """The finished networks of one seed and classical methods: row → (label, denoiser); those `wanted`, or all."""
    runs, found = study.finished(options.directory), {}
    for run in _shown(options):
        if kept.network_path(run.name, options).exists():
            found[run.method] = run.label, denoising.of_network(kept.network(run.name, options))
    found |= denoise_classical.tuned(runs, *denoise_classical.METHODS)
    return {name: found[name] for name in wanted or found if name in found}


def _times(beside, tests):
    """Milliseconds of all methods for one image, in turns."""
    image = next(iter(tests.values()))[0]
    denoisers = {name: function for name, (_, function) in beside.items()}
    return study.Result({"in_turns": denoising.milliseconds(denoisers, image)})


def gather(runs, root):
    """The record of all parts, see `denoise_record`: each training with its measurement on the test images."""
    tested = {(run["of"], run["budget"]): run for run in runs if run["name"].startswith(TEST)}
    trained = [run for run in runs if not run["name"].startswith(TEST)]
    keys = denoise_record.MEASURED
    merged = []
    for run in trained:
        test = tested.get((run["name"], run["budget"])) if "psnr" not in run else None
        if test is None and run.get("kind") == "network" and not run.get("candidate"):
            continue  # not measured yet
        merged.append({**run, **{key: test[key] for key in keys if key in test}} if test else run)
    return denoise_record.gather(merged, root)


# ---- Pictures --------------------------------------------------------------------------------------------------------


def draw(record, arrays):
    """PSNR of all methods; and a photograph, if that part has been run."""
    return _pictures(record, denoise_figure.draw, denoise_figure.draw_photograph, record, arrays)


def caption(record):
    """The captions."""
    return _pictures(record, denoise_figure.caption, denoise_figure.photograph_caption, record)


def alt(record):
    """The alt texts."""
    return _pictures(record, denoise_figure.alt, denoise_figure.photograph_alt, record)


def _pictures(record, of_methods, of_photograph, *given):
    found = {"figure": of_methods(*given)}
    return {**found, "photograph": of_photograph(*given)} if "photograph" in record else found


if __name__ == "__main__":
    main(__file__)
