"""Figures 1–3: drawings of the networks, made from the model objects.

Every name, shape and number of parameters is read from a layer and kept in the record, from which the drawing is made.
"""

import string

import numpy as np
from matplotlib.patches import FancyBboxPatch

from diffnet_tf import figures
from experiments.lib import captions, study, verdicts
from experiments.lib.ledger import Claim

HEIGHT, GAP, BEHIND = 1.05, 0.27, 0.06  # inches, of boxes, between them, and between those of a stack
LETTER = 0.063  # inches of a letter, which make a box as wide as its longest line
LINE = {"linewidth": 0.8, "color": "black"}
UPDATE = "u + δt S(ζ) u"  # eq. (4.6)
LETTERS, DIGITS = string.ascii_letters, string.digits


def describe(model):
    """The layers of a model as plain values: name, class, parameters and output shape, and their inner layers."""
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


def result(description):
    """The record of a drawing: no data and no training."""
    nothing = {"source": "none", "data": "none", "test_data": "none", "image_sets": {}}
    return study.Result({**nothing, **description})


def claim(text, where, parameters):
    """A claim about the exact number of parameters."""

    def check(record, arrays):
        holds = record["parameters"] == parameters
        return verdicts.finding(record, f"{record['parameters']:,}", holds, exact=True, budget="")

    return Claim(text, f"{parameters:,}", check, where, answers=verdicts.EXACT)


def groups(record):
    """The layers from left to right, with equal neighbours in one group: a list of lists of blocks."""
    blocks, found = record["blocks"], []
    if "kernel" in blocks[0]:
        blocks = [{"name": "image", "output": (None, None, None, 1)}, *blocks]
    for block in blocks:
        if found and _but_for_names(block) == _but_for_names(found[-1][0]):
            found[-1].append(block)
        else:
            found.append([block])
    return found


def _but_for_names(block):
    return {key: value for key, value in block.items() if key != "name"}


@figures.styled
def draw(text, record, arrays):
    """A chain of layers, with the source of the filters above a diffusion layer. Equal layers share a numbered box.

    Args:
        text: the caption's, see `caption`.
        record, arrays: see `records`.
    """
    chain = groups(record)
    inside = [_inside(of) for of in chain]
    above = [_above(of[0]) if "time_step" in of[0] else [] for of in chain]
    widths = [LETTER * max(map(len, lines + over)) + 0.14 for lines, over in zip(inside, above)]
    up = (HEIGHT + GAP) * any(above)
    size = sum(widths) + GAP * (len(widths) + 1), up + HEIGHT + 2 * GAP
    figure = figures.canvas(caption(text, record), *size)
    axes = figure.subplots()
    axes.set(xlim=(0, size[0]), ylim=(0, size[1]), aspect="equal")
    axes.axis("off")
    x, middle = GAP, GAP + HEIGHT / 2
    for column, (of, lines, over, width) in enumerate(zip(chain, inside, above, widths)):
        learned = {"time_step", "kernel"} & of[0].keys()
        colour = figures.BOXES["time_step" not in of[0]] if learned else "white"
        if column:
            _arrow(axes, (x - GAP + _behind(len(chain[column - 1])), middle), (x, middle))
        if over:
            _box(axes, x, GAP + up, width, over, figures.BOXES[1], len(of))
            _arrow(axes, (x + width / 2, GAP + up), (x + width / 2, GAP + HEIGHT))
        if "estimator" in of[0]:  # it looks at the image that comes in
            _arrow(axes, (x - GAP / 2, middle), (x - GAP / 2, middle + up), (x, middle + up))
        _box(axes, x, GAP, width, lines, colour, len(of))
        if len(of) > 1:
            axes.text(x + width / 2, GAP - 0.1, f"× {len(of)}", ha="center", va="top", fontsize=12, weight="bold")
        x += width + GAP
    return figure


def _inside(of):
    """The text in the box of a layer, or of several equal layers: a list of lines."""
    block, last = of[0], of[-1]
    name = block["name"]
    if len(of) > 1:
        name += f" and {last['name']}" if len(of) == 2 else f" to {last['name'].lstrip(LETTERS)}"
    lines = [name, *([f"({block['class']})"] if "class" in block else [])]
    if "kernel" in block:
        activation = "no activation" if block["activation"] == "linear" else block["activation"]
        lines += [_shape(block["kernel"]), activation, _parameters(block)]
    if "time_step" in block:
        lines += [UPDATE, f"δt: {_parameters(block['time_step'])}"]
    return [*lines, _shape(block["output"])]


def _above(block):
    """The text in the box of the source of a layer's filters: a list of lines."""
    if "estimator" in block:
        inner = block["estimator"]
        return [inner["name"], f"({inner['class']})", f"ζ: {_shape(inner['output'])}", _parameters(inner)]
    return ["filters", "(parameters)", f"ζ: {_shape(block['filters']['shape'])}", _parameters(block["filters"])]


def caption(text, record):
    """What is drawn.

    Args:
        text: text about the network.
        record: record of the drawing.
    """
    return f"{record['title']}: {text} {record['parameters']:,} parameters in total."


def alt(record):
    """The alt text: the boxes from left to right."""
    boxes, filters = [], []
    for of in groups(record):
        many = f" ({len(of)} times)" if len(of) > 1 else ""
        boxes.append(f"{of[0]['name'].rstrip(DIGITS) if many else of[0]['name']}{many}")
        if "time_step" in of[0]:
            filters = [f" Above the layer, a box {_above(of[0])[0]!r} with an arrow down to it gives it its filters."]
    return f"A chain of {len(boxes)} boxes, joined by arrows: {captions.listed(boxes)}.{''.join(filters[:1])}"


def _parameters(of):
    return f"{of['parameters']:,} parameter{'s' * (of['parameters'] != 1)}"


def _shape(shape):
    return " × ".join(name if size is None else str(size) for name, size in zip("nhw ", shape))


def _behind(number):
    """The shift between the first and the last box of a stack, of which at most three are drawn."""
    return BEHIND * (min(number, 3) - 1)


def _box(axes, x, y, width, lines, colour, number=1):
    """A box with lines of text, with the edges of further equal boxes behind it."""
    style = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": colour, "edgecolor": "black", "linewidth": 0.6}
    for shift in np.arange(_behind(number), -BEHIND / 2, -BEHIND):
        axes.add_patch(FancyBboxPatch((x + shift, y + shift), width, HEIGHT, alpha=1, **style))
    axes.text(x + width / 2, y + HEIGHT / 2, "\n".join(lines), ha="center", va="center", fontsize=8, linespacing=1.3)


def _arrow(axes, *points):
    """Draw an arrow along some points, with its head at the last."""
    axes.plot(*zip(*points[:-1]), **LINE)
    axes.annotate("", points[-1], points[-2], arrowprops={"arrowstyle": "-|>", **LINE})
