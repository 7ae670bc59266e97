"""An image and the metadata in its file."""

import dataclasses
import re
from fractions import Fraction

from diffnet_tf.base.types import Array

NO_UNIT, INCH, CENTIMETRE = 1, 2, 3  # TIFF's numbers for units of resolution
ORIENTATION = 0x0112  # the tag in TIFF and Exif


@dataclasses.dataclass(frozen=True)
class Metadata:
    """The metadata of an image file, which is copied to the file of the restored image.

    Attributes:
        icc: the ICC profile.
        resolution: pixels per unit along a row and along a column.
        unit: unit of the resolution: `NO_UNIT`, `INCH` or `CENTIMETRE`.
        exif: Exif without its orientation: the bytes after "Exif\\0\\0".
        xmp: XMP, an XML text, with its orientation set to 1.
        comment: from a JPEG.
        chunks: texts and colour spaces from a PNG: (type, data).
        tags: from a TIFF: (number, type, count, value), as tifffile takes them.
        photometric: 1 for a gray TIFF, 2 for RGB, 0 for other formats.
        extras: in a TIFF, the meaning of each channel after gray or RGB: 0 unspecified, 1 alpha by which the colours
            have been multiplied, 2 alpha.
        dropped: names of the metadata that no format keeps.
    """

    icc: bytes | None = None
    resolution: tuple[Fraction, Fraction] | None = None
    unit: int = NO_UNIT
    exif: bytes | None = None
    xmp: bytes | None = None
    comment: bytes | None = None
    chunks: tuple[tuple[bytes, bytes], ...] = ()
    tags: tuple[tuple[int, int, int, object], ...] = ()
    photometric: int = 0
    extras: tuple[int, ...] = ()
    dropped: tuple[str, ...] = ()

    def per_centimetre(self) -> tuple[Fraction, Fraction] | None:
        """The resolution in pixels per centimetre; None if it has no unit."""
        if self.resolution is None or self.unit == NO_UNIT:
            return None
        scale = Fraction(100, 254) if self.unit == INCH else 1
        return self.resolution[0] * scale, self.resolution[1] * scale


@dataclasses.dataclass(frozen=True, eq=False)
class Image:
    """An open image file.

    Attributes:
        pixels: (height, width, channels), an array or a memory map, turned upright. The samples have their stored
            values, except that samples of 1, 2 and 4 bits are scaled to 8 bits.
        alpha: whether the last channel is alpha.
        nodata: the value that marks missing pixels, from TIFF's tag GDAL_NODATA, rounded to the pixels' dtype if that
            is a float; None without the tag.
        metadata: what `image_files.writing` keeps.
        alpha_is_sure: whether the file itself says so; for NPY files with 2 or 4 channels, alpha is only assumed.
    """

    pixels: Array
    alpha: bool
    nodata: float | None = None
    metadata: Metadata = Metadata()
    alpha_is_sure: bool = True

    @property
    def bands(self) -> bool:
        """Whether the file says that its three or more channels are separate gray images, not colours."""
        return self.metadata.photometric == 1 and self.pixels.ndim == 3 and self.pixels.shape[2] - self.alpha > 2


def upright(pixels: Array, orientation: int) -> Array:
    """A view of an image, turned upright.

    Args:
        pixels: (height, width) or (height, width, channels).
        orientation: 1 to 8, of TIFF's tag 274 or Exif's 0x0112: where the first row and column of the file are.
    """
    if orientation in TURNED:
        pixels = pixels.swapaxes(0, 1)
    rows, columns = (slice(None, None, -1 if orientation in flipped else 1) for flipped in ((3, 4, 7, 8), (2, 3, 6, 7)))
    return pixels[rows, columns]


TURNED = (5, 6, 7, 8)  # orientations whose rows become columns
INVERSE = {6: 8, 8: 6}  # the orientation that undoes `upright`; all others undo themselves

_XMP_ORIENTATION = re.compile(rb'(tiff:Orientation(?:="|>))([0-9])')


def xmp_orientation(xmp: bytes) -> int:
    """The orientation in an XMP text; 1 if there is none."""
    match = _XMP_ORIENTATION.search(xmp)
    return int(match[2]) if match else 1


def xmp_upright(xmp: bytes) -> bytes:
    """The XMP text with its orientation set to 1, for an image that was turned upright."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
