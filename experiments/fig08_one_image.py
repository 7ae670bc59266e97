"""Figure 8: one image, diffused and undone by DiffNet and by the U-Net, no noise.

Paper, of its ship: DiffNet 65.34 dB, U-Net 61.08 dB.

    python -m experiments.fig08_one_image --budget quick  # about 3 min on 2 cores, for the U-Net
    python -m experiments.fig08_one_image --budget cpu --source stl10_binary --data_dir DIR --image -1
"""

from experiments.lib import one_image

NAME = "fig08"
CONFIG = one_image.Config(
    title="Figure 8",
    noise=0.0,
    paper_psnr={"diffnet": 65.34, "unet": 61.08},
    budgets={
        "smoke": ("fast", 2, 8),
        "quick": ("fast", 300, None),
        "cpu": ("fast", 2_000, None),
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
