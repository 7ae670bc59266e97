"""The networks of `denoise`: candidates of equal size for the preset, the chosen one, and those beside it."""

import dataclasses

LARGEST = 110_000  # parameters
DILATED = {"dilations": (1, 2, 2, 1)}
WIDE = (1, 2, 3, 2, 1)
DEEP = (1, 2, 3, 4, 3, 2, 1)
ALL = {"noise_map": True, "relu": False}
ADAM = {"optimizer": "adam", "learning_rate": 1e-3, "refresh_every": None}


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network and its recipe: what differs from the paper's five layers, and from the recipe of all candidates.

    `cost` is the time of a training step on two cores, that of `base` being 1. All candidates get the same time.
    """

    cost: float = 1.0
    network: dict = dataclasses.field(default_factory=dict)
    recipe: dict = dataclasses.field(default_factory=dict)


def _layers(number, depth, width, **more):
    return {"num_layers": number, "estimator_depth": depth, "width": width, **more}


FULL = {"points": 13, "reaction": True}
CANDIDATES = {  # at most 110,000 parameters each
    "base": Candidate(),
    "adam": Candidate(0.95, recipe=ADAM),
    "mse": Candidate(recipe={"loss": "mse"}),
    "large-crops": Candidate(3.25, recipe={"crop": 96, "batch_size": 7}),
    "13-points": Candidate(1.2, _layers(5, 4, 31, points=13)),
    "reaction": Candidate(1.2, {"reaction": True}),
    "both": Candidate(1.4, _layers(5, 4, 31, **FULL)),
    "10-layers": Candidate(1.8, _layers(10, 4, 22, reaction=True)),
    "dilated": Candidate(1.5, {**DILATED, "reaction": True}),
    "3-layers": Candidate(1.1, _layers(3, 5, 32, dilations=WIDE, **FULL)),
    "2-layers": Candidate(1.1, _layers(2, 7, 32, dilations=DEEP, **FULL)),
    "shared": Candidate(1.9, _layers(3, 6, 48, shared=True, **FULL)),
}
CHOSEN = "2-layers"  # the best on the validation images


def recipe(**changes):
    """The recipe of all these trainings: `fast` with larger crops and batches, for noise.

    The loss is a logarithm, since one batch has σ from 0 to 55.
    """
    from diffnet_tf import recipes

    settings = {"batch_size": 8, "crop": 48, "loss": "log", "learning_rate": 1e-3, **changes}
    return dataclasses.replace(recipes.get("fast"), **settings)


def of(method, candidate):
    """(recipe → a new network, recipe, further arguments of `study.train`) for a row of the table."""
    from diffnet_tf import models

    chosen = CANDIDATES[candidate]
    if method == "diffnet":
        return (
            lambda r: models.DiffNet(**ALL, initial_scale=r.initial_scale, **chosen.network),
            recipe(**chosen.recipe),
            GIVEN,
        )
    if method == "convnet":
        return lambda r: models.ConvNet(13, 32, noise_map=True, skip=True), recipe(), GIVEN
    if method == "tnrd":
        return lambda r: models.ReactionDiffusionNet(), recipe(**OF_TNRD), {}
    raise ValueError(f"method={method!r}; expected diffnet, convnet or tnrd.")


GIVEN = {"noise_map": True}
OF_TNRD = {**ADAM, "learning_rate": 5e-3, "loss": "mse", "batch_size": 16, "crop": 64}  # one level of noise, one loss


def estimate(noisy):
    """σ of the noise of an ordinary photograph (height, width), as a share of white."""
    from diffnet_tf import estimate_noise

    return estimate_noise(noisy, "photograph")
