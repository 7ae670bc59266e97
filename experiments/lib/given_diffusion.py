"""What `inverse_any` trains and measures: its settings λ, T and σ, the candidates, their recipe, pairs and PSNR."""

import dataclasses
import functools
import itertools

import numpy as np

from experiments.lib import measure

LAMBDAS, TIMES, NOISES = (0.1, 0.2, 0.4), (0.2, 0.4, 0.8), (0.001, 0.01)
LARGEST = 150_000  # parameters
STEP = 0.1  # δt of all diffusions
# σ is drawn uniformly in its logarithm: 0.1 % is as frequent as 5 %, while √σ would make it seven times as rare.
TRAINED_ON = {"noise": (0.001, 0.05, "log"), "contrast": (0.1, 0.4), "time": (0.2, 1.0, STEP)}
KINDS = ("perona_malik_1", "perona_malik_2", "charbonnier", "weickert")
WRONG = (-0.1, 0.1)  # relative errors of a λ or T that is given wrongly


@dataclasses.dataclass(frozen=True, order=True)
class Setting:
    """One diffusion, with Perona and Malik's first diffusivity, and σ of the noise after it."""

    noise: float
    contrast: float
    time: float

    @property
    def name(self):
        """Its name in records: "0.2-0.4-0.01"."""
        return f"{self.contrast:g}-{self.time:g}-{self.noise:g}"

    @property
    def words(self):
        """Its name in tables."""
        return f"λ = {self.contrast:g}, T = {self.time:g}, σ = {100 * self.noise:g} %"

    @property
    def steps(self):
        """The number of its explicit steps."""
        return round(self.time / STEP)

    @property
    def known(self):
        """What classical inverses are given."""
        return {"steps": self.steps, "dt": STEP, "contrast": self.contrast}


SETTINGS = tuple(Setting(*each) for each in itertools.product(NOISES, LAMBDAS, TIMES))
NAMES = {setting.name: setting for setting in SETTINGS}
# Each λ and each T twice, each σ three times.
SPECIALISTS = tuple(
    NAMES[name]
    for name in ("0.1-0.2-0.01", "0.1-0.8-0.001", "0.2-0.4-0.001", "0.2-0.8-0.01", "0.4-0.2-0.001", "0.4-0.4-0.01")
)
PRESETS = {"0.2-0.4-0.001": "inverse-0.1pct", "0.2-0.4-0.01": "inverse-1pct"}  # of the paper's diffusion


# ---- Networks --------------------------------------------------------------------------------------------------------

BOTH = {"residual": True, "correction": True}
CANDIDATES = {  # arguments of `models.ConditionedDiffNet`, at most 150,000 parameters each
    "maps": {},
    "residual": {"residual": True},
    "correction": {"correction": True},
    "both": BOTH,
    "start": {**BOTH, "start": 3},
    "start-alone": {"start": 3},
    "start-10": {**BOTH, "start": 10},
    "shared": {**BOTH, "num_layers": 10, "width": 72, "shared": True},
    "start-shared": {**BOTH, "start": 3, "num_layers": 10, "width": 72, "shared": True},
    "wide": {**BOTH, "start": 3, "width": 37},
    "four": {**BOTH, "start": 3, "diffusivities": KINDS},
}
CHOSEN = "start"  # after trials of 400 steps; the search has not been run yet


def recipe():
    """The recipe of all these trainings: `fast` with larger crops, since a pixel depends on a wide neighbourhood.

    The loss is a logarithm, since one batch has easy and hard settings.
    """
    from diffnet_tf import recipes

    return dataclasses.replace(recipes.get("fast"), crop=48, loss="log", learning_rate=1e-3)


@functools.cache
def diffuse(kinds):
    """`diffusion.per_image` with some diffusivities, compiled: (u, contrast, time, diffusivity) → diffused images."""
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion

    def degrade(u, contrast, time, diffusivity=0):
        return diffusion.per_image(u, contrast, time, kinds, diffusivity)

    return backend.compiled(degrade, fused=True)


def network(arguments):
    """recipe → a new network that is given the diffusion."""
    from diffnet_tf import models

    return lambda chosen: models.ConditionedDiffNet(**arguments, initial_scale=chosen.initial_scale)


def specialist(chosen):
    """A new network for one diffusion."""
    from diffnet_tf import models

    return models.DiffNet(initial_scale=chosen.initial_scale)


def examples(arguments):
    """What `study.train` needs to draw λ, T, σ and, of several, the diffusivity of each example."""
    kinds = tuple(arguments.get("diffusivities", KINDS[:1]))
    drawn = {name: TRAINED_ON[name] for name in ("contrast", "time")}
    if len(kinds) > 1:
        drawn["diffusivity"] = (0, len(kinds) - 1, 1)
    shown = {"noise_map": True, "parameter_map": True}
    return {"noise": TRAINED_ON["noise"], "parameter": drawn, "degrade": diffuse(kinds), **shown}


def examples_of(setting):
    """The same for the one setting of a specialist."""
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion

    degrade = backend.compiled(functools.partial(diffusion.perona_malik, **setting.known), fused=True)
    return {"noise": setting.noise, "degrade": degrade}


# ---- Measurements ----------------------------------------------------------------------------------------------------


def pairs(images, setting, seed=measure.TEST_SEED, diffusivity=KINDS[0]):
    """(diffused and noisy images, targets) of one setting; of every network and method the same."""
    from diffnet_tf import data

    given = {"contrast": setting.contrast, "time": setting.time}
    degrade = diffuse((diffusivity,))
    return data.paired_arrays(images, noise=setting.noise, seed=seed, parameter=given, degrade=degrade)


def psnr(targets, outputs):
    """PSNR of every image in dB, at most `measure.BEST`: float32 (n,)."""
    values, _ = measure.quality(targets, np.asarray(outputs))
    return np.minimum(values["psnr"], measure.BEST).astype("float32")


def restorer(model):
    """(images, setting) → restored images, compiled; further arguments replace what the network is given."""
    function = measure.applied(model)
    if model.input_shape[-1] == 1:
        return lambda images, setting: measure.batched(function, images)

    def restored(images, setting, **changes):
        given = {"noise": setting.noise, "contrast": setting.contrast, "time": setting.time, **changes}
        return measure.batched(function, model.inputs_of(images, **given))

    return restored


def validated(model, images, settings=SETTINGS):
    """Mean PSNR on validation images, setting by setting: name → dB."""
    restored, found = restorer(model), {}
    for setting in settings:
        inputs, targets = pairs(images, setting, measure.TUNING_SEED)
        found[setting.name] = round(float(psnr(targets, restored(inputs, setting)).mean()), 4)
    return found


def tested(model, images, settings=SETTINGS):
    """PSNR of every test image, setting by setting: name → (n,)."""
    restored = restorer(model)
    found = {}
    for setting in settings:
        inputs, targets = pairs(images, setting)
        found[setting.name] = psnr(targets, restored(inputs, setting))
    return found


def given_wrongly(model, images, settings=SETTINGS):
    """Mean PSNR at every setting if λ or T is given wrongly: "contrast" or "time" → relative error → name → dB."""
    restored, found = restorer(model), {}
    for name in ("contrast", "time"):
        for error in WRONG:
            of = found.setdefault(name, {}).setdefault(f"{error:+g}", {})
            for setting in settings:
                inputs, targets = pairs(images, setting)
                wrong = {name: getattr(setting, name) * (1 + error)}
                of[setting.name] = round(float(psnr(targets, restored(inputs, setting, **wrong)).mean()), 4)
    return found


def other_diffusivities(model, images, setting):
    """Mean PSNR for each diffusivity that a network knows: name → input and output in dB."""
    restored, found = restorer(model), {}
    for name in model.diffusivities:
        inputs, targets = pairs(images, setting, diffusivity=name)
        outputs = restored(inputs, setting, diffusivity=name)
        found[name] = {
            kind: round(float(psnr(targets, each).mean()), 4) for kind, each in (("input", inputs), ("output", outputs))
        }
    return found
