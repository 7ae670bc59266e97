"""A small network, and a folder with good and bad files."""

import keras
import pytest
from PIL import Image

import diffnet_tf as dn
from diffnet_tf.files import model_files
from tests.hostile.common import GRAY, RNG, npy, png_bomb, rewritten


@pytest.fixture(scope="module")
def model():
    return dn.models.DiffNet(num_layers=1, estimator_depth=2, width=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, model):
    """A folder with good and bad files."""
    root = tmp_path_factory.mktemp("files")
    images = root / "images"
    images.mkdir()
    for k in range(12):
        Image.fromarray(RNG.integers(1, 255, (96, 96)).astype("uint8")).save(images / f"{k:02}.png")
    good = (images / "00.png").read_bytes()
    for name in ("empty", "empty.png", "torn", "text", "bomb", "gif", "bin", "bin0", "nested/00.png", "copies"):
        (root / name).mkdir(parents=True)
    bad = {"zero.png": b"", "torn/a.png": good[: len(good) // 2], "text/a.png": b"a photograph\n"}
    bad |= {"torn/b.png": good, "text/b.png": good, "bomb/b.png": good, "cut.npy": npy(GRAY[0])[:500]}
    bad |= {"bin/unlabeled_X.bin": bytes(27_649), "bin0/unlabeled_X.bin": b"", "file": b"in the way"}
    bad |= {"copies/00.png": good}
    bad |= {"bytes.keras": b"no archive", "zero.keras": b"", "bomb/a.png": png_bomb()}
    for name, content in bad.items():
        (root / name).write_bytes(content)
    model_files.save(model, root / "good.keras")
    (root / "cut.keras").write_bytes((root / "good.keras").read_bytes()[:-500])
    model_files.save(dn.models.ConvNet(width=2), root / "conv.keras")
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model_files.save(dense, root / "dense.keras")
    rewritten(root / "good.keras", root / "later.keras", keras_version="4.1.0")
    rewritten(root / "good.keras", root / "newer.keras", keras_version="3.99.0")
    return root
