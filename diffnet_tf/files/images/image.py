"""An image with what its file says of it beside the pixels."""

import dataclasses
import re
from fractions import Fraction

from diffnet_tf.base.types import Array

NO_UNIT, INCH, CENTIMETRE = 1, 2, 3  # TIFF's numbers of units of resolution
ORIENTATION = 0x0112  # the tag of TIFF and Exif


@dataclasses.dataclass(frozen=True)
class Metadata:
    """What an image file says beside its pixels, to be written with what is made of them.

    Attributes:
        icc: the ICC profile.
        resolution: pixels per unit along a row and along a column.
        unit: of the resolution: `NO_UNIT`, `INCH` or `CENTIMETRE`.
        exif: Exif without its orientation, as bytes after their "Exif\\0\\0".
        xmp: XMP, an XML text, whose orientation is 1.
        comment: of JPEG.
        chunks: of PNG, texts and colour spaces: (type, data).
        tags: of TIFF: (number, type, count, value), as tifffile takes them.
        photometric: of TIFF: 1 gray, 2 RGB; 0 of other formats.
        extras: of TIFF: what each channel after gray or RGB is: 0 unspecified, 1 alpha that the colours are
            multiplied by, 2 alpha.
        dropped: names of what is not kept in any format.
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
        """The resolution; None where it has no unit."""
        if self.resolution is None or self.unit == NO_UNIT:
            return None
        scale = Fraction(100, 254) if self.unit == INCH else 1
        return self.resolution[0] * scale, self.resolution[1] * scale


@dataclasses.dataclass(frozen=True, eq=False)
class Image:
    """An image file that was opened.

    Attributes:
        pixels: (height, width, channels), an array or a memory map, upright. Samples are as they are stored, but
            those of 1, 2 and 4 bits, which are scaled to 8 bits.
        alpha: whether the last channel is alpha, by what the file says.
        nodata: the value that stands for "nothing was measured here", of TIFF's tag GDAL_NODATA, rounded to the
            pixels' dtype if that is a float; None without it.
        metadata: what `image_files.writing` keeps.
        alpha_is_sure: whether the file says so; of NPY with 2 or 4 channels it is assumed.
    """

    pixels: Array
    alpha: bool
    nodata: float | None = None
    metadata: Metadata = Metadata()
    alpha_is_sure: bool = True

    @property
    def bands(self) -> bool:
        """Whether the file says of three or more channels that they are no colours, but a gray image each."""
        return self.metadata.photometric == 1 and self.pixels.ndim == 3 and self.pixels.shape[2] - self.alpha > 2


def upright(pixels: Array, orientation: int) -> Array:
    """A view of an image as it is to be looked at.

    Args:
        pixels: (height, width) or (height, width, channels).
        orientation: TIFF's tag 274, Exif's 0x0112: where the first row and column of the file are.
    """
    if orientation in TURNED:
        pixels = pixels.swapaxes(0, 1)
    rows, columns = (slice(None, None, -1 if orientation in flipped else 1) for flipped in ((3, 4, 7, 8), (2, 3, 6, 7)))
    return pixels[rows, columns]


TURNED = (5, 6, 7, 8)  # orientations whose rows become columns
INVERSE = {6: 8, 8: 6}  # of `upright`; the others are their own

_XMP_ORIENTATION = re.compile(rb'(tiff:Orientation(?:="|>))([0-9])')


def xmp_orientation(xmp: bytes) -> int:
    """The orientation that XMP gives, 1 without one."""
    found = _XMP_ORIENTATION.search(xmp)
    return int(found[2]) if found else 1


def xmp_upright(xmp: bytes) -> bytes:
    """XMP of the image turned upright."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
