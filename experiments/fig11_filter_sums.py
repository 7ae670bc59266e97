"""Figure 11: the sum of the five filters in every layer (the smoothing part αW), for three noise levels.

Paper: it is near zero where the network is mean-free, and grows with the noise.

    # seconds, no training
    python -m experiments.fig11_filter_sums --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import functools

import numpy as np

from experiments.lib import filters, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.options import IMAGES
from experiments.lib.run import main

NAME = "fig11"
TITLE = "Figure 11"
OPTIONS = (*IMAGES, "image")


compute = functools.partial(filters.compute, lambda f: f.sum(axis=-1))


def draw(record, arrays):
    """A row for each level of noise."""
    return filters.draw(caption(record), record, arrays)


def caption(record):
    """The caption: what is shown, and what it means."""
    return (
        f"{record['title']}: the sum of the five filters, δt Σ ζ, in each layer, for three levels of noise. It is zero "
        "where a layer moves gray value between pixels and keeps their sum. Its mean modulus is "
        f"{filters.numbers(record, 'mean_modulus', '2g')}.{filters.seed(record)}"
    )


def alt(record):
    """The alt text: what is seen."""
    return (
        f"A grid: a row for each level of noise, {filters.rows(record)}. Each row starts with the diffused test image "
        "and shows the sum of the filters in each layer, red above zero, blue below it, pale where it is zero. Colours "
        "get stronger from row to row where the sum grows with the noise: "
        f"{filters.numbers(record, 'mean_modulus', '2g')}."
    )


NOTHING = 0.1  # of the smoothing at 1 % noise: what is less counts as next to none


def _smoothing(record):
    """Mean modulus of δt Σ ζ over the layers: (seeds, noise)."""
    return filters.of_seeds(record, "mean_modulus").mean(axis=2)


def mean_free(record, arrays):
    """Without noise there is next to no smoothing, less than a tenth of that at 1 %."""
    shares = [of_seed[0] / of_seed[-1] for of_seed in _smoothing(record)]
    answer = verdicts.of_each_seed([share < NOTHING for share in shares])
    text = f"mean |δt Σ ζ| without noise is {100 * np.mean(shares):.0f} % of that at 1 % noise"
    return filters.finding(record, text + verdicts.of_seeds([100 * share for share in shares], ".0f"), answer)


def grows(record, arrays):
    """Smoothing grows with the noise."""
    smoothing = _smoothing(record)
    answer = verdicts.of_each_seed([(np.diff(of_seed) > 0).all() for of_seed in smoothing])
    ours = ", ".join(f"{value:.2g}" for value in smoothing.mean(axis=0))
    return filters.finding(record, f"mean |δt Σ ζ| {ours} for 0, 0.1, 1 % noise", answer)


def first_is_broad(record, arrays):
    """Without noise, the first layer has broader details than the last one. (With noise the paper sees smooth features
    in later layers, too.)"""
    widths = filters.of_seeds(record, "edge_width")  # (seeds, noise, layer)
    answer = verdicts.of_each_seed(widths[:, 0, 0] > widths[:, 0, -1])
    first, last = (", ".join(f"{value:.2f}" for value in widths[..., k].mean(axis=0)) for k in (0, -1))
    text = f"width of details {first} pixels in the first layer, {last} in the last, for 0, 0.1, 1 % noise"
    return filters.finding(record, text, answer)


CLAIMS = (
    Claim(
        "the sum of the filters is near zero without noise",
        f"near zero; here: < {100 * NOTHING:g} % of that at 1 % noise",
        mean_free,
        "Fig. 11",
    ),
    Claim("smoothing grows with the noise", "yes", grows, "Fig. 11"),
    Claim(
        "without noise the details in the filters get finer from the first layer to the last",
        "yes",
        first_is_broad,
        "Sec. 6.2",
    ),
)

if __name__ == "__main__":
    main(__file__)
