"""DiffNet undoes Perona–Malik diffusion from images with 0.1 % noise: a setting of Figure 10, samples of the test set.

Claim here: at least 44 dB on real photographs after an hour on 2 cores; the paper prints no number.

    python -m experiments.lownoise_samples --budget cpu --source stl10_binary --data_dir DIR
"""

from experiments.lib import samples

NAME = "inverse-0.1pct"
CONFIG = samples.Config(
    title="Inverse, little noise",
    noise=0.001,
    paper_psnr=None,
    budgets={
        "smoke": ("fast", 4, 8),
        "quick": ("fast", 2_400, None),
        "cpu": ("fast", 72_000, None),
        "paper": ("paper", 101_250, None),
    },
    crop=24,
)


def compute(options):
    """Train DiffNet and measure it; see `samples.compute`."""
    return samples.compute(CONFIG, options)


draw, caption = samples.draw, samples.caption

if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
