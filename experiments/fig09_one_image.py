"""Figure 9: one image, diffused with 1 % noise, and restored by DiffNet and by the U-Net.

Paper, for the image of a ship: DiffNet 34.96 dB, U-Net 35.27 dB.

    python -m experiments.fig09_one_image --budget quick  # about 3 min on 2 cores, if a U-Net must be trained
    python -m experiments.fig09_one_image --budget cpu --source stl10_binary --data-dir DIR --image -1
"""

import functools

from experiments.lib import one_image, unets
from experiments.lib.measure import Task
from experiments.lib.options import IMAGES, TRAINING
from experiments.lib.run import main

NAME = "fig09"
TITLE = "Figure 9"
OPTIONS = (*TRAINING, *IMAGES, "image")
PAPER = {"diffnet": 34.96, "unet": 35.27}
BUDGETS = unets.BUDGETS
CLAIMS = one_image.claims("Fig. 9", 0.01, PAPER)
compute = functools.partial(one_image.compute, Task("inverse", 0.01), PAPER)
draw, caption, alt = one_image.draw, one_image.caption, one_image.alt

if __name__ == "__main__":
    main(__file__)
