"""Colour images in memory: like gray ones, but scaled by the maximum over all channels, which keeps the hue."""

import numpy as np

from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.data.gray import GrayImages


class ColourImages(GrayImages):
    """RGB images of one size, for every function that takes a `GrayImages`.

    Args:
        pixels: (n, height, width, 3), uint8 or float32, not negative.
        name: the source, for messages.
        scaled: divide each image by its own maximum over all channels.

    Raises:
        ValueError: for another shape, and as `GrayImages`.
    """

    def __init__(self, pixels: Array, name: str = "images", scaled: bool = True) -> None:
        if pixels.ndim != 4 or pixels.shape[-1] != 3:
            raise ValueError(f"{name} have shape {pixels.shape}; expected colours last, (n, height, width, 3).")
        # The checks see the channels side by side, as a gray image with the same values.
        super().__init__(pixels.reshape(*pixels.shape[:2], -1), name, scaled)
        self.pixels = pixels

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, height, width, 3)."""
        number, height, width, channels = self.pixels.shape
        return number, height, width, channels

    def save(self, directory: PathLike) -> None:
        """Not possible: the source "npy" holds gray images only.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{self.name} are in colour, which the source 'npy' cannot hold; expected gray images.")


def to_colour(array: Array) -> Array:
    """Convert any image to RGB.

    Args:
        array: (..., height, width) gray, or (..., height, width, 1 to 4): gray, gray and alpha, RGB or RGBA. Alpha is
            dropped, gray is repeated.

    Returns:
        (..., height, width, 3), uint8 for uint8 and float32 otherwise.
    """
    if array.shape[-1] in (3, 4) and array.ndim >= 3:
        array = array[..., :3]
    else:
        gray = array[..., :1] if array.shape[-1] in (1, 2) and array.ndim >= 3 else array[..., None]
        array = np.repeat(gray, 3, axis=-1)
    return array if array.dtype == np.uint8 else array.astype("float32")
