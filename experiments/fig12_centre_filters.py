"""Figure 12: the centre filter in every layer, for three noise levels.

Paper: it shows the edges, which become wider with more noise.

    # seconds, no training
    python -m experiments.fig12_centre_filters --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import functools

from experiments.lib import filters, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.options import IMAGES
from experiments.lib.run import main

NAME = "fig12"
TITLE = "Figure 12"
OPTIONS = (*IMAGES, "image")


compute = functools.partial(filters.compute, lambda f: f[..., 0])


def draw(record, arrays):
    """A row for each level of noise."""
    return filters.draw(caption(record), record, arrays, each=True)


def caption(record):
    """The caption: what is shown, and what it means."""
    return (
        f"{record['title']}: the centre filter, −δt ζ₅ in the stencil (4.7), in each layer, for three levels of noise; "
        "each image has its own colour scale. It follows the edges of the image. Mean width of its "
        f"details: {filters.numbers(record, 'edge_width', '2f', ' pixels')}.{filters.seed(record)}"
    )


def alt(record):
    """The alt text: what is seen."""
    return (
        f"A grid: a row for each level of noise, {filters.rows(record)}. Each row starts with the diffused test image "
        "and shows the centre filter in each layer: a picture of the same scene, in which edges stand out as lines."
    )


def wider_edges(record, arrays):
    """In every layer the edges in the centre filter are wider at 1 % noise than without."""
    widths = filters.of_seeds(record, "edge_width")  # (seeds, noise, layer)
    wider = widths[:, -1] > widths[:, 0]
    if not wider.size:
        raise verdicts.NotRun("no layers")
    ours = ", ".join(f"{value:.2f}" for value in widths.mean(axis=(0, 2)))
    text = f"wider in {' and '.join(str(number) for number in wider.sum(axis=1))} of {wider.shape[1]} layers"
    text += f"; mean width {ours} pixels for 0, 0.1, 1 % noise"
    return filters.finding(record, text, verdicts.of_each_seed(wider.all(axis=1)))


CLAIMS = (Claim("the edges in the centre filters get wider with the noise", "in every layer", wider_edges, "Fig. 12"),)

if __name__ == "__main__":
    main(__file__)
