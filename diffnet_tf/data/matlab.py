"""Image files of the authors' MATLAB script: HDF5 with clean images and, optionally, the diffused ones.

HDF5 files can refer to other files, ask for plug-in filters, and claim to be larger than any disk. So only what MATLAB
writes is read: numbers inside the file, uncompressed or compressed with deflate.
"""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diffnet_tf.base.types import PathLike
from diffnet_tf.files import reading
from diffnet_tf.files.reading import Refused

_DEFLATE, _SHUFFLE, _CHECKSUM = 1, 2, 3  # HDF5's numbers for filters
_CLEAN, _DIFFUSED = "imagesInput", "imagesDiff"


@contextlib.contextmanager
def open_mat(path: PathLike) -> Iterator[tuple[Any, Any]]:
    """Open a file of the authors' MATLAB script, without reading the images.

    Yields:
        (imagesInput, imagesDiff or None), HDF5 data sets (n, width, height): MATLAB stores images column by column.

    Raises:
        ValueError: if it is not such a file. The message names it.
    """
    with contextlib.ExitStack() as stack:
        with reading.decoding(path, "MATLAB's images", "save it again with -v7.3"):
            file = stack.enter_context(_opened(path))
            clean = _images(file, _CLEAN)
            diffused = _images(file, _DIFFUSED) if file.get(_DIFFUSED, getlink=True) else None
        yield clean, diffused


def _opened(path: PathLike) -> Any:
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise Refused(
            f"is not an HDF5 file ({reading.reason(error)}); expected MATLAB's format 7.3. Save it again with -v7.3."
        ) from error


def _images(file: Any, name: str) -> Any:
    import h5py

    # Links to other places and files are not followed.
    images = file[name] if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(images, h5py.Dataset) or images.ndim != 3 or images.dtype.kind not in "fu":
        held = ", ".join(sorted(file)[:10]) or "nothing"
        raise Refused(
            f"holds {held}; expected an array {name} of numbers (height, width, n), as in the authors' files."
        )
    _check_storage(images, name, Path(file.filename).stat().st_size)
    return images


def _check_storage(images: Any, name: str, length: int) -> None:
    """Before memory is allocated, refuse data that are not in the file, or more than it can hold."""
    properties = images.id.get_create_plist()
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    if images.is_virtual or images.external or not filters <= {_DEFLATE, _SHUFFLE, _CHECKSUM}:
        raise Refused(
            f"keeps {name} in other files, or compressed by filters {sorted(filters)}; expected it inside the file, "
            "uncompressed or compressed with deflate. Save it again with -v7.3."
        )
    stored, packing = images.id.get_storage_size(), reading.DEFLATED if _DEFLATE in filters else 1
    chunk = math.prod(images.chunks or ()) * images.dtype.itemsize
    if stored > length or images.size * images.dtype.itemsize > packing * stored or chunk > packing * length:
        raise Refused(
            f"has {name} of {images.size:,} numbers, which its {length:,} bytes cannot hold. It is truncated: save it "
            "again."
        )
