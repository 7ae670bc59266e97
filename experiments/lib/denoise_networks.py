"""The networks of `denoise`: candidates of equal size for the preset, the chosen one, and those beside it."""

import dataclasses

LARGEST = 110_000  # parameters
DILATED = {"dilations": (1, 2, 2, 1)}
WIDE = (1, 2, 3, 2, 1)
DEEP = (1, 2, 3, 4, 3, 2, 1)
ALL = {"noise_map": True, "relu": False}
ADAM = {"optimizer": "adam", "learning_rate": 1e-3}


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A network and its recipe: what differs from the paper's five layers, and from the recipe of all candidates."""

    network: dict = dataclasses.field(default_factory=dict)
    recipe: dict = dataclasses.field(default_factory=dict)


def _layers(number, depth, width, **more):
    return {"num_layers": number, "estimator_depth": depth, "width": width, **more}


FULL = {"points": 13, "reaction": True}
CANDIDATES = {  # at most 110,000 parameters each
    "base": Candidate(),
    "mse": Candidate(recipe={"loss": "mse"}),
    "soap": Candidate(recipe={"optimizer": "soap", "learning_rate": 3e-3}),
    "13-points": Candidate(_layers(5, 4, 31, points=13)),
    "reaction": Candidate({"reaction": True}),
    "dilated": Candidate(DILATED),
    "large-crops": Candidate(DILATED, {"crop": 96, "batch_size": 7}),
    "10-layers": Candidate(_layers(10, 4, 22)),
    "3-layers": Candidate(_layers(3, 5, 32, dilations=WIDE, **FULL)),
    "2-layers": Candidate(_layers(2, 7, 32, dilations=DEEP, **FULL)),
    "1-layer": Candidate(_layers(1, 12, 32, dilations=(1, 1, 2, 2, 3, 4, 4, 3, 2, 2, 1, 1), **FULL)),
    "shared": Candidate(_layers(3, 6, 48, dilations=(1, 2, 3, 3, 2, 1), shared=True, **FULL)),
}
CHOSEN = "3-layers"  # by the validation images


def of(method, candidate):
    """(recipe → a new network, recipe, further arguments of `study.train`) for a row of the table."""
    from diffnet_tf import models, recipes

    base = dataclasses.replace(
        recipes.get("fast"), batch_size=16, crop=64, loss="log", initial_scale=0.01, time_step_learning_rate=None, **ADAM
    )
    chosen = CANDIDATES[candidate]
    if method == "diffnet":
        recipe = dataclasses.replace(base, **chosen.recipe)
        return lambda r: models.DiffNet(**ALL, initial_scale=r.initial_scale, **chosen.network), recipe, GIVEN
    if method == "convnet":
        recipe = dataclasses.replace(base, **chosen.recipe)
        return lambda r: models.ConvNet(13, 32, noise_map=True, skip=True), recipe, GIVEN
    raise ValueError(f"method={method!r}; expected diffnet or convnet")


GIVEN = {"noise_map": True}


def estimate(noisy):
    """σ of the noise of an ordinary photograph (height, width), as a share of white."""
    from diffnet_tf import estimate_noise

    return estimate_noise(noisy)
