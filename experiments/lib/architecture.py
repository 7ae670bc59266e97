"""What Figures 1–3 share: drawings of the networks, made from the model objects.

Every name, shape and number of parameters in them is read off a layer; the record keeps what was read, and the drawing
is made from the record.
"""

import numpy as np
from matplotlib.patches import FancyBboxPatch

from diffnet_tf import figures
from experiments.lib import study, verdicts
from experiments.lib.ledger import Claim

BOX = 1.1  # inches; boxes are drawn in inches
GAP = 0.32
LINE = {"linewidth": 0.8, "color": "black"}
UPDATE = "u + δt S(ζ) u"  # eq. (4.6)


def describe(model):
    """The layers of a model as plain values: name, class, parameters and output shape, and what is inside them."""
    from diffnet_tf.networks import layers

    blocks = []
    for layer in model.layers:
        block = _block(layer, layer.output.shape)
        if isinstance(layer, layers.DiffusionLayer):
            inner = _block(layer.estimator, layer.estimator.compute_output_shape(layer.output.shape))
            block["estimator"] = {**inner, "convolutions": describe_estimator(layer.estimator)}
        if isinstance(layer, layers.LinearDiffusionLayer):
            block["filters"] = {"shape": list(layer.kernel.shape), "parameters": int(np.prod(layer.kernel.shape))}
        if hasattr(layer, "time_step"):
            block["time_step"] = {"parameters": 1, "initial": layer.initial_time_step}
        blocks.append(block)
    return {"class": type(model).__name__, "parameters": model.count_params(), "blocks": blocks}


def describe_estimator(estimator):
    """The convolutions of a `FilterEstimator`, in order."""
    found = []
    for each in estimator.convolutions:
        inside = {"kernel": list(each.kernel.shape), "activation": each.activation.__name__}
        found.append(_block(each, (None, None, None, each.filters)) | inside)
    return found


def _block(layer, output):
    found = {"name": layer.name, "class": type(layer).__name__}
    return {**found, "parameters": layer.count_params(), "output": list(output)}


def result(description, caption):
    """The record of a drawing: no data and no training."""
    nothing = {"source": "none", "data": "none", "test_data": "none", "image_sets": {}}
    return study.Result({**nothing, "caption": caption, **description})


def claim(text, where, parameters):
    """The claim of a number of parameters, exactly."""

    def check(record, arrays):
        holds = record["parameters"] == parameters
        return verdicts.finding(record, f"{record['parameters']:,}", holds, exact=True, budget="")

    return Claim(text, f"{parameters:,}", check, where, answers=verdicts.EXACT)


@figures.styled
def draw(record, arrays):
    """A chain of layers, above each diffusion layer what gives its filters."""
    blocks = record["blocks"]
    if "kernel" in blocks[0]:
        blocks = [{"name": "image", "output": (None, None, None, 1)}, *blocks]
    across, up = BOX + GAP, (BOX + GAP) * any("time_step" in block for block in blocks)
    size = len(blocks) * across + GAP, up + across + GAP
    figure, ((axes,),) = figures.plots(1, 1, caption(record), *size)
    axes.set(xlim=(0, size[0]), ylim=(0, size[1]), aspect="equal")
    axes.axis("off")
    middle = GAP + BOX / 2
    for column, block in enumerate(blocks):
        x = GAP + column * across
        colour = figures.BOXES["time_step" not in block] if {"time_step", "kernel"} & block.keys() else "white"
        _box(axes, x, GAP, _inside(block), colour)
        if column:
            _arrow(axes, (x - GAP, middle), (x, middle))
        if "time_step" in block:
            _box(axes, x, GAP + up, _above(block), figures.BOXES[1])
            _arrow(axes, (x + BOX / 2, GAP + up), (x + BOX / 2, GAP + BOX))
        if "estimator" in block:  # it looks at the image that comes in
            _arrow(axes, (x - GAP / 2, middle), (x - GAP / 2, middle + up), (x, middle + up))
    return figure


def _inside(block):
    """The lines of text of a layer."""
    lines = [block["name"], *([f"({block['class']})"] if "class" in block else [])]
    if "kernel" in block:
        activation = "no activation" if block["activation"] == "linear" else block["activation"]
        lines += [_shape(block["kernel"]), activation, _parameters(block)]
    if "time_step" in block:
        lines += [UPDATE, f"δt: {_parameters(block['time_step'])}"]
    return [*lines, _shape(block["output"])]


def _above(block):
    """The lines of text of what gives the filters of a layer."""
    if "estimator" in block:
        inner = block["estimator"]
        return [inner["name"], f"({inner['class']})", f"ζ: {_shape(inner['output'])}", _parameters(inner)]
    return ["filters", "(parameters)", f"ζ: {_shape(block['filters']['shape'])}", _parameters(block["filters"])]


def caption(record):
    """What is drawn."""
    return f"{record['title']}: {record['caption']} {record['parameters']:,} parameters in all."


def _parameters(of):
    return f"{of['parameters']:,} parameter{'s' * (of['parameters'] != 1)}"


def _shape(shape):
    return " × ".join(name if size is None else str(size) for name, size in zip("nhw ", shape))


def _box(axes, x, y, lines, colour):
    style = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": colour, "edgecolor": "black", "linewidth": 0.6}
    axes.add_patch(FancyBboxPatch((x, y), BOX, BOX, alpha=1, **style))
    axes.text(x + BOX / 2, y + BOX / 2, "\n".join(lines), ha="center", va="center", fontsize=6, linespacing=1.35)


def _arrow(axes, *points):
    """Along some points, with a head at the last."""
    axes.plot(*zip(*points[:-1]), **LINE)
    axes.annotate("", points[-1], points[-2], arrowprops={"arrowstyle": "-|>", **LINE})
