"""Draw the figure of an experiment from its record. NumPy and Matplotlib only."""

from pathlib import Path

from diffnet_tf import figures
from experiments.lib import records


def render(experiment, directory):
    """Draw one experiment's figure from the record in a folder; returns the picture's path."""
    record, arrays = records.load(directory)
    path = Path(directory) / records.FIGURE
    figures.save(experiment.draw(record, arrays), path)
    return path
