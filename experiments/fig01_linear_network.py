"""Figure 1: the linear diffusion network, whose filters are its parameters.

python -m experiments.fig01_linear_network  # seconds; the budget changes nothing
"""

from experiments.lib import architecture

NAME = "fig01"
CONFIG = {"image_shape": (96, 96), "num_layers": 3}


def compute(options):
    """Read the network off a model object."""
    from diffnet_tf.networks import models

    model = models.LinearDiffNet(**CONFIG)
    text = (
        "The linear diffusion network. The filters ζ of every layer, five for each pixel, are parameters; each layer "
        "is one explicit step with its own learned time step δt, eq. (4.6). n images of 96 × 96 pixels."
    )
    return architecture.record("Figure 1", architecture.describe(model), text), {}, None


draw, caption = architecture.draw_network, architecture.caption

if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
