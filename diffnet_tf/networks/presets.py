"""Presets: trained networks, those that come with the package and those of other people. Loading one runs no code.

A preset is a model card (network, data, quality, limits) and its weights, plain arrays without pickles; see
`networks.cards` for the files. The weights are read only if they have the SHA-256 of the card, and used only if their
names, shapes and dtypes are those of the network. Names of the package do not use the internet.

>>> import diffnet_tf as dn
>>> dn.list_presets()[:4]
['denoise', 'denoise-colour', 'inverse-any-noise', 'forward']
>>> dn.from_preset("inverse").count_params()
101310
"""

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from diffnet_tf import files
from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.files import model_card, reading, sealed
from diffnet_tf.networks import cards, plain
from diffnet_tf.networks import precision as _precision
from diffnet_tf.networks.cards import best_of_eight_bits, card, list_presets, of_eight_bits
from diffnet_tf.networks.conditioned import ConditionedDiffNet
from diffnet_tf.networks.image_model import ImageModel
from diffnet_tf.networks.plain import variables

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
    "save_to_preset",
    "variables",
]

_SLACK = 2**24  # the most bytes that names and headers of arrays need, beside the weights themselves


def from_preset(
    name: PathLike, dtype: str | keras.DTypePolicy | None = None, *, precision: str | None = None
) -> ImageModel:
    """Load a preset: a trained network that comes with the package, or one that somebody shared.

    Args:
        name: one of the following. The names of the package come first, so write "./inverse" for a folder of this name.

            - One of `list_presets()`. "denoise" and "denoise-colour" remove noise from gray and colour photographs;
              the last channel of their input is σ. The others are about diffusion: "inverse-any-noise", "inverse",
              "inverse-0.1pct" and "inverse-1pct" undo four steps of Perona–Malik diffusion (δt = 0.1, λ = 0.2) of
              images with any, 0 %, 0.1 % and 1 % noise. "forward" computes this diffusion. "deconvolution" undoes
              isotropic diffusion of disks until T = 1.
            - A folder that `save_to_preset` wrote.
            - "hf://USER/NAME", a repository on the Hugging Face Hub with the files of such a folder. "@REVISION" after
              it chooses a branch, a tag or a commit. This needs the extra `hub`, and downloads the two files once.
        dtype: a dtype policy such as "mixed_bfloat16"; images and time steps stay float32 or wider.
        precision: instead of a dtype, "float32" (the default), "bfloat16" or "auto"; see `networks.precision`. With
            "float32", GPUs do not use TF32: on JAX and PyTorch in calls of this network; on TensorFlow, which has no
            switch for one network, in the whole process from now on.

    Returns:
        A network of `dn.models`; those of the package are `models.DiffNet`. Input and output are (batch, height, width,
        1), with other channels if the card says so; a network that is given σ (`noise_map` on its card) has one more
        input channel, which holds σ as a share of white at every pixel. Divide each input by its own maximum, or by
        white if this is the scale on the card (`cards.scale`). `restore` does all this for you.

    Raises:
        ValueError: for an unknown name or precision, for both a precision and a dtype, or if the weights do not match
            the card or the network.
        OSError: if the folder or the weights are missing, or cannot be fetched.
    """
    if dtype is not None and precision is not None:
        raise ValueError(f"dtype={dtype!r} and precision={precision!r}; expected only one. Leave dtype out.")
    where = cards.place(name)
    described = cards.read(where)
    policy = dtype if dtype is not None else _precision.policy(precision or "float32", _precision.cost(described))
    policy = keras.dtype_policies.get(policy)
    with reading.decoding(where.card, "a model card", where.advice):
        number = plain.parameters(described["network"])
    file, most = where.weights(4 * number + _SLACK), 4 * number + _SLACK
    if not file.exists():
        incomplete = "installation" if where.card.suffix == ".json" else "preset"
        raise FileNotFoundError(f"{file} does not exist: the {incomplete} is incomplete; {where.advice}.")
    values = sealed.arrays(where.card, described["sha256"], where.advice, file, most)
    if 4 * number > (length := file.stat().st_size):  # it could take for ever to make
        raise ValueError(
            f"{where.card} describes {number:,} parameters, more than its weights' {length:,} bytes hold: "
            f"{where.advice}."
        )
    with reading.decoding(where.card, "a model card", where.advice):
        model = plain.make(described["network"], policy)
    _assign(variables(model), values, file)
    _CARDS[model] = described
    if dtype is None and policy.name == "float32":
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


def in_precision(model: ImageModel, precision: str) -> ImageModel:
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


def save_to_preset(model: keras.Model, folder: PathLike, card: Mapping[str, Any]) -> None:
    """Write a network and its model card to a folder, as a preset that others can load with `from_preset`.

    The folder gets two files: README.md, which is the model card for people, for the Hugging Face Hub and for the
    program, and weights.npz.

    Args:
        model: a network of `dn.models`, whatever its arguments. Keep other networks with their `save`.
        folder: the folder; it is made if needed. A preset in it is replaced, other files stay.
        card: what readers should know. Required are five texts: "description" (what the network does; the first line
            alone should say it), "author", "license" (its name on the Hugging Face Hub, such as "cc-by-4.0"), "data"
            (what it was trained on) and "limits" (where it fails). Of a network with a noise map also "noise", the
            range [low, high] of σ in training, and of a `models.ConditionedDiffNet` "diffusion" with the ranges of
            "contrast" and "time". Optional are "name" (else that of the folder); "noise" (σ); "scale"
            ("maximum" if the network was trained on images that were divided by their own maximum, the default, or
            "white" if they were divided by white: 1.0 for floats, 255 for 8 bits, 65535 for 16 bits); "problem",
            "diffusion", "images", "training" and "quality" as in the cards of the package (`card`), which `restore`
            uses for its warnings; and any other plain values. The network and the SHA-256 are added.

    Raises:
        TypeError: if the network is not one of `dn.models`.
        ValueError: if the card lacks something, or a value does not fit; if weights are NaN or wider than float32; or
            if the folder cannot be written to.
        FileExistsError: if the folder has a README.md or weights.npz that are not of a preset.
    """
    folder = Path(folder)
    network = plain.describe(model)
    try:
        number = plain.parameters(network)
    except (reading.Refused, ValueError) as error:  # `from_preset` would refuse it
        raise ValueError(
            f"The network cannot become a preset: {reading.reason(error)}. Keep it with model.save."
        ) from error
    diffusion = isinstance(model, ConditionedDiffNet)
    noise_map = diffusion or bool(network.get("noise_map"))
    described = cards.complete(card, folder.resolve().name, noise_map, diffusion)
    values = {key: _plain_float32(key, variable) for key, variable in variables(model).items()}
    content, seal = sealed.packed(values)
    assert 4 * number <= len(content) <= 4 * number + _SLACK
    sigma = "25 / 255" if cards.scale(described) == "white" else "0.01"
    given = ", contrast=0.2, time=0.4" * diffusion
    noise = f"{given}, noise={sigma})  # σ of the noise, as a share of white" if noise_map else ")"
    text = model_card.text({**described, "network": network, "sha256": seal}, _USE + noise)
    if (length := len(text.encode())) > model_card.LARGEST:
        raise ValueError(
            f"README.md would have {length:,} bytes; expected at most {model_card.LARGEST:,}. Shorten the card."
        )
    cards.check_free(folder)
    files.check_writable(folder, "folder=...")
    files.write_together({folder / cards.WEIGHTS: content, folder / model_card.NAME: text.encode()})


_USE = """import diffnet_tf as dn  # pip install "diffnet_tf[hub]"

model = dn.from_preset("hf://USER/NAME")  # or the path of this folder
restored = dn.restore(image, model"""


def _plain_float32(name: str, variable: keras.Variable) -> Array:
    value = ops.convert_to_numpy(variable)
    if value.dtype.itemsize > 4:
        raise ValueError(f"{name} has dtype {value.dtype}; expected float32. Make the network with dtype='float32'.")
    checks.finite(value, name)
    return value.astype("float32", copy=False)


def save(name: str, model: keras.Model, described: dict[str, Any], folder: PathLike = cards.FOLDER) -> None:
    """Write a preset of the package: the weights of a network, and its card.

    Args:
        name: name of the preset.
        model: a network of `dn.models`.
        described: what the card says. The name, the arguments of the network and the SHA-256 are added.
        folder: to write `NAME.json` and `NAME.npz` to.

    Raises:
        TypeError: if the network is not one of `dn.models`.
    """
    network = plain.describe(model)
    if network["class"] == "DiffNet":  # the first cards say no more than its arguments
        del network["class"]
    values = {key: ops.convert_to_numpy(variable) for key, variable in variables(model).items()}
    path = files.check_writable(folder) / f"{name}.json"
    sealed.write(path, values, {"name": name, **described, "network": network})


def _assign(wanted: dict[str, keras.Variable], values: dict[str, Array], path: Path) -> None:
    """Assign weights to variables. Refuses other names, shapes and dtypes."""
    for key in sorted(wanted.keys() | values.keys()):
        here = tuple(wanted[key].shape) if key in wanted else None
        there = values[key].shape if key in values else None
        if here != there or values[key].dtype != np.float32:
            kind = f" and dtype {values[key].dtype}" if key in values else ""
            raise ValueError(f"{path}: {key} has shape {there}{kind}; expected shape {here} and dtype float32.")
        checks.finite(values[key], f"{path}: {key}")
    for key, variable in wanted.items():
        variable.assign(values[key])
