"""Figure 1: the linear diffusion network, whose parameters are its filters.

python -m experiments.fig01_linear_network  # seconds
"""

import functools

from experiments.lib import architecture
from experiments.lib.run import main

NAME = "fig01"
TITLE = "Figure 1"
OPTIONS = ()
TEXT = (
    "the linear diffusion network. Each layer is one explicit step, eq. (4.6). Its filters ζ, five for each pixel, are "
    "parameters."
)


def compute(options):
    """Read the network off a model object."""
    from diffnet_tf import models

    return architecture.result(architecture.describe(models.LinearDiffNet((96, 96), num_layers=3)))


draw, caption = (functools.partial(of, TEXT) for of in (architecture.draw, architecture.caption))
alt = architecture.alt

if __name__ == "__main__":
    main(__file__)
