"""Figure 9: one image, diffused and undone by DiffNet and by the U-Net, 1 % noise.

Paper, of its ship: DiffNet 34.96 dB, U-Net 35.27 dB.

    python -m experiments.fig09_one_image --budget quick  # about 3 min on 2 cores, for the U-Net
    python -m experiments.fig09_one_image --budget cpu --source stl10_binary --data_dir DIR --image -1
"""

from experiments.lib import one_image

NAME = "fig09"
CONFIG = one_image.Config(
    title="Figure 9",
    noise=0.01,
    paper_psnr={"diffnet": 34.96, "unet": 35.27},
    budgets={
        "smoke": ("fast", 2, 8),
        "quick": ("fast", 300, None),
        "cpu": ("fast", 1_200, None),
        "paper": ("paper", 101_250, None),
    },
)


def compute(options):
    """Train the U-Net and apply both; see `one_image.compute`."""
    return one_image.compute(CONFIG, options)


draw, caption = one_image.draw, one_image.caption

if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
