"""Experiments in seconds: budget smoke, small networks."""

import diffnet_tf as dn
from experiments.lib import run
from experiments.lib.options import Options


def options(experiment, root, **changes):
    """Options of an experiment at budget smoke, in the results folder `root`."""
    return Options(experiment.NAME, root, **{"budget": "smoke", **changes})


def execute(experiment, root, **changes):
    """Run an experiment in this process at budget smoke: (record, arrays)."""
    return run.execute(experiment, options(experiment, root, **changes))


def small(network, recipe):
    """What `networks.make` gives, with few parameters."""
    if network == "UNet":
        return dn.models.UNet(widths=(4, 8))
    return dn.models.DiffNet(2, 2, 4, initial_scale=recipe.initial_scale)
