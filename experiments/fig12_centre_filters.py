"""Figure 12: the centre filter in every layer, for three levels of noise.

Paper: it marks the edges, which widen with the noise.

    python -m experiments.fig12_centre_filters --source stl10_binary --data_dir DIR  # seconds: it trains nothing
"""

from experiments.lib import filters

NAME = "fig12"


def compute(options):
    """The centre filters of trained networks."""
    return filters.compute("Figure 12", lambda f: f[..., 0], options)


def draw(record, arrays):
    """A row for each level of noise."""
    return filters.draw(caption(record), record, arrays)


def caption(record):
    """What is shown, and where it comes from."""
    return (
        f"{record['title']}: the centre filter of every pixel in every layer, with its sign and times δt (−δt ζ₅ in "
        f"the paper's stencil (4.7)). One scale for all. {filters.provenance(record)}"
    )


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
