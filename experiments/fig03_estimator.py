"""Figure 3: the filter estimator inside every layer of DiffNet. Paper: 20,261 parameters.

python -m experiments.fig03_estimator  # seconds; the budget changes nothing
"""

from experiments.lib import architecture

NAME = "fig03"


def compute(options):
    """Read the estimator off a model object."""
    from diffnet_tf.networks import models

    estimator = models.DiffNet().diffusion_layers[0].estimator
    description = {
        "class": type(estimator).__name__,
        "parameters": estimator.count_params(),
        "blocks": architecture.describe_estimator(estimator),
    }
    text = (
        "The filter estimator of a layer of DiffNet: convolutions padded with zeros, the last with one channel for "
        "each of the five filters: centre, up, down, left, right."
    )
    return architecture.record("Figure 3", description, text), {}, None


draw, caption = architecture.draw_estimator, architecture.caption

if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
