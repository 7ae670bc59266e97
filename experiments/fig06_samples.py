"""Figure 6: DiffNet undoes Perona–Malik diffusion without noise, samples of the test set.

Paper: mean test PSNR 63.72 dB, 90,000 images of STL-10, 18 epochs, 75 minutes on a Titan Xp.
Claim here: at least 64 dB on real photographs after an hour on 2 cores.

    python -m experiments.fig06_samples --budget quick  # about 2 min on 2 cores
    python -m experiments.fig06_samples --budget cpu --source stl10_binary --data_dir DIR
"""

from experiments.lib import samples

NAME = "fig06"
CONFIG = samples.Config(
    title="Figure 6",
    noise=0.0,
    paper_psnr=63.72,
    budgets={
        "smoke": ("fast", 4, 8),
        "quick": ("fast", 2_400, None),
        "cpu": ("fast", 72_000, None),
        "paper": ("paper", 101_250, None),
    },
    crop=24,
    iterations=200,
)


def compute(options):
    """Train DiffNet and measure it; see `samples.compute`."""
    return samples.compute(CONFIG, options)


draw, caption = samples.draw, samples.caption

if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
