"""Figure 3: the filter estimator inside every layer of DiffNet. Paper: 29,509 parameters with 5 layers.

python -m experiments.fig03_estimator  # seconds
"""

import functools

from experiments.lib import architecture, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.run import main

NAME = "fig03"
TITLE = "Figure 3"
OPTIONS = ()
TEXT = (
    "the filter estimator in each layer of DiffNet. Its convolutions pad the image with zeros; the last one gives the "
    "five filters of each pixel: centre, up, down, left and right."
)


def one_layer_more(record, arrays):
    """The paper's number is that of an estimator with 5 layers, one inner convolution more than in DiffNet."""
    number = record["parameters"] + record["blocks"][1]["parameters"]
    return verdicts.finding(record, f"{number:,}", number == FIVE, exact=True, budget="")


FIVE = 29_509  # parameters, the paper's
CLAIMS = (
    architecture.claim(
        "the number of parameters of a 4-layer estimator (five estimators and five time steps make DiffNet)",
        "Fig. 3",
        20_261,
    ),
    Claim(
        "the number of parameters of a 5-layer estimator",
        f"{FIVE:,}",
        one_layer_more,
        "Sec. 4.3.1",
        answers=verdicts.EXACT,
    ),
)


def compute(options):
    """Read the estimator off a model object."""
    from diffnet_tf import models

    estimator = models.DiffNet().diffusion_layers[0].estimator
    found = {"class": type(estimator).__name__, "parameters": estimator.count_params()}
    return architecture.result({**found, "blocks": architecture.describe_estimator(estimator)})


draw, caption = (functools.partial(of, TEXT) for of in (architecture.draw, architecture.caption))
alt = architecture.alt

if __name__ == "__main__":
    main(__file__)
