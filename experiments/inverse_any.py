"""One network for every Perona–Malik diffusion: given λ, T and σ, how well does it undo the diffusion?

The parts "search-…" are trainings with equal steps on photographs; validation photographs choose among them, at 18
settings of λ, T and σ. "inverse-any" is the chosen network, trained for longer, with three seeds. Beside it are
networks that were trained for one setting each, for as many steps, the presets for the paper's diffusion at theirs, and
classical inverses that are given as much. The parts "test-…", "classical-…" and "preset-…" measure all of them on
identical test images, once, after all choices. "beside" adds what happens without noise, with a wrong λ or T, and a
photograph.

    python -m experiments.inverse_any --budget quick  # on photographs of scikit-image
    python -m experiments.inverse_any --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real \
        --only search-  # 2 h on 2 cores
    python -m experiments.inverse_any --budget cpu … --only inverse-any,specialist-  # 8 h
    python -m experiments.inverse_any --budget cpu … --only test-,classical-,preset-,beside  # 1 h
"""

import dataclasses
import functools

from experiments.lib import given_classical, given_figure, given_record, kept, study
from experiments.lib import given_diffusion as given
from experiments.lib.given_claims import CLAIMS
from experiments.lib.given_record import OURS, PRESET, SPECIALIST
from experiments.lib.options import DEVICES, IMAGES
from experiments.lib.run import main

__all__ = ["CLAIMS"]
NAME = "inverse-any"
TITLE = "Any Perona–Malik diffusion"
OPTIONS = ("budget", "steps", *DEVICES, *IMAGES)  # it has seeds of its own
BUDGETS = {  # (recipe, steps of a candidate, of a final network, limit on images of a set)
    "smoke": ("fast", 2, 2, 4),
    "quick": ("fast", 40, 200, 16),
    "cpu": ("fast", 4_000, 30_000, None),
    "paper": ("fast", 20_000, 150_000, None),
}
SEEDS = 3
SEARCH, TEST = "search-", "test-"


@dataclasses.dataclass(frozen=True)
class Run:
    """One training: of a candidate, of the final network, or of a specialist for one setting."""

    name: str
    method: str
    label: str
    candidate: str = ""
    setting: str = ""
    seed: int = 0
    kind: str = "network"


def plan(budget="cpu"):
    """All trainings: the candidates, the final network, the specialists; a few of each for budget `smoke`."""
    few = 2 if budget == "smoke" else None
    search = [Run(SEARCH + name, OURS, name, candidate=name) for name in [*given.CANDIDATES][:few]]
    ours = [Run(OURS + (f"-seed-{seed}" if seed else ""), OURS, OURS, seed=seed) for seed in range(SEEDS)[:few]]
    label = "trained for one setting"
    others = [Run(f"specialist-{each.name}", SPECIALIST, label, setting=each.name) for each in given.SPECIALISTS]
    return [*search, *ours, *others[:few]]


def _settings(budget):
    return given.SETTINGS[::17] if budget == "smoke" else given.SETTINGS


def parts(options):
    """The trainings, and the measurements of networks, presets and classical methods on test images."""
    images = functools.cache(functools.partial(_images, options))
    runs, train = plan(options.budget), functools.partial(_train, options=options, images=images)
    found = [study.part(run, train, _steps(run, options)) for run in runs]
    for run in (run for run in runs if not run.candidate):
        about = {"of": run.name, "method": run.method, "label": run.label, "kind": run.kind}
        do = functools.partial(_test, run, options, images)
        found.append(study.Part(TEST + run.name, do, about, of=[run.name]))
    for name, preset in given.PRESETS.items():
        about = {"of": preset, "method": PRESET, "label": "presets for one diffusion", "kind": "network", "steps": 0}
        found.append(study.Part(f"preset-{preset}", functools.partial(_preset, name, preset, images), about))
    settings = _settings(options.budget)
    found.append(study.Part("classical-input", functools.partial(given_classical.inputs, images, settings)))
    found += [given_classical.part(method, each, images) for each in settings for method in given_classical.METHODS]
    return [*found, study.Part("beside", functools.partial(_beside, options, images), of=[OURS])]


def _images(options, split):
    return options.images(split, BUDGETS[options.budget][-1])


def _steps(run, options):
    _, search, final, _ = BUDGETS[options.budget]
    return search if run.candidate else final


def _train(run, options, images):
    from diffnet_tf.networks import plain

    if run.setting:
        settings = [given.NAMES[run.setting]]
        make, pairs = given.specialist, given.examples_of(*settings)
    else:
        settings, arguments = _settings(options.budget), given.CANDIDATES[run.candidate or given.CHOSEN]
        make, pairs = given.network(arguments), given.examples(arguments)
    about = {"steps": _steps(run, options), "seed": run.seed, "name": run.name, **pairs}
    trained = study.train(options, make, ("fast", given.recipe()), images("train"), **about)
    found = given.validated(trained.model, images("validation")[: study.VALIDATION], settings)
    record = trained.record() | {"network": plain.describe(trained.model), "validation": found}
    record["validation_psnr"] = round(sum(found.values()) / len(found), 4)
    return study.Result(record, model=None if run.candidate else trained.model)


def _trained(name, options):
    """(network, record) of a finished training of this budget."""
    from diffnet_tf.files import reading

    return kept.network(name, options), reading.json_object(kept.path(name, options))


def _test(run, options, images):
    model, training = _trained(run.name, options)
    settings = [given.NAMES[run.setting]] if run.setting else _settings(options.budget)
    return study.Result({"steps": training["steps"]}, given.tested(model, images("test"), settings))


def _preset(name, preset, images):
    from diffnet_tf import from_preset, presets

    found = given.tested(from_preset(preset), images("test"), [given.NAMES[name]])
    return study.Result({"weights": presets.card(preset)["sha256"]}, found)


def _beside(options, images):
    """Of the final network of seed 0: wrong λ and T, no noise, other diffusivities, a photograph."""
    (model, _), test, settings = _trained(OURS, options), images("test"), _settings(options.budget)
    found = {
        "wrong": given.given_wrongly(model, test, settings),
        "noiseless": given_classical.noiseless(model, test, settings),
        "diffusivities": given.other_diffusivities(model, test, given.NAMES["0.2-0.4-0.01"]),
    }
    photograph, arrays = given_figure.photographed(model)
    return study.Result(found | {"photograph": photograph}, arrays)


gather = given_record.gather
draw, caption, alt = given_figure.draw, given_figure.caption, given_figure.alt

if __name__ == "__main__":
    main(__file__)
