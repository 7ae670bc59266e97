"""The readers of files that are fuzzed, and how mutated files are laid before each."""

import dataclasses
import hashlib
import json
import os
import random
import signal
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzzing import seeds as unharmed
from tests.fuzzing.mutations import changed_json, mutate
from tests.fuzzing.seeds import Files


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader of files.

    Attributes:
        seeds: gives unharmed files, each a set that is read together.
        lay: (generator, seeds, folder, number of the case) → what reads the files that it has put into the folder.
            Without a number, the first of the seeds is laid there as it is.
    """

    seeds: Callable[[], list[Files]]
    lay: Callable[[random.Random, list[Files], Path, int | None], Callable[[], object]]


def without_keras() -> None:
    """Let the package be imported as where there is no Keras; its data readers need NumPy alone."""
    if "diffnet_tf" not in sys.modules:
        sys.modules["keras"] = sys.modules["tensorflow"] = None  # type: ignore[assignment]
        package = types.ModuleType("diffnet_tf.data")
        package.__path__ = [str(Path(__file__).resolve().parents[2] / "diffnet_tf" / "data")]
        sys.modules["diffnet_tf.data"] = package


def _mutated(rng: random.Random, seeds: list[Files], stem: str = "") -> Files:
    """One of the seeds with one of its files changed, one whose name begins with `stem`."""
    files = dict(rng.choice(seeds))
    name = rng.choice(sorted(name for name in files if name.startswith(stem)))
    kind = Path(name).suffix[1:]
    others = [content for seed in seeds for n, content in seed.items() if Path(n).suffix == Path(name).suffix]
    return {**files, name: mutate(rng, kind, files[name], rng.choice(others))}


def _write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


# ---- Images ----------------------------------------------------------------------------------------------------------


def _lay_image(rng: random.Random, seeds: list[Files], folder: Path, case: int | None) -> Callable[[], object]:
    from diffnet_tf.files import image_files

    files = _mutated(rng, seeds) if case is not None else seeds[0]
    (name, content), *_ = files.items()
    if case is not None and rng.random() < 0.03:  # of another format than its name says
        name = f"image.{rng.choice(('png', 'jpg', 'tif', 'npy'))}"
    _write(folder, {name: content})

    def read() -> None:
        image = image_files.open_image(folder / name)
        assert image.pixels.ndim == 3 and image.pixels.dtype.name in image_files.DTYPES
        image.pixels.max()  # looks at every one
        _write_again(folder / name, image, folder / f"again{Path(name).suffix}")

    return read


def _write_again(source: Path, image: Any, path: Path) -> None:
    """What was read must be written without an error that comes too late, and say the same of itself."""
    from diffnet_tf.files import image_files
    from diffnet_tf.files.images import kinds

    shape, dtype = image.pixels.shape, image.pixels.dtype
    image_files.check_writable(path, dtype, shape[2], image)
    line = image_files.lost(image, path)
    try:
        with image_files.writing(path, shape, dtype, image) as out:
            out[...] = image.pixels
        again = image_files.open_image(path)
    except Exception as error:
        raise AssertionError(f"written again: {error}") from error
    assert again.pixels.shape == shape
    if path.suffix in (".png", ".tif"):
        np.testing.assert_array_equal(again.pixels, image.pixels, strict=True)
        assert again.alpha == image.alpha
        before, after = (vars(image.metadata), vars(again.metadata))
        changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
        changed.pop("dropped", None)
        assert line or not changed or not kinds.of(source).startswith(path.suffix[1:].upper()), changed


# ---- Sources of images -----------------------------------------------------------------------------------------------


def _lay_source(source: str, sizes: tuple[int | None, ...] = (None,)) -> Callable[..., Callable[[], object]]:
    def lay(rng: random.Random, seeds: list[Files], folder: Path, case: int | None) -> Callable[[], object]:
        from diffnet_tf.data import sources

        files = _mutated(rng, seeds) if case is not None else seeds[0]
        if source == "folder":  # with an unharmed one
            files = {**{f"a_{name}": content for name, content in seeds[0].items()}, **files}
        _write(folder, files)
        size = rng.choice(sizes)
        path = folder if source == "folder" else folder / next(iter(files))
        split = rng.choice(sources.SPLITS) if case is not None else "all"

        def read() -> None:
            images = sources.open_images(source, path, split, size=size)
            assert np.isfinite(images.take([0])).all()

        return read

    return lay


# ---- Checkpoints, presets, records -----------------------------------------------------------------------------------


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sealed(rng: random.Random, text: bytes, weights: bytes, seal: str | None = None) -> bytes:
    """A JSON with the hash of the weights, perhaps with a changed value, and its own hash under the name `seal`."""
    try:
        described = json.loads(text)
        if rng.random() < 0.5:
            changed_json(rng, described)
        described["sha256"] = _sha256(weights)
        if seal:
            described.pop(seal, None)
            described[seal] = _sha256(json.dumps(described, sort_keys=True).encode())
        return json.dumps(described).encode()
    except Exception:  # an earlier change has left no structure
        return text


def _lay_record(rng: random.Random, seeds: list[Files], folder: Path, case: int | None) -> Callable[[], object]:
    from experiments.lib import records

    _write(folder, _mutated(rng, seeds) if case is not None else seeds[0])

    def read() -> None:
        record, arrays = records.load(folder)
        assert isinstance(record, dict) and all(isinstance(array, np.ndarray) for array in arrays.values())

    return read


def _lay_checkpoint(rng: random.Random, seeds: list[Files], folder: Path, case: int | None) -> Callable[[], object]:
    from diffnet_tf.training import checkpoint

    files = _mutated(rng, seeds, "0000000002") if case is not None else seeds[0]
    text, weights = "0000000002.json", "0000000002.npz"
    if case is not None and rng.random() < 0.5:  # without the one before
        files = {text: files[text], weights: files[weights]}
    if case is not None and rng.random() < 0.6:
        files[text] = _sealed(rng, files[text], files[weights], "manifest_sha256")
    _write(folder, files)

    def read() -> None:
        found = checkpoint.load(folder, unharmed.CONFIGURATION)
        assert found.step in (1, 2) and isinstance(found.state, dict)
        assert all(isinstance(array, np.ndarray) for array in found.arrays.values())

    return read


def _lay_preset(rng: random.Random, seeds: list[Files], folder: Path, case: int | None) -> Callable[[], object]:
    from diffnet_tf.networks import cards, presets

    files = _mutated(rng, seeds) if case is not None else seeds[0]
    if case is not None and rng.random() < 0.6:
        files["inverse.json"] = _sealed(rng, files["inverse.json"], files["inverse.npz"])
    _write(folder, files)
    cards.FOLDER = folder

    def read() -> None:
        model = presets.from_preset("inverse")
        assert model.count_params() > 0

    return read


def _lay_shared(rng: random.Random, seeds: list[Files], folder: Path, case: int | None) -> Callable[[], object]:
    from diffnet_tf.networks import cards, presets

    files = _mutated(rng, seeds) if case is not None else seeds[0]
    if case is not None and rng.random() < 0.6:
        start, fence, rest = files["README.md"].partition(b"```json\n")
        record, end, rest = rest.partition(b"\n```")
        files["README.md"] = start + fence + _sealed(rng, record, files["weights.npz"]) + end + rest
    _write(folder, files)

    def read() -> None:
        model = presets.from_preset(folder)
        described = presets.card_of(model)
        assert model.count_params() > 0 and described is not None
        assert json.dumps(described) and cards.task(described) is not None and len(cards.noise(described)) == 2
        assert presets.psnr_on_card(model) is None or presets.of_eight_bits(described) >= 0
        presets.best_of_eight_bits(described)

    return read


# ---- To try the fuzzer itself ----------------------------------------------------------------------------------------


def _refuse(error: Exception) -> None:
    raise error


def _think() -> None:
    end = time.process_time() + 1
    while time.process_time() < end:
        pass


FAULTS: dict[str, Callable[[Path], object]] = {
    "none": lambda folder: _refuse(ValueError(f"{folder} is bad.")),
    "ValueError: It is bad": lambda folder: _refuse(ValueError("It is bad.")),
    "KeyError": lambda folder: _refuse(KeyError(str(folder))),
    "MemoryError": lambda folder: np.ones(2**40),
    "took 1.": lambda folder: _think(),
    "ended with -11: Fatal Python error: Segmentation fault": lambda folder: os.kill(os.getpid(), signal.SIGSEGV),
    "MiB": lambda folder: np.ones(2**22),
    "Timeout": lambda folder: time.sleep(3600),
}
"""What a bad reader may do, by what is said of it."""


def _lay_fault(rng: random.Random, seeds: list[Files], folder: Path, case: int | None) -> Callable[[], object]:
    fault = list(FAULTS.values())[(case or 0) % len(FAULTS)]
    return lambda: case is not None and fault(folder)


NEEDS_KERAS = ("deep_png", "checkpoint", "preset", "shared_preset")
READERS = {
    "image": Reader(unharmed.images, _lay_image),
    "deep_png": Reader(unharmed.deep_pngs, _lay_image),
    "folder": Reader(unharmed.decoded_images, _lay_source("folder", (8, 20, None))),
    "stl10_binary": Reader(unharmed.binaries, _lay_source("stl10_binary")),
    "npy": Reader(unharmed.arrays, _lay_source("npy")),
    "mat": Reader(unharmed.mats, _lay_source("mat")),
    "record": Reader(unharmed.records, _lay_record),
    "checkpoint": Reader(unharmed.checkpoints, _lay_checkpoint),
    "preset": Reader(unharmed.presets, _lay_preset),
    "shared_preset": Reader(unharmed.shared_presets, _lay_shared),
    "faulty": Reader(lambda: [{}], _lay_fault),
}
