"""Experiments in seconds: budget smoke, small networks."""

import diffnet_tf as dn
from experiments.lib import records, run


def set_flags(root, *flags):
    """Budget smoke, a results folder and these flags, in the place of what a test before has set."""
    run.FLAGS.unparse_flags()
    run.FLAGS(["test", "--budget", "smoke", "--results_dir", str(root), *flags])


def execute(experiment, root, *flags):
    """Run an experiment in this process at budget smoke: (record, arrays)."""
    set_flags(root, *flags)
    run.execute(experiment)
    return records.load(root / experiment.NAME)


def small(network, recipe):
    """What `networks.make` gives, with few parameters."""
    if network == "UNet":
        return dn.models.UNet(widths=(4, 8))
    return dn.models.DiffNet(2, 2, 4, initial_scale=recipe.initial_scale)
