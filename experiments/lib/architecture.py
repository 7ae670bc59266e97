"""What Figures 1–3 share: drawings of the networks, made from the model objects.

Every name, shape and number of parameters in them is read off a layer; the record keeps what was read, and the drawing
is made from the record.
"""

import textwrap

import numpy as np
from matplotlib.patches import FancyBboxPatch

from diffnet_tf import figures
from experiments.lib import study, verdicts
from experiments.lib.ledger import Claim

BOX = 1.1  # inches; boxes are drawn in inches
GAP = 0.32
UPDATE = "u + δt S(ζ) u"  # eq. (4.6)


def describe(model):
    """The layers of a model as plain values: name, class, parameters and output shape, and what is inside them."""
    from diffnet_tf.networks import layers

    blocks = []
    for layer in model.layers:
        block = _block(layer, layer.output.shape)
        if isinstance(layer, layers.DiffusionLayer):
            block["estimator"] = {
                **_block(layer.estimator, layer.estimator.compute_output_shape(layer.output.shape)),
                "convolutions": describe_estimator(layer.estimator),
            }
        if isinstance(layer, layers.LinearDiffusionLayer):
            block["filters"] = {"shape": list(layer.kernel.shape), "parameters": int(np.prod(layer.kernel.shape))}
        if hasattr(layer, "time_step"):
            block["time_step"] = {"parameters": 1, "initial": layer.initial_time_step}
        blocks.append(block)
    return {"class": type(model).__name__, "parameters": model.count_params(), "blocks": blocks}


def describe_estimator(estimator):
    """The convolutions of a `FilterEstimator`, in order."""
    return [
        {
            **_block(convolution, (None, None, None, convolution.filters)),
            "kernel": list(convolution.kernel.shape),
            "activation": convolution.activation.__name__,
        }
        for convolution in estimator.convolutions
    ]


def _block(layer, output):
    return {
        "name": layer.name,
        "class": type(layer).__name__,
        "parameters": layer.count_params(),
        "output": list(output),
    }


def result(description, caption):
    """The record of a drawing: no data and no training."""
    nothing = {"source": "none", "data": "none", "test_data": "none", "image_sets": {}}
    return study.Result({**nothing, "caption": caption, **description})


def claim(text, where, parameters):
    """The claim of a number of parameters, exactly."""

    def check(record, arrays):
        verdict = verdicts.REPRODUCED if record["parameters"] == parameters else verdicts.NOT_REPRODUCED
        return verdicts.Finding(f"{record['parameters']:,}", verdict, **verdicts.provenance(record, budget=""))

    return Claim(text, f"{parameters:,}", check, where)


@figures.styled
def draw_network(record, arrays):
    """A chain of diffusion layers, above each what gives its filters."""
    blocks = record["blocks"]
    figure, axes = _canvas(len(blocks), 2, caption(record))
    for column, block in enumerate(blocks):
        text = [block["name"], f"({block['class']})"]
        inner = block.get("estimator") or block.get("filters")
        if inner:
            text += [UPDATE, f"δt: {_parameters(block['time_step']['parameters'])}"]
            above = (
                [inner["name"], f"({inner['class']})", f"ζ: {_shape(inner['output'])}"]
                if "output" in inner
                else ["filters", "(parameters)", f"ζ: {_shape(inner['shape'])}"]
            )
            _box(axes, column, 1, [*above, _parameters(inner["parameters"])], figures.BOXES[1])
            _arrow(axes, (column, 1), (column, 0))
            if "output" in inner:  # the estimator looks at the image that comes in
                _elbow(axes, column)
        _box(axes, column, 0, [*text, _shape(block["output"])], figures.BOXES[0] if inner else "white")
        if column:
            _arrow(axes, (column - 1, 0), (column, 0))
    return figure


@figures.styled
def draw_estimator(record, arrays):
    """The chain of convolutions that estimates the filters."""
    convolutions = record["blocks"]
    figure, axes = _canvas(len(convolutions) + 1, 1, caption(record))
    _box(axes, 0, 0, ["image", "n × h × w × 1"], "white")
    for column, block in enumerate(convolutions, start=1):
        kernel = " × ".join(map(str, block["kernel"]))
        activation = "no activation" if block["activation"] == "linear" else block["activation"]
        text = [
            block["name"],
            f"({block['class']})",
            kernel,
            activation,
            _parameters(block["parameters"]),
            _shape(block["output"]),
        ]
        _box(axes, column, 0, text, figures.BOXES[1])
        _arrow(axes, (column - 1, 0), (column, 0))
    return figure


def caption(record):
    """What is drawn."""
    return f"{record['title']}: {record['caption']} {record['parameters']:,} parameters in all."


def _parameters(number):
    return f"{number:,} parameter{'s' * (number != 1)}"


def _shape(shape):
    names = ("n", "h", "w")
    kept = [names[i] if size is None else str(size) for i, size in enumerate(shape)]
    return " × ".join(kept)


def _canvas(columns, rows, text):
    width, height = columns * (BOX + GAP) + GAP, rows * (BOX + GAP) + GAP
    lines = textwrap.wrap(text, int(width * 17.5))
    figure = figures.Figure((width, height + 0.14 * len(lines) + 0.1), dpi=figures.DPI)
    total = figure.get_size_inches()[1]
    axes = figure.add_axes((0, 1 - height / total, 1, height / total), xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    figure.text(0.1 / width, 0.05 / total, "\n".join(lines), va="bottom", ha="left")
    return figure, axes


def _corner(column, row):
    return GAP + column * (BOX + GAP), GAP + row * (BOX + GAP)


def _box(axes, column, row, lines, colour):
    x, y = _corner(column, row)
    style = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": colour, "edgecolor": "black", "linewidth": 0.6}
    axes.add_patch(FancyBboxPatch((x, y), BOX, BOX, alpha=1, **style))
    axes.text(x + BOX / 2, y + BOX / 2, "\n".join(lines), ha="center", va="center", fontsize=6, linespacing=1.35)


def _arrow(axes, start, end):
    """Between two boxes beside or above each other."""
    (x0, y0), (x1, y1) = _corner(*start), _corner(*end)
    sideways = start[1] == end[1]
    tail = (x0 + BOX, y0 + BOX / 2) if sideways else (x0 + BOX / 2, y0)
    tip = (x1, y1 + BOX / 2) if sideways else (x1 + BOX / 2, y1 + BOX)
    axes.annotate("", tip, tail, arrowprops={"arrowstyle": "-|>", "linewidth": 0.8, "color": "black"})


def _elbow(axes, column):
    """From the image that enters a layer up into its estimator."""
    x, y = _corner(column, 0)
    middle = x - GAP / 2
    axes.plot([middle, middle], [y + BOX / 2, y + 1.5 * BOX + GAP], color="black", linewidth=0.8)
    tip = (x, y + 1.5 * BOX + GAP)
    axes.annotate("", tip, (middle, tip[1]), arrowprops={"arrowstyle": "-|>", "linewidth": 0.8, "color": "black"})
