"""Figure 11: the sum of the five filters in every layer, the smoothing part αW, for three levels of noise.

Paper: near zero where the network is mean-free, and growing with the noise.

    python -m experiments.fig11_filter_sums --source stl10_binary --data_dir DIR  # seconds: it trains nothing
"""

import functools

import numpy as np

from experiments.lib import filters, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.run import main

NAME = "fig11"
TITLE = "Figure 11"


compute = functools.partial(filters.compute, lambda f: f.sum(axis=-1))


def draw(record, arrays):
    """A row for each level of noise."""
    return filters.draw(caption(record), record, arrays)


def caption(record):
    """What is shown, and where it comes from."""
    return (
        f"{record['title']}: δt Σ ζ, the sum of the five filters, the diagonal of the smoothing part αW in S = L + αW; "
        f"zero where a layer is mean-free. {filters.provenance(record)}"
    )


def mean_free(record, arrays):
    """Smoothing grows with the noise, and there is next to none to begin with: two claims in one."""
    means = [float(np.mean(level)) for level in record["mean_modulus"]]
    verdict = verdicts.judged(means == sorted(means), means[0] < 0.1 * means[-1])
    ours = ", ".join(f"{value:.2g}" for value in means)
    return filters.finding(record, f"mean modulus of δt Σ ζ: {ours} for 0, 0.1, 1 % noise", verdict)


CLAIMS = (Claim("mean-free without noise, smoothing grows with it", "yes", mean_free, "Fig. 11"),)

if __name__ == "__main__":
    main(__file__)
