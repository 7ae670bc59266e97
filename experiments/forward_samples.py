"""DiffNet learns Perona–Malik diffusion itself, a setting of Figure 10; samples of the test set.

The paper does not print a number.

    python -m experiments.forward_samples --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import functools

from experiments.lib import samples, study
from experiments.lib.measure import Task
from experiments.lib.run import main

NAME = "forward"
TITLE = "Forward"
BUDGETS = study.budgets(4, 2_400, 72_000)
compute = functools.partial(samples.compute, Task("forward"), BUDGETS)
draw, caption, alt, report = samples.draw, samples.caption, samples.alt, samples.report

if __name__ == "__main__":
    main(__file__)
