"""Sealed arrays: an NPZ file without pickles, and beside it a manifest that holds the SHA-256 of the NPZ file.

Presets and checkpoints are stored like this. The manifest is JSON, or the model card of a shared preset. It is written
last, so that arrays without a manifest are incomplete and ignored. Arrays that do not match their manifest are refused.
NumPy only.
"""

import hashlib
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.files import reading, writing

OWN = "manifest_sha256"


def sha256(values: Mapping[str, Any]) -> str:
    """The SHA-256 of a dict of plain values. The order of the keys does not matter."""
    return hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()


def write(path: Path, arrays: Mapping[str, Any], values: Mapping[str, Any], own: bool = False) -> None:
    """Write arrays, then their manifest. If writing fails, the old manifest (or none) is still there.

    Args:
        path: the manifest, a .json file; the arrays are written beside it as .npz.
        arrays: by name.
        values: what else the manifest holds. "sha256", that of the arrays, is added.
        own: also seal the manifest, with a "manifest_sha256".
    """
    content, seal = packed(arrays)
    writing.write_bytes(path.with_suffix(".npz"), content)
    values = {**values, "sha256": seal}
    writing.write_json(path, {**values, OWN: sha256(values)} if own else values)


def packed(arrays: Mapping[str, Any]) -> tuple[bytes, str]:
    """The content of an NPZ file with these arrays, and its SHA-256."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue(), hashlib.sha256(buffer.getvalue()).hexdigest()


def manifest(
    path: Path, kinds: Mapping[str, type], what: str, own: bool = False, advice: str = "replace it"
) -> dict[str, Any]:
    """Read the manifest of sealed arrays.

    Args:
        path: the manifest.
        kinds: name → type of the values that it must hold; "sha256" is always required.
        what: what it is, with an article: for messages.
        own: whether the manifest itself is sealed.
        advice: what to do if it is damaged: for messages.

    Raises:
        OSError: if it cannot be read.
        ValueError: if a value is missing or of another type, or the manifest was changed after it was sealed.
    """
    values = reading.json_object(path, advice)
    if own and values.pop(OWN, None) != sha256(values):
        raise ValueError(f"{path} does not match the SHA-256 that it holds: {advice}.")
    return check(path, values, kinds, what, advice)


def check(path: Path, values: dict[str, Any], kinds: Mapping[str, type], what: str, advice: str) -> dict[str, Any]:
    """The values of a manifest that was read in another way; raises the errors of `manifest`."""
    for key, kind in {**kinds, "sha256": str}.items():
        if not isinstance(values.get(key), kind):
            raise ValueError(f"{path} has no {key} that is a {kind.__name__}; expected {what}: {advice}.")
    return values


def arrays(
    path: Path, wanted: str, advice: str = "replace it", file: Path | None = None, most: int = sys.maxsize
) -> dict[str, Array]:
    """Read the arrays beside a manifest, by name.

    Args:
        path: the manifest.
        wanted: the SHA-256 of the NPZ file, from the manifest.
        advice: what to do if it differs: for messages.
        file: the NPZ file, if it does not have the name of the manifest.
        most: the largest length in bytes that is read or unpacked.

    Raises:
        OSError: if they cannot be read.
        ValueError: if the SHA-256 differs, or the file is too long or holds something other than arrays.
    """
    file = file or path.with_suffix(".npz")
    content = reading.regular(file, most, advice)
    actual = hashlib.sha256(content).hexdigest()
    if actual != wanted:
        raise ValueError(
            f"{file} has SHA-256 {actual}; expected {wanted}. The file is not the one that {path.name} describes: "
            f"{advice}."
        )
    return reading.arrays(file, content, advice, most)
