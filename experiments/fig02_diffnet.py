"""Figure 2: DiffNet, whose filters are estimated from the image. Paper: 101,310 parameters.

python -m experiments.fig02_diffnet  # seconds
"""

from experiments.lib import architecture
from experiments.lib.run import main

NAME = "fig02"
TITLE = "Figure 2"
TEXT = (
    "DiffNet. A small convolutional network in every layer (Figure 3) estimates from the image that comes in the "
    "filters ζ, five for each pixel, of one explicit step with a learned time step δt, eq. (4.6)–(4.7). n images "
    "of any height h and width w."
)
CLAIMS = (architecture.claim("the number of parameters of DiffNet", "Sec. 5", 101_310),)


def compute(options):
    """Read the network off a model object."""
    from diffnet_tf import models

    return architecture.result(architecture.describe(models.DiffNet()), TEXT)


draw, caption = architecture.draw, architecture.caption

if __name__ == "__main__":
    main(__file__)
