"""Image files of the authors' MATLAB script: HDF5 with the clean images and, where it made them, the diffused ones."""

import contextlib
from collections.abc import Iterator
from typing import Any

from diffnet_tf.types import PathLike


@contextlib.contextmanager
def open_mat(path: PathLike) -> Iterator[tuple[Any, Any]]:
    """The images of a file in the form of the authors' MATLAB script, without reading them.

    Yields:
        (imagesInput, imagesDiff or None), HDF5 data sets (n, width, height): MATLAB stores column by column.

    Raises:
        ValueError: naming the file, when it is none of these.
    """
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(
            f"{path} is no HDF5 file ({str(error).splitlines()[0]}); expected MATLAB's format 7.3."
        ) from error
    with file:
        clean, diffused = (
            # Links to other files are not followed.
            file[name] if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
            for name in ("imagesInput", "imagesDiff")
        )
        for name, images in (("imagesInput", clean), ("imagesDiff", diffused)):
            if images is None and name == "imagesDiff":
                continue
            if not isinstance(images, h5py.Dataset) or images.ndim != 3 or images.dtype.kind not in "fu":
                held = ", ".join(sorted(file)) or "nothing"
                raise ValueError(
                    f"{path} holds no {name} of numbers (height, width, n), as the authors' files do; it holds {held}."
                )
        yield clean, diffused
