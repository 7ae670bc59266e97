"""Figure 1: the linear diffusion network, whose filters are its parameters.

python -m experiments.fig01_linear_network  # seconds
"""

from experiments.lib import architecture
from experiments.lib.run import main

NAME = "fig01"
TITLE = "Figure 1"
TEXT = (
    "The linear diffusion network. The filters ζ of every layer, five for each pixel, are parameters; each layer "
    "is one explicit step with its own learned time step δt, eq. (4.6). n images of 96 × 96 pixels."
)


def compute(options):
    """Read the network off a model object."""
    from diffnet_tf import models

    return architecture.result(architecture.describe(models.LinearDiffNet((96, 96), num_layers=3)), TEXT)


draw, caption = architecture.draw, architecture.caption

if __name__ == "__main__":
    main(__file__)
