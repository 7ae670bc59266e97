"""Write pairs of clean and diffused images to a file for other frameworks: NPZ, or TFRecord for tf.data."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf import files
from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.data.pairs import PairSequence, in_order
from diffnet_tf.data.plan import Images

SUFFIXES = (".npz", ".tfrecord")
BATCH = 16


def make_pairs(images: Images, path: PathLike, *, force: bool = False, **options: Any) -> int:
    """Write the examples of `pairs` to a file, completely or not at all. Memory does not grow with their number.

    Args:
        images: see `pairs`.
        path: the file. `.npz` holds arrays "input" and "target", float32 (n, height, width, 1). `.tfrecord` holds an
            Example for each pair, with the same arrays as bytes (little-endian float32) and the input's "shape"; it
            needs TensorFlow.
        force: replace the file if it exists.
        options: the options of `pairs`, except batch_size and epochs=None. The default of shuffle is False.

    Returns:
        n, the number of pairs: epochs times the number of images.

    Raises:
        FileExistsError: if the file exists, without `force`.
        FileNotFoundError: if its folder does not exist.
        ValueError: for another suffix; also see `pairs`.
    """
    path = Path(path)
    checks.one_of(path.suffix, "suffix", SUFFIXES)
    if path.exists() and not force:
        raise FileExistsError(f"{path} exists; give another name, or force=True to replace it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is not a folder; expected one to write {path.name} to. Make it first.")
    checks.can_be_written(path)
    batches = in_order(images, batch_size=BATCH, **options)
    with files.replacing(path) as partial:
        (_write_npz if path.suffix == ".npz" else _write_tfrecord)(partial, batches)
    return int(batches.num_examples or 0)


def _write_npz(path: Path, batches: PairSequence) -> None:
    """Write one array after the other. To save memory, the pairs are made twice; both times they are the same."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for part, name in enumerate(("input", "target")):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                for number in range(len(batches)):
                    images = batches[number][part]
                    if number == 0:
                        shape = (batches.num_examples, *images.shape[1:])
                        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                        np.lib.format.write_array_header_2_0(file, header)
                    file.write(images.astype("<f4").tobytes())


def _write_tfrecord(path: Path, batches: PairSequence) -> None:
    try:
        import tensorflow as tf
    except ModuleNotFoundError as error:
        raise ValueError("TFRecord files need TensorFlow, which is not installed; write .npz instead.") from error

    def feature(array: Array) -> Any:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[array.astype("<f4").tobytes()]))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(len(batches)):
            for given, wanted in zip(*batches[number]):
                shape = tf.train.Feature(int64_list=tf.train.Int64List(value=given.shape))
                features = {"input": feature(given), "target": feature(wanted), "shape": shape}
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
