"""Figure 7: DiffNet undoes Perona–Malik diffusion of images with 1 % noise; samples of the test set.

Paper: mean test PSNR 34.21 dB, 90,000 images of STL-10, 18 epochs, 75 minutes on a Titan Xp.

    python -m experiments.fig07_samples --budget quick  # a few minutes on 2 cores
    python -m experiments.fig07_samples --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import functools

from experiments.lib import samples, settings, study
from experiments.lib.measure import Task
from experiments.lib.run import main

NAME = "fig07"
TITLE = "Figure 7"
TASK = Task("inverse", 0.01)
PAPER = settings.PAPER_PSNR[TASK.noise]
BUDGETS = study.budgets(4, 1_200, 30_000)
CLAIMS = samples.claims(NAME, PAPER, "Fig. 7", "inverse, 1 % noise: test PSNR", TASK)
compute = functools.partial(samples.compute, TASK, BUDGETS, paper=PAPER)
draw, caption, alt, report = samples.draw, samples.caption, samples.alt, samples.report

if __name__ == "__main__":
    main(__file__)
