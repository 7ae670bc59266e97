"""Presets: trained networks that come with the package. Loading one does not use the internet or run code from files.

A preset is two files in the folder `weights`: the model card `NAME.json` (network, data, recipe, steps, quality,
limits) and the weights `NAME.npz`, plain arrays without pickles. The weights are read only if they have the SHA-256 of
the card, and used only if their names, shapes and dtypes are those of the network.

>>> import diffnet_tf as dn
>>> dn.list_presets()
['forward', 'inverse', 'inverse-0.1pct', 'inverse-1pct', 'deconvolution']
>>> dn.from_preset("inverse").count_params()
101310
"""

import weakref
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from diffnet_tf import files
from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.files import reading, sealed
from diffnet_tf.networks import cards
from diffnet_tf.networks import precision as _precision
from diffnet_tf.networks.cards import best_of_eight_bits, card, list_presets, of_eight_bits
from diffnet_tf.networks.models import DiffNet

__all__ = [
    "best_of_eight_bits",
    "card",
    "card_of",
    "from_preset",
    "in_precision",
    "list_presets",
    "of_eight_bits",
    "psnr_on_card",
    "save",
    "variables",
]


def from_preset(name: str, dtype: str | keras.DTypePolicy | None = None, *, precision: str | None = None) -> DiffNet:
    """Load a preset, a trained network that comes with the package.

    Args:
        name: one of `list_presets()`. "inverse", "inverse-0.1pct" and "inverse-1pct" undo four steps of Perona–Malik
            diffusion (δt = 0.1, λ = 0.2) of images with 0 %, 0.1 % and 1 % noise. "forward" computes this diffusion.
            "deconvolution" undoes isotropic diffusion of disks until T = 1.
        dtype: a dtype policy such as "mixed_bfloat16"; images and time steps stay float32 or wider.
        precision: instead of a dtype, "float32" (the default), "bfloat16" or "auto"; see `networks.precision`. With
            "float32", GPUs do not use TF32: on JAX and PyTorch in calls of this network; on TensorFlow, which has no
            switch for one network, in the whole process from now on.

    Returns:
        A `models.DiffNet`. Input and output are (batch, height, width, 1); divide each input by its own maximum.

    Raises:
        ValueError: for an unknown name or precision, for both a precision and a dtype, or if the weights do not match
            the card or the network.
        FileNotFoundError: if the weights are missing.
    """
    if dtype is not None and precision is not None:
        raise ValueError(f"dtype={dtype!r} and precision={precision!r}; expected only one. Leave dtype out.")
    described = card(name)
    policy = dtype if dtype is not None else _precision.policy(precision or "float32", _precision.cost(described))
    path = cards.FOLDER / f"{name}.npz"
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: the installation is incomplete. Install the package again.")
    values = sealed.arrays(cards.FOLDER / f"{name}.json", described["sha256"], cards.ADVICE)
    model = _network(name, described["network"], policy)
    _assign(variables(model), values, path)
    _CARDS[model] = described
    if dtype is None and policy == "float32":
        model.exact = True
        backend.tensorflow_without_tf32()
    elif precision == "auto":
        _precision.compensate(model)
    return model


# The cards of the presets that were loaded.
_CARDS: weakref.WeakKeyDictionary[keras.Model, dict[str, Any]] = weakref.WeakKeyDictionary()


def psnr_on_card(model: keras.Model) -> float | None:
    """The mean test PSNR in dB from a network's card; None if the network is not a preset."""
    try:
        return float(_CARDS[model]["quality"]["output"]["mean"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def card_of(model: keras.Model) -> dict[str, Any] | None:
    """The card of a network; None if it is not a preset."""
    return _CARDS.get(model)


def in_precision(model: DiffNet, precision: str) -> DiffNet:
    """A network with the same weights in another precision, see `networks.precision`; the same network if it has it.

    Raises:
        ValueError: for an unknown precision, or a network that is not of dtype float32.
    """
    if model.dtype_policy.name != "float32":
        raise ValueError(
            f"precision={precision!r} for a network of dtype {model.dtype_policy.name!r}; expected a float32 network, "
            "or no precision."
        )
    described = _CARDS.get(model)
    other = _precision.recast(model, _precision.policy(precision, _precision.cost(described or {})))
    if described is not None:
        _CARDS[other] = described
    if precision == "auto" and other is not model:
        _precision.compensate(other)
    return other


def save(name: str, model: DiffNet, described: dict[str, Any], folder: PathLike = cards.FOLDER) -> None:
    """Write a preset: the weights of a `models.DiffNet`, and its card.

    Args:
        name: name of the preset.
        model: the network.
        described: what the card says. The name, the arguments of the network and the SHA-256 are added.
        folder: to write `NAME.json` and `NAME.npz` to.

    Raises:
        ValueError: for a network with more than 5 points, colour or a noise map, which a card cannot describe.
    """
    first = model.diffusion_layers[0]
    if (first.points, first.channels, first.noise_map) != (5, 1, False):
        raise ValueError(
            f"The network has {first.points} points, channels={first.channels} and noise_map={first.noise_map}; "
            "expected 5 points, 1 channel and no noise map. Keep it with model.save."
        )
    network = {key: value for key, value in model.get_config().items() if key in _NETWORK}
    values = {key: ops.convert_to_numpy(variable) for key, variable in variables(model).items()}
    path = files.check_writable(folder) / f"{name}.json"
    sealed.write(path, values, {"name": name, **described, "network": network})


def _network(name: str, arguments: dict[str, Any], dtype: str | keras.DTypePolicy | None) -> DiffNet:
    """Make the network of a card, unless it has more parameters than its weights: it could take for ever to make."""
    policy, length = keras.dtype_policies.get(dtype), (cards.FOLDER / f"{name}.npz").stat().st_size
    with reading.decoding(cards.FOLDER / f"{name}.json", "a model card", cards.ADVICE):
        unknown = sorted(arguments.keys() - set(_NETWORK))
        if unknown:
            raise reading.Refused(f"has a network with {unknown[0]!r}; expected {', '.join(_NETWORK)}.")
        needed = _parameters(**arguments)
        if 4 * needed > length:
            raise reading.Refused(f"describes {needed:,} parameters, more than its weights' {length:,} bytes hold.")
        return DiffNet(**arguments, dtype=policy)


def _parameters(num_layers: int, estimator_depth: int, width: int, **others: Any) -> int:
    """The number of parameters of a `models.DiffNet`, computed without making it."""
    checks.count(num_layers, "num_layers")
    checks.count(estimator_depth, "estimator_depth")
    checks.count(width, "width")
    first, hidden, last = 10 * width, (9 * width + 1) * width, (9 * width + 1) * 5
    estimator = first + hidden * (estimator_depth - 2) + last if estimator_depth > 1 else 50
    return num_layers * (estimator + 1)


_NETWORK = ("num_layers", "estimator_depth", "width", "initial_scale", "initial_time_step", "boundary")


def variables(model: DiffNet) -> dict[str, keras.Variable]:
    """The variables of a `models.DiffNet`, by names that are the same in every process."""
    named = {}
    for i, layer in enumerate(model.diffusion_layers, 1):
        named[f"diffusion{i}/time_step"] = layer.time_step
        for j, convolution in enumerate(layer.estimator.convolutions, 1):
            named[f"diffusion{i}/conv{j}/kernel"] = convolution.kernel
            named[f"diffusion{i}/conv{j}/bias"] = convolution.bias
    return named


def _assign(wanted: dict[str, keras.Variable], values: dict[str, Array], path: Path) -> None:
    """Assign weights to variables. Refuses other names, shapes and dtypes."""
    for key in sorted(wanted.keys() | values.keys()):
        here = tuple(wanted[key].shape) if key in wanted else None
        there = values[key].shape if key in values else None
        if here != there or values[key].dtype != np.float32:
            kind = f" and dtype {values[key].dtype}" if key in values else ""
            raise ValueError(f"{path}: {key} has shape {there}{kind}; expected shape {here} and dtype float32.")
    for key, variable in wanted.items():
        variable.assign(values[key])
