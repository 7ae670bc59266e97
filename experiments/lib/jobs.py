"""The experiments that `experiments.all` runs, the most valuable first, and how long each takes.

Times are minutes on 2 idle cores. This module needs neither Keras nor images.
"""

import dataclasses

from experiments.lib import registry, seeds

PAPER = 10 * 60.0  # minutes on 2 cores of 101,250 steps of 16 whole images


@dataclasses.dataclass(frozen=True)
class Job:
    """One experiment, or some of its parts, or another seed of it.

    Attributes:
        name: the experiment's NAME.
        quick, cpu, paper, smoke: minutes on 2 idle cores, budget by budget.
        needs: labels of the jobs whose networks it uses.
        seed: seed of a training that has its own folder, see `lib.seeds`.
        of_seeds: how many seeds it uses.
        only: the parts that it runs, as in --only; all if not given.
    """

    name: str
    quick: float = 3.0
    cpu: float = 60.0
    paper: float = PAPER
    smoke: float = 0.5
    needs: tuple = ()
    seed: int = 0
    of_seeds: int = 1
    only: str = ""

    @property
    def label(self):
        """Its name in the list of finished jobs."""
        label = self.name + (f"-{self.only.rstrip('-')}" if self.only else "")
        label += f"-seed-{self.seed}" if self.seed else ""
        return label + (f"-of-{self.of_seeds}-seeds" if self.of_seeds > 1 else "")

    def folder(self, root):
        """The results folder that it writes to."""
        return seeds.folder(root, self.seed)


INVERSES = ("fig06", "inverse-0.1pct", "fig07")
SEEDED = ("fig06", "fig07", "forward", "inverse-0.1pct", "fig05")  # by the value of further seeds
FILTERS = ("fig11", "fig12")  # look into the inverse networks of all seeds
# In the order of their value. Drawings and measurements that take minutes come as soon as they can.
ORDER = (
    *(Job(name, 0.2, 0.2, 0.2, 0.2) for name in ("fig01", "fig02", "fig03", "fig04")),
    Job("fig06", cpu=26),
    Job("fig07", cpu=24),
    Job("inverse-0.1pct", cpu=26),
    *(Job(name, 0.3, 0.3, 0.3, 0.3, INVERSES) for name in FILTERS),
    Job("forward", cpu=26),
    Job("fig05", cpu=15),
    Job("rounding", 0.5, 1.5, 1.5),
    Job("precision", 1, 2, 2, needs=(*INVERSES, "forward")),
    Job("learned-operator", 2, 10, 40),
    Job("generalisation", 2, 15, 30),
    Job("stl10-test", 6, 6, 6),  # of 10,000 images of STL-10; of others less
    Job("fig13", 8, 110, 30 * PAPER),
    Job("fig10", 3, 120, 24 * PAPER, only="stored-DiffNet-"),
    Job("fig10", 2, 50, 8 * PAPER, only="DiffNet-inverse-0-"),
    Job("fig10", 3, 260, 8 * PAPER, only="stored-UNet-"),
    Job("fig10", 2, 50, 8 * PAPER, only="DiffNet-inverse-0.01-"),
    Job("protocol", 4, 290, 4 * PAPER),
    Job("ensemble", 5, 14, 5 * PAPER),
    Job("physics", 10, 80, 16 * PAPER),
    Job("longer-times", 5, 240, 8 * PAPER),
    Job("all-noise", 10, 65, 10 * PAPER),
    Job("any-noise", 2, 3, 3, needs=("all-noise",)),
    Job("inverse-any", 20, 720, 40 * PAPER, 4),
    Job("diffusion-estimates", 2, 12, 100, needs=("inverse-any",)),
    Job("denoise-colour", 8, 140, 1_200, 1),
    Job("fig08", 4, 13, 5 * PAPER, needs=("fig06",)),
    Job("fig09", 4, 9, 5 * PAPER, needs=("fig07",)),
    Job("training-time", 2, 2, 5),
    Job("tradeoff", 6, 60, 15 * PAPER),
    Job("noise-estimates", 1, 1, 1),
    Job("denoise", 15, 1_020, 15 * PAPER, 1.5),
    Job("denoise-stencils", 1, 1, 1, needs=("denoise",)),
    Job("conservative", 20, 240, 6 * PAPER, 5, ("forward",)),
    Job("locality", 10, 25, 18 * PAPER),
    Job("comparison", 15, 75, 40 * PAPER, 1.5, ("fig06", "fig07")),
    Job("fig10", 4, 100, 16 * PAPER, only="DiffNet-"),
    Job("unet", 5, 25, 10 * PAPER, needs=("fig08", "fig09")),  # two of its four trainings are done by then
    Job("fig10", 15, 750, 100 * PAPER, 1, ("unet",)),
)


def jobs(number=1):
    """All experiments: those of `ORDER`, then any others.

    Args:
        number: number of seeds of the experiments that train one network. Further seeds follow the first ones of all
            experiments; the jobs that use all seeds come last.
    """
    known = {job.name: job for job in ORDER}  # of those of SEEDED and FILTERS there is one each
    order = [*ORDER, *(Job(name) for name in registry.names() if name not in known)]
    more = [
        dataclasses.replace(known[name], seed=seed)
        for together in (SEEDED[:2], SEEDED[2:4], SEEDED[4:])
        for seed in range(1, number)
        for name in together
    ]
    if more:
        needs = (*INVERSES, *(job.label for job in more if job.name in INVERSES))
        looks = [dataclasses.replace(known[name], of_seeds=number, needs=needs) for name in FILTERS]
        more[-(number - 1) : -(number - 1)] = looks  # before further seeds of the last
        place = 1 + max(order.index(known[name]) for name in SEEDED)
        order[place:place] = more
    return order


def minutes(name, budget, seed=0):
    """About how many minutes an experiment takes on 2 idle cores: all its parts, or another seed of its training.

    Args:
        name: the experiment's NAME.
        budget: see `options.BUDGETS`.
        seed: any but 0 of an experiment that cannot be trained from another raises a ValueError.
    """
    if seed and name not in SEEDED:
        raise ValueError(f"{name} is not trained from seeds by itself; expected one of {', '.join(SEEDED)}.")
    return sum(getattr(job, budget) for job in jobs() if job.name == name)


def in_words(time):
    """A time in minutes, for readers: "under a minute", "6 min" or "22 h"."""
    if time < 1:
        return "under a minute"
    return f"{time / 60:.0f} h" if time >= 90 else f"{time:.0f} min"
