"""Figure 2: DiffNet, whose filters are estimated from the image. Paper: 101,310 parameters.

python -m experiments.fig02_diffnet  # seconds; the budget changes nothing
"""

from experiments.lib import architecture

NAME = "fig02"


def compute(options):
    """Read the network off a model object."""
    from diffnet_tf.networks import models

    text = (
        "DiffNet. A small convolutional network in every layer (Figure 3) estimates from the image that comes in the "
        "filters ζ, five for each pixel, of one explicit step with a learned time step δt, eq. (4.6)–(4.7). n images "
        "of any height h and width w."
    )
    return architecture.record("Figure 2", architecture.describe(models.DiffNet()), text), {}, None


draw, caption = architecture.draw_network, architecture.caption

if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
