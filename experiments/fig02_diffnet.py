"""Figure 2: DiffNet, whose filters are estimated from the image. Paper: 101,310 parameters.

python -m experiments.fig02_diffnet  # seconds
"""

import functools

from experiments.lib import architecture
from experiments.lib.run import main

NAME = "fig02"
TITLE = "Figure 2"
OPTIONS = ()
TEXT = (
    "DiffNet. In every layer, a small convolutional network (Figure 3) estimates five filters ζ for each pixel. They "
    "define one explicit step, eq. (4.6)–(4.7)."
)
CLAIMS = (architecture.claim("the number of parameters of DiffNet", "Sec. 5", 101_310),)


def compute(options):
    """Read the network off a model object."""
    from diffnet_tf import models

    return architecture.result(architecture.describe(models.DiffNet()))


draw, caption = (functools.partial(of, TEXT) for of in (architecture.draw, architecture.caption))
alt = architecture.alt

if __name__ == "__main__":
    main(__file__)
