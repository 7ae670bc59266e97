"""Figure 12: the centre filter in every layer, for three levels of noise.

Paper: it marks the edges, which widen with the noise.

    python -m experiments.fig12_centre_filters --source stl10_binary --data_dir DIR  # seconds: it trains nothing
"""

import functools

import numpy as np

from experiments.lib import filters, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.options import of_stl10
from experiments.lib.run import main

NAME = "fig12"
TITLE = "Figure 12"


compute = functools.partial(filters.compute, lambda f: f[..., 0])


def draw(record, arrays):
    """A row for each level of noise."""
    return filters.draw(caption(record), record, arrays)


def caption(record):
    """What is shown, and where it comes from."""
    return f"{record['title']}: the centre filter times δt, −δt ζ₅ in the stencil (4.7). {filters.provenance(record)}"


def wider_edges(record, arrays):
    """The width of the edges in the centre filters grows with the noise, on average and in every layer."""
    layers = np.array([[edge_width(image) for image in level] for level in arrays["filters"]])  # (noise, layer)
    widths, wider = layers.mean(axis=1), layers[-1] > layers[0]
    verdict = verdicts.judged((np.diff(widths) >= 0).all(), wider.all() and of_stl10(record))
    ours = ", ".join(f"{width:.2f}" for width in widths)
    text = f"edge width {ours} pixels for 0, 0.1, 1 % noise; wider in {wider.sum()} of {len(wider)} layers"
    return filters.finding(record, text, verdict)


def edge_width(image):
    """How wide the lines and spots of an image are, in pixels: standard deviation over root mean square slope."""
    slope = np.mean([np.mean(np.diff(image, axis=axis) ** 2) for axis in (0, 1)])
    return float(image.std() / np.sqrt(slope))


CLAIMS = (Claim("edges in the centre filters widen with noise", "yes", wider_edges, "Fig. 12"),)

if __name__ == "__main__":
    main(__file__)
