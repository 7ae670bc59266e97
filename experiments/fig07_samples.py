"""Figure 7: DiffNet undoes Perona–Malik diffusion from images with 1 % noise, samples of the test set.

Paper: mean test PSNR 34.21 dB, 90,000 images of STL-10, 18 epochs, 75 minutes on a Titan Xp.
Claim here: at least 34.2 dB on real photographs after an hour on 2 cores.

    python -m experiments.fig07_samples --budget quick  # about 2 min on 2 cores
    python -m experiments.fig07_samples --budget cpu --source stl10_binary --data_dir DIR
"""

from experiments.lib import samples

NAME = "fig07"
CONFIG = samples.Config(
    title="Figure 7",
    noise=0.01,
    paper_psnr=34.21,
    budgets={
        "smoke": ("fast", 4, 8),
        "quick": ("fast", 1_200, None),
        "cpu": ("fast", 30_000, None),
        "paper": ("paper", 101_250, None),
    },
    crop=48,
)


def compute(options):
    """Train DiffNet and measure it; see `samples.compute`."""
    return samples.compute(CONFIG, options)


draw, caption = samples.draw, samples.caption

if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
