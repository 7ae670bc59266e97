"""Figure 11: the sum of the five filters in every layer, the smoothing part αW, for three levels of noise.

Paper: near zero where the network is mean-free, and growing with the noise.

    python -m experiments.fig11_filter_sums --source stl10_binary --data_dir DIR  # seconds: it trains nothing
"""

from experiments.lib import filters

NAME = "fig11"


def compute(options):
    """The sums of the filters of trained networks."""
    return filters.compute("Figure 11", lambda f: f.sum(axis=-1), options)


def draw(record, arrays):
    """A row for each level of noise."""
    return filters.draw(caption(record), record, arrays)


def caption(record):
    """What is shown, and where it comes from."""
    return (
        f"{record['title']}: δt Σ ζ, the sum of the five filters of every pixel in every layer, the diagonal of the "
        "smoothing part αW in S = L + αW; zero where a layer is mean-free. One scale for all. "
        f"{filters.provenance(record)}"
    )


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
