"""Write pairs of clean and diffused images for other frameworks: NPZ, or TFRecord for tf.data."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf import files
from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.data.pairs import Images, PairSequence, as_gray_images
from diffnet_tf.data.ranges import Range

SUFFIXES = (".npz", ".tfrecord")
BATCH = 16


def make_pairs(
    images: Images,
    path: PathLike,
    *,
    epochs: int = 1,
    problem: str = "inverse",
    noise: Range = 0.0,
    seed: int = 0,
    **options: Any,
) -> int:
    """Write the examples of `pairs` to a file, whole or not at all. Memory does not grow with their number.

    Args:
        images: what `pairs` takes.
        path: `.npz`: arrays "input" and "target", float32 (n, height, width, 1). `.tfrecord`: an Example a pair, with
            the same arrays as bytes (little-endian float32) and "shape", the input's; it needs TensorFlow.
        epochs: passes over the images: n = epochs · number of images.
        problem, noise, seed: see `pairs`.
        options: crop, augment, shuffle, degrade, noise_map and parameter of `pairs`, and with the name of a source
            data_dir, split and limit.

    Returns:
        n.

    Raises:
        FileExistsError: the file exists.
        FileNotFoundError: its folder does not.
        ValueError: for another suffix, and as `pairs`.
    """
    path = Path(path)
    checks.one_of(path.suffix, "suffix", SUFFIXES)
    if path.exists():
        raise FileExistsError(f"{path} exists; give another name, or remove it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder; expected one to write {path.name} to. Make it first.")
    checks.can_be_written(path)
    source = {name: options.pop(name) for name in ("data_dir", "split", "limit") if name in options}
    images = as_gray_images(images, **source)
    options |= {"problem": problem, "noise": noise, "seed": seed, "epochs": epochs}
    batches = PairSequence(images, batch_size=min(BATCH, len(images)), **{"shuffle": False, **options})
    count = epochs * len(images)
    with files.replacing(path) as partial:
        (_write_npz if path.suffix == ".npz" else _write_tfrecord)(partial, batches, count)
    return count


def _write_npz(path: Path, batches: PairSequence, count: int) -> None:
    """An array after the other, so the pairs are made twice: they are the same ones, and cheaper than to be kept."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for part, name in enumerate(("input", "target")):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                for number in range(len(batches)):
                    images = batches[number][part]
                    if number == 0:
                        header = {"descr": "<f4", "fortran_order": False, "shape": (count, *images.shape[1:])}
                        np.lib.format.write_array_header_2_0(file, header)
                    file.write(images.astype("<f4").tobytes())


def _write_tfrecord(path: Path, batches: PairSequence, count: int) -> None:
    try:
        import tensorflow as tf
    except ModuleNotFoundError as error:
        raise ValueError("TFRecord files take TensorFlow, which is not installed; write .npz instead.") from error

    def feature(array: Array) -> Any:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[array.astype("<f4").tobytes()]))

    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in range(len(batches)):
            for given, wanted in zip(*batches[number]):
                shape = tf.train.Feature(int64_list=tf.train.Int64List(value=given.shape))
                features = {"input": feature(given), "target": feature(wanted), "shape": shape}
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
