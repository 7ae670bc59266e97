"""Files and models from Python, one row each: the error's type and its whole message."""

import keras
import pytest

import diffnet_tf as dn
from diffnet_tf.files import image_files, model_files
from diffnet_tf.networks import presets
from tests.conftest import tensorflow_only
from tests.hostile.common import check

pytestmark = tensorflow_only

LOAD = model_files.load
READ = image_files.read
OPEN = dn.data.open_images
SUFFIXES = ".png, .jpg, .jpeg, .tif, .tiff"
FILES = {
    "missing": (
        lambda f: READ(f / "no.png"),
        FileNotFoundError,
        "{folder}/no.png does not exist; expected an image file.",
    ),
    "missing folder": (
        lambda f: OPEN("folder", f / "no"),
        FileNotFoundError,
        "data_dir {folder}/no does not exist; expected the folder with the images of source 'folder'.",
    ),
    "empty folder": (
        lambda f: OPEN("folder", f / "empty"),
        FileNotFoundError,
        f"{{folder}}/empty holds no image; expected files ending in {SUFFIXES}.",
    ),
    "zero bytes": (
        lambda f: READ(f / "zero.png"),
        ValueError,
        "{folder}/zero.png cannot be read as an image (…). It may be truncated: replace it.",
    ),
    "truncated": (
        lambda f: READ(f / "torn" / "a.png"),
        ValueError,
        "{folder}/torn/a.png cannot be read as an image (…). It may be truncated: replace it.",
    ),
    "truncated array": (
        lambda f: READ(f / "cut.npy"),
        ValueError,
        "{folder}/cut.npy cannot be read as an image (…). It may be truncated: replace it.",
    ),
    "text named .png": (
        lambda f: READ(f / "text" / "a.png"),
        ValueError,
        "{folder}/text/a.png cannot be read as an image (…). It may be truncated: replace it.",
    ),
    "pixel bomb": (
        lambda f: READ(f / "bomb" / "a.png"),
        ValueError,
        "{folder}/bomb/a.png has 30,000×30,000 pixels, more than the 100,000,000 that are decoded into memory. …",
    ),
    "length of .bin": (
        lambda f: OPEN("stl10_binary", f / "bin"),
        ValueError,
        "{folder}/bin/unlabeled_X.bin has 27649 bytes; expected a positive multiple of 27648 (an image of 3×96×96). "
        "It is truncated or no STL-10 binary: fetch it again.",
    ),
    "unknown image suffix": (
        lambda f: READ(f / "file.bmp"),
        ValueError,
        "{folder}/file.bmp ends in '.bmp'; expected one of .png, .jpg, .jpeg, .tif, .tiff, .npy.",
    ),
    "missing model": (
        lambda f: LOAD(f / "no.keras"),
        FileNotFoundError,
        "{folder}/no.keras does not exist; expected a model saved as .keras.",
    ),
    "model of another suffix": (
        lambda f: LOAD(f / "file"),
        ValueError,
        "{folder}/file ends in 'nothing'; expected a model saved as .keras.",
    ),
    "model that is none": (
        lambda f: LOAD(f / "bytes.keras"),
        ValueError,
        "{folder}/bytes.keras cannot be loaded as a model (File is not a zip file).",
    ),
    "truncated model": (
        lambda f: LOAD(f / "cut.keras"),
        ValueError,
        "{folder}/cut.keras cannot be loaded as a model (File is not a zip file).",
    ),
    "model of a later Keras": (
        lambda f: LOAD(f / "later.keras"),
        ValueError,
        f"{{folder}}/later.keras cannot be loaded as a model (it is of Keras 4.1.0, later than the Keras "
        f"{keras.__version__} that is installed).",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_from_python(folder, name):
    call, kind, message = FILES[name]
    with pytest.raises((ValueError, OSError)) as error:
        call(folder)
    check(error, kind, message, folder)


def test_a_minor_version_is_no_obstacle(folder):
    assert LOAD(folder / "newer.keras").count_params() == LOAD(folder / "good.keras").count_params()


def test_an_old_keras_is_not_trusted_with_models(folder, monkeypatch):
    monkeypatch.setattr(keras, "__version__", "3.12.4")
    with pytest.raises(ValueError) as error:
        LOAD(folder / "good.keras")
    check(
        error,
        ValueError,
        "Keras 3.12.4 is installed; expected at least 3.15.1: in earlier ones a model's file could get around the safe "
        "mode. Upgrade it: pip install --upgrade keras.",
    )


def test_preset_of_a_wrong_hash(tmp_path, monkeypatch, model):
    presets.save("inverse", model, {}, tmp_path)
    monkeypatch.setattr(presets, "FOLDER", tmp_path)
    content = (tmp_path / "inverse.npz").read_bytes()
    (tmp_path / "inverse.npz").write_bytes(content[:-1] + b"x")
    with pytest.raises(ValueError) as error:
        dn.from_preset("inverse")
    check(
        error,
        ValueError,
        "{folder}/inverse.npz has SHA-256 …; expected …. The file is not the one that inverse.json describes: install "
        "the package again.",
        tmp_path,
    )
