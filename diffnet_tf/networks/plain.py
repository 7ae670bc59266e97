"""Networks as plain values: a class and its arguments, from which a network is made, and the names of its variables.

The size of a network is computed from its arguments before it is made: a few numbers in a stranger's file could ask for
more memory than there is, or take hours.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras

from diffnet_tf.base import checks
from diffnet_tf.files import reading
from diffnet_tf.networks.baselines import ConvNet, ResNet, UNet
from diffnet_tf.networks.conditioned import ConditionedDiffNet, check_diffusivities, number_of_maps
from diffnet_tf.networks.estimator import check_dilations
from diffnet_tf.networks.image_model import ImageModel
from diffnet_tf.networks.layers import DiffusionLayer
from diffnet_tf.networks.models import LATER, DiffNet, LinearDiffNet
from diffnet_tf.networks.tnrd import ReactionDiffusionNet

MOST_LAYERS = 1000  # of convolutions, or of linear diffusion layers
MOST_DILATION = 64  # of a convolution, whose memory grows with it
MOST_PARAMETERS = 2**29  # 2 GiB
_LARGEST = 10**12  # numbers above this are not multiplied: messages would get long
MOST_SIDE = 31  # of the filters of TNRD, in pixels
MOST_SCALES = 10  # of a U-Net: images are padded to multiples of 2⁹ pixels


def _conv(inputs: int, outputs: int) -> int:
    """The number of parameters of a 3×3 convolution."""
    return (9 * inputs + 1) * outputs


def _chain(depth: int, inputs: int, width: int, outputs: int) -> int:
    """The number of parameters of `depth` 3×3 convolutions, with `width` channels between them."""
    if depth == 1:
        return _conv(inputs, outputs)
    return _conv(inputs, width) + (depth - 2) * _conv(width, width) + _conv(width, outputs)


def _counts(**numbers: int) -> None:
    for name, number in numbers.items():
        checks.count(number, name)
        if number > _LARGEST:
            raise ValueError(f"{name} is above {_LARGEST:,}")


def _flags(**values: bool) -> None:
    for name, value in values.items():
        if not isinstance(value, bool):
            raise checks.InputTypeError(f"{name}={value!r} is a {type(value).__name__}; expected true or false.")


def _check_dilations(dilations: Sequence[int] | None, depth: int) -> None:
    if dilations is not None and max(check_dilations(dilations, depth)) > MOST_DILATION:
        raise ValueError(f"dilations={dilations!r:.50}; expected at most {MOST_DILATION}")


def _of_diffnet(
    num_layers: int,
    estimator_depth: int,
    width: int,
    points: int = 5,
    channels: int = 1,
    mixing: bool = False,
    noise_map: bool = False,
    dilations: Sequence[int] | None = None,
    reaction: bool = False,
    shared: bool = False,
    relu: bool = True,
    conservative: bool = False,
    **_: Any,
) -> tuple[int, int]:
    _counts(num_layers=num_layers, estimator_depth=estimator_depth, width=width, points=points, channels=channels)
    _flags(mixing=mixing, noise_map=noise_map, reaction=reaction, shared=shared, relu=relu, conservative=conservative)
    _check_dilations(dilations, estimator_depth)
    filters = 2 if conservative else (points * channels**2 if mixing else points) + reaction
    one = _chain(estimator_depth, channels + noise_map, width, filters) + 1  # and a time step
    return num_layers * estimator_depth, one if shared else num_layers * one


def _of_conditioned(
    num_layers: int,
    estimator_depth: int,
    width: int,
    points: int,
    dilations: Sequence[int] | None,
    residual: bool,
    correction: bool,
    start: int,
    shared: bool,
    diffusivities: Sequence[str],
    steps: int,
    relu: bool,
    **_: Any,
) -> tuple[int, int]:
    checks.count(start, "start", minimum=0)
    _counts(num_layers=num_layers, estimator_depth=estimator_depth, width=width, points=points, steps=steps)
    _counts(start=start + 1)
    _flags(residual=residual, correction=correction, shared=shared, relu=relu)
    _check_dilations(dilations, estimator_depth)
    inputs = 2 + number_of_maps(check_diffusivities(diffusivities), residual)
    one = _chain(estimator_depth, inputs, width, points + correction) + 1  # and a time step
    diffusions = start + num_layers * (residual or correction)  # whose steps are unrolled
    return num_layers * estimator_depth + diffusions * steps, one if shared else num_layers * one


def _of_linear(image_shape: Sequence[int], num_layers: int, generalised: bool, **_: Any) -> tuple[int, int]:
    height, width = image_shape
    _counts(height=height, width=width, num_layers=num_layers)
    _flags(generalised=generalised)
    return num_layers, num_layers * ((5 if generalised else 4) * height * width + 1)


def _of_unet(widths: Sequence[int]) -> tuple[int, int]:
    if not isinstance(widths, (list, tuple)) or not 1 <= len(widths) <= MOST_SCALES:
        raise ValueError(f"widths={widths!r:.50}; expected a list of 1 to {MOST_SCALES} numbers of channels")
    for width in widths:
        _counts(widths=width)
    down = sum(_chain(2, inputs, width, width) for inputs, width in zip((1, *widths), widths))
    up = sum(_conv(below, width) + _chain(2, 2 * width, width, width) for width, below in zip(widths, widths[1:]))
    return 5 * len(widths), down + up + _conv(widths[0], 1)


def _of_convnet(depth: int, width: int, noise_map: bool = False, skip: bool = False) -> tuple[int, int]:
    _counts(depth=depth, width=width)
    _flags(noise_map=noise_map, skip=skip)
    return depth, _chain(depth, 1 + noise_map, width, 1)


def _of_resnet(blocks: int, width: int) -> tuple[int, int]:
    _counts(blocks=blocks, width=width)
    return 2 * blocks + 2, _chain(2 * blocks + 2, 1, width, 1)


def _of_tnrd(stages: int, size: int, filters: int | None, centres: int, **_: Any) -> tuple[int, int]:
    _counts(stages=stages, size=size, centres=centres)
    if size > MOST_SIDE:  # a basis of size² filters is made, whatever the number of parameters
        raise ValueError(f"size={size:,}; expected at most {MOST_SIDE}")
    filters = size**2 - 1 if filters is None else filters
    _counts(filters=filters)
    one = (size**2 - 1 + centres) * filters + 1  # and λ
    return stages * (2 + centres // 7), stages * one  # two convolutions, and the blocks of centres: all are unrolled


@dataclasses.dataclass(frozen=True)
class _Kind:
    """A class of networks.

    Attributes:
        network: the class.
        keys: the arguments that describe a network.
        size: arguments → numbers of layers and of parameters.
        defaults: arguments that are left out if they have these values, as in the first cards.
    """

    network: type[ImageModel]
    keys: tuple[str, ...]
    size: Callable[..., tuple[int, int]]
    defaults: dict[str, Any] = dataclasses.field(default_factory=dict)


_STEPS = ("initial_time_step", "boundary")
_LATER = {"points": 5, "channels": 1, "mixing": False, "noise_map": False, **LATER}
_SKIP = {"noise_map": False, "skip": False}
_CONDITIONED = (
    *("points", "dilations", "residual", "correction", "start", "shared", "diffusivities", "steps", "dt", "relu"),
)
_KINDS = {
    kind.network.__name__: kind
    for kind in (
        _Kind(
            DiffNet, ("num_layers", "estimator_depth", "width", "initial_scale", *_STEPS, *_LATER), _of_diffnet, _LATER
        ),
        # Without its initialiser: the name of a function in a stranger's file would be looked up.
        _Kind(LinearDiffNet, ("image_shape", "num_layers", "generalised", *_STEPS), _of_linear),
        _Kind(UNet, ("widths",), _of_unet),
        _Kind(ConvNet, ("depth", "width", *_SKIP), _of_convnet, _SKIP),
        _Kind(ResNet, ("blocks", "width"), _of_resnet),
        _Kind(ReactionDiffusionNet, ("stages", "size", "filters", "centres", "gamma", "initial_reaction"), _of_tnrd),
        _Kind(
            ConditionedDiffNet,
            ("num_layers", "estimator_depth", "width", "initial_scale", *_STEPS, *_CONDITIONED),
            _of_conditioned,
        ),
    )
}


def describe(model: keras.Model) -> dict[str, Any]:
    """The class and the arguments of a network.

    Raises:
        TypeError: if it is not one of our networks.
    """
    kind = _KINDS.get(type(model).__name__)
    if kind is None or type(model) is not kind.network:
        raise checks.InputTypeError(
            f"The network is a {type(model).__name__}; expected one of {', '.join(_KINDS)}. Keep it with model.save."
        )
    config = kind.defaults | model.get_config()
    kept = {key: config[key] for key in kind.keys if key not in kind.defaults or config[key] != kind.defaults[key]}
    return {"class": type(model).__name__, **kept}


def parameters(described: dict[str, Any]) -> int:
    """The number of parameters of a network, computed without making it. Without a class it is a DiffNet.

    Raises:
        reading.Refused, TypeError, ValueError: if this describes no network, or one that is far too large. Use it in a
            block of `reading.decoding`.
    """
    kind, arguments = _kind(described)
    layers, number = kind.size(**arguments)
    if layers > MOST_LAYERS:
        raise reading.Refused(f"describes {layers:,} layers; expected at most {MOST_LAYERS:,}.")
    if number > MOST_PARAMETERS:
        raise reading.Refused(f"describes {number:,} parameters; expected at most {MOST_PARAMETERS:,}.")
    return number


def make(described: dict[str, Any], dtype: str | keras.DTypePolicy | None = None) -> ImageModel:
    """Make a network from its class and arguments; raises the errors of `parameters`, which is to be called before."""
    kind, arguments = _kind(described)
    return kind.network(**arguments, dtype=dtype)


def _kind(described: dict[str, Any]) -> tuple[_Kind, dict[str, Any]]:
    arguments = dict(described)
    name = arguments.pop("class", DiffNet.__name__)
    if not isinstance(name, str) or name not in _KINDS:
        raise reading.Refused(f"has a network of class {name!r:.50}; expected one of {', '.join(_KINDS)}.")
    kind = _KINDS[name]
    if unknown := sorted(arguments.keys() - set(kind.keys)):
        raise reading.Refused(f"has a network with {unknown[0]!r:.50}; expected {', '.join(kind.keys)}.")
    return kind, arguments


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """The variables of one of our networks, by names that are the same in every process."""
    named = {}
    for layer in model.layers:
        if isinstance(layer, DiffusionLayer):
            named[f"{layer.name}/time_step"] = layer.time_step
            parts = [(f"{layer.name}/{part.name}", part) for part in layer.estimator.convolutions]
        else:
            parts = [(layer.name, layer)]
        named |= {f"{name}/{variable.name}": variable for name, part in parts for variable in part.weights}
    return named
