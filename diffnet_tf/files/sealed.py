"""Sealed arrays: an NPZ file without pickles, and beside it a JSON manifest, written last, that holds its SHA-256.

Presets and checkpoints are kept like this. Arrays without a manifest do not count; arrays that are not those of their
manifest are refused. NumPy only.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.files import reading, writing

OWN = "manifest_sha256"


def sha256(values: Mapping[str, Any]) -> str:
    """The SHA-256 of a dict of plain values, whatever their order."""
    return hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()


def write(path: Path, arrays: Mapping[str, Any], values: Mapping[str, Any], own: bool = False) -> None:
    """Write arrays, then their manifest: both whole, or the manifest is the one that was there, or none.

    Args:
        path: of the manifest, ending in .json; the arrays lie beside it as .npz.
        arrays: by name.
        values: what else the manifest holds; "sha256", that of the arrays, is added.
        own: seal the manifest, too: it gets a "manifest_sha256" of its own.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    writing.write_bytes(path.with_suffix(".npz"), buffer.getvalue())
    values = {**values, "sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    writing.write_json(path, {**values, OWN: sha256(values)} if own else values)


def manifest(
    path: Path, kinds: Mapping[str, type], what: str, own: bool = False, advice: str = "replace it"
) -> dict[str, Any]:
    """The manifest of sealed arrays.

    Args:
        path: the manifest.
        kinds: what it has to hold: names and types; "sha256" in any case.
        what: it is, with its article: for messages.
        own: whether it is sealed itself.
        advice: what to do when it is damaged.

    Raises:
        OSError: when it cannot be read.
        ValueError: naming the file, when it is no such manifest, or not the one that was sealed.
    """
    values = reading.json_object(path, advice)
    if own and values.pop(OWN, None) != sha256(values):
        raise ValueError(f"{path} has another SHA-256 than the one it holds: {advice}.")
    for key, kind in {**kinds, "sha256": str}.items():
        if not isinstance(values.get(key), kind):
            raise ValueError(f"{path} has no {key} that is a {kind.__name__}; expected {what}: {advice}.")
    return values


def arrays(path: Path, wanted: str, advice: str = "replace it") -> dict[str, Array]:
    """The arrays beside a manifest, by name.

    Args:
        path: the manifest.
        wanted: their SHA-256, as the manifest has it.
        advice: what to do when they are others.

    Raises:
        OSError: when they cannot be read.
        ValueError: naming the file, when its SHA-256 is another, or it holds anything but arrays.
    """
    file = path.with_suffix(".npz")
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise ValueError(
            f"{file} has SHA-256 {found}; expected {wanted}. The file is not the one that {path.name} describes: "
            f"{advice}."
        )
    return reading.arrays(file, content, advice)
