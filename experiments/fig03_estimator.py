"""Figure 3: the filter estimator inside every layer of DiffNet. Paper: 20,261 parameters.

python -m experiments.fig03_estimator  # seconds
"""

from experiments.lib import architecture
from experiments.lib.run import main

NAME = "fig03"
TITLE = "Figure 3"
TEXT = (
    "The filter estimator of a layer of DiffNet: convolutions padded with zeros, the last with one channel for "
    "each of the five filters: centre, up, down, left, right."
)
CLAIMS = (architecture.claim("parameters of a 4-layer estimator", "Sec. 4.3", 20_261),)


def compute(options):
    """Read the estimator off a model object."""
    from diffnet_tf import models

    estimator = models.DiffNet().diffusion_layers[0].estimator
    found = {"class": type(estimator).__name__, "parameters": estimator.count_params()}
    return architecture.result({**found, "blocks": architecture.describe_estimator(estimator)}, TEXT)


draw, caption = architecture.draw, architecture.caption

if __name__ == "__main__":
    main(__file__)
