"""DiffNet undoes Perona–Malik diffusion of images with 0.1 % noise, a setting of Figure 10; samples of the test set.

The paper does not print a number.

    python -m experiments.lownoise_samples --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import functools

from experiments.lib import samples, study
from experiments.lib.measure import Task
from experiments.lib.run import main

NAME = "inverse-0.1pct"
TITLE = "Inverse, little noise"
BUDGETS = study.budgets(4, 2_400, 72_000)
compute = functools.partial(samples.compute, Task("inverse", 0.001), BUDGETS)
draw, caption, alt, report = samples.draw, samples.caption, samples.alt, samples.report

if __name__ == "__main__":
    main(__file__)
