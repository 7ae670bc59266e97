"""The README's example of ordinary use: a part of a photograph before and after `restore`, pixel for pixel.

It is drawn from the record of `denoise-colour`, with NumPy and Matplotlib only.
"""

import os
from pathlib import Path

import numpy as np

from diffnet_tf import files
from experiments.lib import records

NAME = "example"
EXPERIMENT = "denoise-colour"  # whose record holds both
PATH = records.COMMITTED.parent / "docs" / "pictures" / "denoise-colour.png"
GAP = 8  # pixels between both


def draw(arrays):
    """Both images side by side, white between them: uint8 (height, width, 3)."""
    before, after = arrays["before"], arrays["after"]
    return np.concatenate([before, np.full_like(before[:, :GAP], 255), after], axis=1)


def write(root, path=PATH):
    """Draw the example from the record in a results folder; returns the picture's path.

    Raises:
        FileNotFoundError: when there is no record, or none of the noise of a camera.
    """
    import matplotlib.image

    _, arrays = records.load(Path(root) / EXPERIMENT)
    if "after" not in arrays:
        raise FileNotFoundError(f"{root} holds no photograph of a camera: run {EXPERIMENT} --only camera- first.")
    path = Path(os.path.relpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as partial:
        matplotlib.image.imsave(partial, draw(arrays), format="png", metadata={"Software": None})
    return path
