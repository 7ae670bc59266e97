"""Bad input, one row each: its error type and the whole message from Python, its one line from the commands.

In a message {folder} stands for the folder of the files, and … for what another library says.
"""

import errno
import io
import json
import os
import re
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib

import keras
import numpy as np
import pytest
from PIL import Image

import diffnet_tf as dn
from diffnet_tf import command_line, image_files, model_files, presets, tiles, training
from diffnet_tf.__main__ import COMMANDS as NAMED
from diffnet_tf.__main__ import main
from diffnet_tf.checks import InputTypeError
from diffnet_tf.commands import verify
from tests.conftest import ROOT, run_python, tensorflow_only

pytestmark = tensorflow_only

RNG = np.random.default_rng(0)
GRAY = RNG.uniform(0.1, 1, (4, 12, 12, 1)).astype("float32")
BYTES = (255 * GRAY).astype("uint8")
FILTERS = np.ones((4, 12, 12, 5), "float32")
HOLED = GRAY.copy()
HOLED[1, 2, 3, 0], HOLED[2, 0, 0, 0] = np.nan, np.inf
PAIRS = dn.data.PairSequence
RESTORE = dn.restore
DIVIDE = "Divide 8-bit images by 255 (or each by its own maximum) first."
OUT = "an array of uint8, uint16, float32, float64, float16."


@pytest.fixture(scope="module")
def model():
    return dn.models.DiffNet(num_layers=1, estimator_depth=2, width=4)


def matches(message, pattern, folder=""):
    """Whether a message is the pattern, in full."""
    escaped = re.escape(pattern.replace("{folder}", str(folder))).replace("…", ".*")
    return re.fullmatch(escaped, message, re.DOTALL) is not None


def check(error, kind, message, folder=""):
    assert type(error.value) is kind
    assert matches(str(error.value), message, folder), str(error.value)


# ---- Arrays and parameters, from Python ------------------------------------------------------------------------------

DIFFUSE = dn.diffusion.perona_malik
PYTHON = {
    # Arrays: dtypes.
    "bytes diffused": (
        lambda m: DIFFUSE(BYTES),
        InputTypeError,
        f"u have dtype uint8; expected floating point in [0, 1]. {DIVIDE}",
    ),
    "bytes as training images": (
        lambda m: PAIRS(BYTES),
        InputTypeError,
        f"images have dtype uint8; expected floating point in [0, 1]. {DIVIDE}",
    ),
    "bytes into a network": (
        lambda m: m(BYTES),
        InputTypeError,
        f"inputs have dtype uint8; expected floating point in [0, 1]. {DIVIDE}",
    ),
    "bytes predicted": (
        lambda m: m.predict(BYTES, verbose=0),
        InputTypeError,
        f"inputs have dtype uint8; expected floating point in [0, 1]. {DIVIDE}",
    ),
    "bytes measured": (
        lambda m: dn.metrics.psnr(BYTES, BYTES),
        InputTypeError,
        f"targets have dtype uint8; expected floating point in [0, 1]. {DIVIDE}",
    ),
    "bytes in a stencil": (
        lambda m: dn.stencil.apply(BYTES, FILTERS),
        InputTypeError,
        f"u have dtype uint8; expected floating point in [0, 1]. {DIVIDE}",
    ),
    "integers restored": (
        lambda m: RESTORE(BYTES[0].astype("int32"), m),
        InputTypeError,
        "The image has dtype int32; expected uint8, uint16, float32 or float64. Convert it first.",
    ),
    "complex": (
        lambda m: DIFFUSE(GRAY.astype("complex64")),
        InputTypeError,
        f"u have dtype complex64; expected floating point in [0, 1]. {DIVIDE}",
    ),
    "complex measured": (
        lambda m: dn.metrics.ssim(GRAY, GRAY.astype("complex64")),
        InputTypeError,
        f"outputs have dtype complex64; expected floating point in [0, 1]. {DIVIDE}",
    ),
    "objects": (
        lambda m: PAIRS(GRAY.astype(object)),
        InputTypeError,
        f"images have dtype object; expected floating point in [0, 1]. {DIVIDE}",
    ),
    "None": (
        lambda m: DIFFUSE(None),
        InputTypeError,
        f"u have dtype object; expected floating point in [0, 1]. {DIVIDE}",
    ),
    # Arrays: values.
    "NaN and infinity diffused": (
        lambda m: DIFFUSE(HOLED),
        ValueError,
        "u hold 2 value(s) that are NaN or infinite, the first at index (1, 2, 3, 0); expected finite values. "
        "Remove or replace them.",
    ),
    "NaN and infinity as training images": (
        lambda m: PAIRS(HOLED),
        ValueError,
        "images hold 2 value(s) that are NaN or infinite, the first at index (1, 2, 3, 0); expected finite values. "
        "Remove or replace them.",
    ),
    "NaN restored": (
        lambda m: RESTORE(HOLED[1], m),
        ValueError,
        "The image holds 1 value(s) that are NaN or infinite, the first at index (2, 3, 0); expected finite values. "
        "Remove or replace them.",
    ),
    "negative light": (
        lambda m: RESTORE(GRAY[0] - np.float32(2), m),
        ValueError,
        "The image has a minimum of -1…; expected no negative values. Shift or clip it.",
    ),
    "0 to 255 as floats": (
        lambda m: PAIRS(np.round(255 * GRAY / GRAY.max())),
        ValueError,
        f"images range from … to 255; expected values in [0, 1]. {DIVIDE}",
    ),
    "0 to 255 with λ for 0 to 1": (
        lambda m: DIFFUSE(np.round(255 * GRAY / GRAY.max())),
        ValueError,
        "u reaches 255 while contrast=0.2; expected both in the same units. Divide 8-bit images by 255, or give the "
        "contrast parameter in gray levels.",
    ),
    "black": (
        lambda m: PAIRS(GRAY * np.float32([1, 1, 0, 0])[:, None, None, None]),
        ValueError,
        "images hold 2 black image(s), the first at index 2; expected a positive maximum, since each image is scaled "
        "by its own. Remove them.",
    ),
    # Arrays: shapes.
    "no image": (
        lambda m: PAIRS(GRAY[:0]),
        ValueError,
        "images have shape (0, 12, 12, 1): there is no image in them; expected at least one.",
    ),
    "no pixel": (
        lambda m: DIFFUSE(GRAY[:, :0]),
        ValueError,
        "u has shape (4, 0, 12, 1): there is no pixel in it; expected at least one image.",
    ),
    "rank 2": (
        lambda m: PAIRS(GRAY[0, ..., 0]),
        ValueError,
        "images have shape (12, 12) of rank 2; expected (batch, height, width, 1). Add the missing axes with "
        "array[None, ..., None].",
    ),
    "rank 3 into a network": (
        lambda m: m(GRAY[0]),
        ValueError,
        "inputs have shape (12, 12, 1) of rank 3; expected (batch, height, width, 1). Add the missing axes with "
        "array[None, ..., None].",
    ),
    "channels first": (
        lambda m: PAIRS(np.moveaxis(GRAY, -1, 1)),
        ValueError,
        "images have shape (4, 1, 12, 12) with 12 channels last; expected (batch, height, width, 1). This looks like "
        "channels first: move the channels with np.moveaxis(images, 1, -1).",
    ),
    "channels first diffused": (
        lambda m: DIFFUSE(np.moveaxis(GRAY, -1, 1)),
        ValueError,
        "u has shape (4, 1, 12, 12); expected (batch, height, width, 1) or (height, width). Move the channels last "
        "with np.moveaxis(u, 1, -1).",
    ),
    "RGB into gray": (
        lambda m: m(GRAY.repeat(3, -1)),
        ValueError,
        "inputs have shape (4, 12, 12, 3) with 3 channels last; expected (batch, height, width, 1). Convert colour to "
        "gray first.",
    ),
    "RGB into a layer": (
        lambda m: m.diffusion_layers[0](GRAY.repeat(3, -1)),
        ValueError,
        "This layer takes gray images (batch, height, width, 1); received an input of shape (4, 12, 12, 3). Move "
        "channels last, and convert colour to gray or make a layer for that number of channels.",
    ),
    "RGBA": (
        lambda m: PAIRS(GRAY.repeat(4, -1)),
        ValueError,
        "images have shape (4, 12, 12, 4) with 4 channels last; expected (batch, height, width, 1). Convert colour to "
        "gray first.",
    ),
    "five channels": (
        lambda m: RESTORE(GRAY[0].repeat(5, -1), m),
        ValueError,
        "The image has shape (12, 12, 5); expected (height, width) or (height, width, 1 to 4).",
    ),
    "2×12 pixels": (
        lambda m: PAIRS(GRAY[:, :2]),
        ValueError,
        "images have shape (4, 2, 12, 1); expected a height and width of at least 3 pixels.",
    ),
    "2×12 pixels restored": (
        lambda m: RESTORE(GRAY[0, :2], m),
        ValueError,
        "The image has shape (2, 12, 1); expected at least 3 pixels a side.",
    ),
    "one target for all": (
        lambda m: dn.metrics.psnr(GRAY[:1], GRAY),
        ValueError,
        "target has shape (1, 12, 12, 1) and output (4, 12, 12, 1); expected the same shape.",
    ),
    "one target for all, authors' PSNR": (
        lambda m: dn.metrics.authors_psnr(GRAY[:1], GRAY),
        ValueError,
        "target has shape (1, 12, 12, 1) and output (4, 12, 12, 1); expected the same shape.",
    ),
    "one target for all, in the loss": (
        lambda m: dn.metrics.NormLoss()(GRAY[:1], GRAY),
        ValueError,
        "target has shape (1, 12, 12, 1) and output (4, 12, 12, 1); expected the same shape.",
    ),
    "targets without channel": (
        lambda m: dn.metrics.psnr(GRAY[..., 0], GRAY),
        ValueError,
        "target has shape (4, 12, 12) and output (4, 12, 12, 1); expected both (batch, height, width, 1). Add the "
        "missing axes with array[None, ..., None].",
    ),
    "smaller than SSIM's window": (
        lambda m: dn.metrics.ssim(GRAY[:, :8], GRAY[:, :8]),
        ValueError,
        "target has shape (4, 8, 12, 1); expected at least 11 pixels a side, SSIM's window.",
    ),
    "filters of other images": (
        lambda m: dn.stencil.apply(GRAY, FILTERS[:, :6]),
        ValueError,
        "filters have shape (4, 6, 12, 5) and u has (4, 12, 12, 1); expected filters of the same images, (batch or 1, "
        "height, width, 5).",
    ),
    "four filters": (
        lambda m: dn.stencil.apply(GRAY, FILTERS[..., :4]),
        ValueError,
        "filters have shape (4, 12, 12, 4); expected (batch, height, width, 5) in the order ('centre', 'up', 'down', "
        "'left', 'right'), or 9 or 13 of them.",
    ),
    "start of another shape": (
        lambda m: dn.diffusion.fixed_point_inverse(GRAY, start=GRAY[:, :6]),
        ValueError,
        "y has shape (4, 12, 12, 1) and start (4, 6, 12, 1); expected the same shape.",
    ),
    "out of another shape": (
        lambda m: RESTORE(GRAY[0], m, out=np.zeros((6, 12, 1), "float32")),
        ValueError,
        "out has shape (6, 12, 1); expected the image's, (12, 12, 1).",
    ),
    "out of another dtype": (
        lambda m: RESTORE(GRAY[0], m, out=np.zeros((12, 12, 1), "int32")),
        InputTypeError,
        f"out is of int32; expected {OUT}",
    ),
    "out that is no array": (lambda m: RESTORE(GRAY[0], m, out=[]), InputTypeError, f"out is of list; expected {OUT}"),
    "degrade that cuts": (
        lambda m: PAIRS(GRAY, batch_size=2, degrade=lambda u: u[:, :6])[0],
        ValueError,
        "clean has shape (2, 12, 12, 1) and what degrade makes of it (2, 6, 12, 1); expected the same shape.",
    ),
    # Parameters.
    "δt = 0": (lambda m: DIFFUSE(GRAY, dt=0), ValueError, "dt=0; expected a finite number above 0."),
    "δt NaN": (lambda m: DIFFUSE(GRAY, dt=np.nan), ValueError, "dt=nan; expected a finite number above 0."),
    "δt as text": (lambda m: DIFFUSE(GRAY, dt="0.1"), InputTypeError, "dt='0.1' is a str; expected a number above 0."),
    "λ = 0": (lambda m: DIFFUSE(GRAY, contrast=0.0), ValueError, "contrast=0.0; expected a finite number above 0."),
    "λ < 0": (lambda m: DIFFUSE(GRAY, contrast=-0.2), ValueError, "contrast=-0.2; expected a finite number above 0."),
    "−1 steps": (lambda m: DIFFUSE(GRAY, steps=-1), ValueError, "steps=-1; expected a whole number of at least 0."),
    "1.5 steps": (lambda m: DIFFUSE(GRAY, steps=1.5), InputTypeError, "steps=1.5 is a float; expected a whole number."),
    "0 training steps": (
        lambda m: training.fit(m, GRAY, steps=0),
        ValueError,
        "steps=0; expected a whole number of at least 1.",
    ),
    "σ < 0": (
        lambda m: PAIRS(GRAY, batch_size=2, noise=-0.01),
        ValueError,
        "noise=-0.01; expected a finite number of at least 0.",
    ),
    "σ NaN": (
        lambda m: PAIRS(GRAY, batch_size=2, noise=np.nan),
        ValueError,
        "noise=nan; expected a finite number of at least 0.",
    ),
    "noise on forward diffusion": (
        lambda m: PAIRS(GRAY, "forward", 0.01),
        ValueError,
        "noise=0.01 with problem='forward'; expected none: noise is added to diffused inputs.",
    ),
    "batch larger than the data": (
        lambda m: PAIRS(GRAY, batch_size=5),
        ValueError,
        "batch_size=5 is larger than the 4 image(s) of the data set; expected at most 4. Give a smaller batch or more "
        "images.",
    ),
    "crop larger than the images": (
        lambda m: PAIRS(GRAY, batch_size=2, crop=13),
        ValueError,
        "crop=13; expected at most 12, the shorter side of the images.",
    ),
    "tile 0": (lambda m: RESTORE(GRAY[0], m, tile=0), ValueError, "tile=0; expected a whole number of at least 1."),
    "unknown problem": (
        lambda m: PAIRS(GRAY, "invers"),
        ValueError,
        "problem='invers'; expected one of 'inverse', 'forward'. Did you mean 'inverse'?",
    ),
    "unknown preset": (
        lambda m: dn.from_preset("inverse1pct"),
        ValueError,
        "preset='inverse1pct'; expected one of 'forward', 'inverse', 'inverse-0.1pct', 'inverse-1pct', "
        "'deconvolution'. Did you mean 'inverse-1pct'?",
    ),
    "unknown boundary": (
        lambda m: DIFFUSE(GRAY, boundary="neuman"),
        ValueError,
        "boundary='neuman'; expected one of 'neumann', 'dirichlet'. Did you mean 'neumann'?",
    ),
    "unknown diffusivity": (
        lambda m: dn.diffusion.nonlinear(GRAY, 1, 0.1, 0.2, "weikert"),
        ValueError,
        "diffusivity='weikert'; expected one of 'perona_malik_1', 'perona_malik_2', 'regularised_tv', 'weickert', "
        "'charbonnier'. Did you mean 'weickert'?",
    ),
    "unknown recipe": (
        lambda m: training.fit(m, GRAY, "quick", steps=1),
        ValueError,
        "recipe='quick'; expected one of 'paper', 'authors', 'fast'.",
    ),
    "no name at all": (
        lambda m: PAIRS(GRAY, ["inverse"]),
        ValueError,
        "problem=['inverse']; expected one of 'inverse', 'forward'.",
    ),
    # Machine and models.
    "network of unknown reach": (
        lambda m: RESTORE(GRAY[0], dn.models.ConvNet()),
        InputTypeError,
        "The model is a ConvNet; expected a DiffNet, whose reach is known.",
    ),
    "strategy of another backend": (
        lambda m: dn.distribute.scope("data_parallel"),
        ValueError,
        "strategy='data_parallel' needs Keras's jax backend; this is tensorflow. Set KERAS_BACKEND=jax.",
    ),
}


@pytest.mark.parametrize("name", PYTHON)
def test_from_python(model, name):
    call, kind, message = PYTHON[name]
    with pytest.raises((ValueError, TypeError)) as error:
        call(model)
    check(error, kind, message)


@pytest.mark.parametrize("name", dn.diffusivity.DIFFUSIVITIES)
def test_explicit_steps_are_stable_or_refused(name):
    """At the bound the extrema stay; beyond it the call is refused, and the same step would amplify a checkerboard."""
    gamma, contrast = dn.diffusivity.get(name), 0.5
    bound = gamma.stability_bound(contrast)
    noise = RNG.uniform(0.4, 0.6, (1, 16, 16, 1))
    stepped = np.asarray(dn.diffusion.nonlinear(noise, 20, bound, contrast, name))
    assert noise.min() - 1e-9 <= stepped.min() and stepped.max() <= noise.max() + 1e-9
    for steps in (0, 1, 20):
        with pytest.raises(ValueError) as error:
            dn.diffusion.nonlinear(noise, steps, 1.001 * bound, contrast, name)
        check(
            error,
            ValueError,
            f"dt={1.001 * bound:g} breaks the stability bound of the explicit scheme for {name}: dt ≤ 1/(4 max γ) = "
            f"{bound:g}. Take more, smaller steps, or method='implicit'.",
        )
    board = 0.5 + 1e-6 * (-1.0) ** np.add.outer(np.arange(16), np.arange(16))[None, ..., None]
    beyond = dn.diffusion.explicit_step(board, 2.002 * bound, gamma(dn.diffusion.squared_gradient(board), contrast))
    assert np.ptp(np.asarray(beyond)) > np.ptp(board)
    dn.diffusion.nonlinear(noise, 1, 1.001 * bound, contrast, name, method="implicit")


def test_isotropic_steps_are_stable_or_refused():
    with pytest.raises(ValueError) as error:
        dn.diffusion.isotropic(GRAY, time=1.0, steps=3)
    check(
        error,
        ValueError,
        "dt=0.333333 breaks the stability bound of the explicit scheme for γ = 1: dt ≤ 1/(4 max γ) = 0.25. Take more, "
        "smaller steps, or method='implicit'.",
    )


def test_0_to_255_into_a_network_is_warned_of(model):
    for call in (model, lambda u: model.predict(u, verbose=0), model.states):
        with pytest.warns(UserWarning, match="inputs reach 2.*; the networks know images whose maximum is 1"):
            call(255 * GRAY)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call(1.5 * GRAY)


def test_mirrored_without_devices_is_refused(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(
        tf.config,
        "list_logical_devices",
        lambda kind: [tf.config.LogicalDevice("/device:CPU:0", "CPU")] if kind == "CPU" else [],
    )
    with pytest.raises(ValueError) as error:
        dn.distribute.scope("mirrored")
    check(
        error,
        ValueError,
        "strategy='mirrored' finds no GPU and a single CPU; expected devices to split batches over. Install "
        "TensorFlow for your GPUs, or take strategy='none'.",
    )


# ---- Files and models ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory, model):
    """A folder with good and bad files."""
    root = tmp_path_factory.mktemp("files")
    images = root / "images"
    images.mkdir()
    for k in range(12):
        Image.fromarray(RNG.integers(1, 255, (96, 96)).astype("uint8")).save(images / f"{k:02}.png")
    good = (images / "00.png").read_bytes()
    for name in ("empty", "torn", "text", "bomb", "gif", "bin", "bin0"):
        (root / name).mkdir()
    bad = {"zero.png": b"", "torn/a.png": good[: len(good) // 2], "text/a.png": b"a photograph\n"}
    bad |= {"torn/b.png": good, "text/b.png": good, "bomb/b.png": good, "cut.npy": npy(GRAY[0])[:500]}
    bad |= {"bin/unlabeled_X.bin": bytes(27_649), "bin0/unlabeled_X.bin": b"", "file": b"in the way"}
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


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def zeros_packed(count):
    """A zlib stream of many zeros, made of the same block again and again: a thousandth of them."""
    packer, last = (zlib.compressobj(9, zlib.DEFLATED, -15) for _ in range(2))
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    blocks, rest = divmod(count, 2**20)
    checksum = struct.pack(">I", (count % 65_521) << 16 | 1)
    return b"\x78\xda" + blocks * block + last.compress(bytes(rest)) + last.flush() + checksum


def png_bomb(side=30_000):
    """A PNG of 900 million pixels in 900 kB: whole, and all zero."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zeros_packed(side * (side + 1))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def rewritten(source, target, **metadata):
    """A copy of a .keras file with other metadata."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "metadata.json":
                content = json.dumps(json.loads(content) | metadata).encode()
            new.writestr(name, content)


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
        "{folder}/inverse.npz has SHA-256 …; expected …. The file is not the one that the card describes: install the "
        "package again.",
        tmp_path,
    )


# ---- Commands: one line on stderr, exit status 2, no traceback, no partial output ------------------------------------

INVERSE = "restore images/00.png out.png --preset inverse-1pct"
NAMES = "'forward', 'inverse', 'inverse-0.1pct', 'inverse-1pct', 'deconvolution'"
SOURCES = "'skimage', 'stl10', 'stl10_binary', 'mat', 'npy', 'folder'"
IMAGES = ".png, .jpg, .jpeg, .tif, .tiff, .npy"
COMMANDS = {
    "": "the following arguments are required: COMMAND; see python -m diffnet_tf --help.",
    "restroe a b": f"COMMAND='restroe'; expected one of {', '.join(map(repr, NAMED))}. Did you mean 'restore'?",
    "restore a": "the following arguments are required: OUT; see python -m diffnet_tf restore --help.",
    f"{INVERSE} --tiles 3": "unknown option '--tiles'; see python -m diffnet_tf restore --help. Did you mean '--tile'?",
    "restore images/00.png out.png --prest inverse": "unknown option '--prest'; see python -m diffnet_tf restore "
    "--help. Did you mean '--preset'?",
    "restore images/00.png out.png --preset invers": f"preset='invers'; expected one of {NAMES}. Did you mean "
    "'inverse'?",
    f"{INVERSE} --colour luminence": "--colour='luminence'; expected one of 'luminance', 'channels'. Did you mean "
    "'luminance'?",
    f"{INVERSE} --depth 12": "--depth='12'; expected one of '8', '16', 'float'.",
    f"{INVERSE} --tile 1.5": "argument --tile: invalid int value: '1.5'; see python -m diffnet_tf restore --help.",
    f"{INVERSE} --tile 0": "--tile=0; expected a whole number of at least 1.",
    f"{INVERSE} --max-pixels -3": "--max-pixels=-3; expected a whole number of at least 1.",
    f"{INVERSE} stray": "unknown argument 'stray'; see python -m diffnet_tf restore --help.",
    f"{INVERSE} --weights good.keras": "argument --weights: not allowed with argument --preset; see python -m "
    "diffnet_tf restore --help.",
    "restore no.png out.png --preset inverse": "no.png does not exist; expected an image or a folder of images.",
    "restore empty out --preset inverse": f"empty holds no image; expected files ending in {IMAGES}.",
    "restore zero.png out.png --preset inverse": "zero.png cannot be read as an image (…). It may be truncated: "
    "replace it.",
    "restore torn out --preset inverse": "torn/a.png cannot be read as an image (…). It may be truncated: replace it.",
    "restore text out --preset inverse": "text/a.png cannot be read as an image (…). It may be truncated: replace it.",
    "restore bomb out --preset inverse": "bomb/a.png has 30,000×30,000 pixels, more than the 100,000,000 that are "
    "decoded into memory. …",
    "train bomb --out m.keras": "bomb/a.png …100,000,000…",
    "restore images/00.png file/out.png --preset inverse": "file/out.png cannot be written: file is no folder. Give "
    "another name.",
    "restore images file --preset inverse": "file/00.png cannot be written: file is no folder. Give another name.",
    "restore images/00.png images/01.png --preset inverse": "images/01.png exists; give another name, or --force to "
    "replace it.",
    "restore images/00.png out.jpg --depth 16 --preset inverse": "out.jpg: JPEG holds 8-bit gray or RGB, not uint16 "
    "with 1 channel(s); use PNG or TIFF.",
    "restore images/00.png out.png --weights no.keras": "no.keras does not exist; expected a model saved as .keras.",
    "restore images/00.png out.png --weights zero.keras": "zero.keras cannot be loaded as a model (File is not a zip "
    "file).",
    "restore images/00.png out.png --weights later.keras": "later.keras cannot be loaded as a model (it is of Keras "
    f"4.1.0, later than the Keras {keras.__version__} that is installed).",
    "restore images/00.png out.png --weights conv.keras": "The model is a ConvNet; expected a DiffNet, whose reach is "
    "known.",
    "train images": "the following arguments are required: --out; see python -m diffnet_tf train --help.",
    "train images --out m.h5": "--out m.h5 ends in '.h5'; expected .keras.",
    "train images --out m.keras --steps 0": "--steps=0; expected a whole number of at least 1.",
    "train images --out m.keras --steps -5": "--steps=-5; expected a whole number of at least 1.",
    "train images --out m.keras --steps 2.5": "argument --steps: invalid int value: '2.5'; see python -m diffnet_tf "
    "train --help.",
    "train images --out m.keras --seed -1": "--seed=-1; expected a whole number of at least 0.",
    "train images --out m.keras --seed 4294967296": "--seed=4294967296; expected at most 4294967295.",
    "train images --out m.keras --noise -0.1": "--noise=-0.1; expected a finite number of at least 0.",
    "train images --out m.keras --noise nan": "--noise=nan; expected a finite number of at least 0.",
    "train images --out m.keras --learning-rate 0": "--learning-rate=0.0; expected a finite number above 0.",
    "train images --out m.keras --problem invers": "--problem='invers'; expected one of 'inverse', 'forward'. Did you "
    "mean 'inverse'?",
    "train images --out m.keras --init invers": f"--init='invers'; expected one of 'a .keras file', {NAMES}. Did you "
    "mean 'inverse'?",
    "train images --out m.keras --init dense.keras": "dense.keras is a model from (None, 4) to (None, 3); expected one "
    "from (batch, height, width, 1) to the same. Name a network for gray images.",
    "train images --out file/m.keras": "file/m.keras cannot be written: file is no folder. Give another name.",
    "train images --out m.keras --size 200": "images/00.png has 96×96 pixels; expected at least 200 on each side. Give "
    "a smaller size, or remove it.",
    "train bin --source stl10_binary --out m.keras": "bin/unlabeled_X.bin has 27649 bytes; expected a positive "
    "multiple of 27648 (an image of 3×96×96). It is truncated or no STL-10 binary: fetch it again.",
    "train bin0 --source stl10_binary --out m.keras": "bin0/unlabeled_X.bin has 0 bytes; expected a positive multiple "
    "of 27648 (an image of 3×96×96). It is truncated or no STL-10 binary: fetch it again.",
    "train text --out m.keras": "text/a.png cannot be read as an image (…)….",
    "inspect images/00.png --weights conv.keras": "The model is a ConvNet; expected a DiffNet or LinearDiffNet, whose "
    "layers are stencils.",
    "inspect images/00.png --preset inverse --size 2": "--size=2; expected a whole number of at least 3.",
    "inspect images/00.png --preset inverse --out file/a.png": "file/a.png cannot be written: file is no folder. Give "
    "another name.",
    "make_pairs p.csv": "suffix='.csv'; expected one of '.npz', '.tfrecord'.",
    "make_pairs p.npz --source folders": f"--source='folders'; expected one of {SOURCES}. Did you mean 'folder'?",
    "make_pairs p.npz --source folder": "source='folder' needs data_dir=...: the folder that holds the images. None "
    "was given.",
    "make_pairs p.npz --data_dir images": "data_dir='images' with source='skimage'; expected none. Name the source of "
    "your images: stl10, stl10_binary, mat, npy, folder.",
    "make_pairs p.npz --limit 0": "limit=0; expected a whole number of at least 1.",
    "make_pairs p.npz --limit 2 --epochs 0": "epochs=0; expected a whole number of at least 1.",
    "make_pairs p.npz --limit 2 --crop 2": "crop=2; expected a whole number of at least 3.",
    "make_pairs p.npz --limit 2 --noise -1": "noise=-1.0; expected a finite number of at least 0.",
    "make_pairs no/p.npz --limit 2": "no is no folder; expected one to write p.npz to. Make it first.",
    "make_pairs file/p.npz --limit 2": "file is no folder; expected one to write p.npz to. Make it first.",
    "data no": "no does not exist; expected a folder (or a file) with images.",
    "verify --result_dir no": "unknown option '--result_dir'; see python -m diffnet_tf verify --help. Did you mean "
    "'--results_dir'?",
}


def contents(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(folder, monkeypatch, capsys, command):
    monkeypatch.chdir(folder)
    before = contents(folder)
    assert main(command.split()) == 2
    out, errors = capsys.readouterr()
    assert errors.startswith("error: ") and errors.count("\n") == 1
    assert matches(errors.removeprefix("error: ").removesuffix("\n"), COMMANDS[command]), errors
    assert out == ""
    assert contents(folder) == before


def test_the_programs_own_mistakes_show_where_they_are(monkeypatch, capsys):
    from experiments import run

    monkeypatch.setattr(verify.claims, "findings", lambda *_: len(None))
    with pytest.raises(TypeError, match="has no len"):
        main(["verify"])
    with pytest.raises(TypeError, match="has no len"), run._errors_on_one_line():
        len(None)
    for error in (ValueError("a\nb"), InputTypeError("a b"), OSError("a b"), FloatingPointError("a b")):
        with pytest.raises(SystemExit, match="2"), run._errors_on_one_line():
            raise error
        assert capsys.readouterr().err == "error: a b\n"


def test_a_traceback_can_be_asked_for(monkeypatch, capsys):
    monkeypatch.setenv(command_line.TRACEBACK, "1")
    assert main(["data", "no"]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("Traceback") and errors.endswith(
        "error: no does not exist; expected a folder (or a file) with images.\n"
    )


# ---- Machine ---------------------------------------------------------------------------------------------------------


def test_exhausted_memory_names_smaller_tiles_and_batches(folder, monkeypatch, capsys, model):
    def fail(*_, **__):
        raise RuntimeError("RESOURCE_EXHAUSTED: OOM when allocating tensor")

    monkeypatch.chdir(folder)
    monkeypatch.setattr(tiles.backend, "compiled", lambda function: fail)
    before = contents(folder)
    assert main(["restore", "images/00.png", "out.png", "--weights", "good.keras"]) == 2
    line = "The memory does not hold a tile of 512×512 pixels. Try tile=256."
    assert capsys.readouterr().err == f"error: {line}\n"
    with pytest.raises(MemoryError) as error:
        RESTORE(GRAY[0], model, tile=1)
    check(error, MemoryError, "The memory does not hold a tile of 1×1 pixels. Try tile=1.")
    assert contents(folder) == before
    monkeypatch.setattr(training, "_fit", fail)
    assert main(["train", "images", "--out", "m.keras", "--steps", "1", "--init", "good.keras"]) == 2
    line = "The memory does not hold a training step with batch_size=8 and crop=24. Try batch_size=4."
    assert capsys.readouterr().err == f"error: {line}\n"
    assert not (folder / "m.keras").exists()


def test_what_may_not_be_written_is_refused_before_any_work(folder, monkeypatch, capsys):
    """Root may write everything: the answer of the system is made up."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(os, "access", lambda *_: False)
    for command, name in (
        ("restore images/00.png out.png --preset inverse", "out.png"),
        ("make_pairs out.npz", "out.npz"),
        ("train images --out out.keras", "out.keras"),
    ):
        assert main(command.split()) == 2
        line = f"{name} cannot be written: no permission to write to .. Give another name."
        assert capsys.readouterr().err == f"error: {line}\n"


FULL_DISK = """
import os, resource, sys
from pathlib import Path
from diffnet_tf.__main__ import main
os.chdir(sys.argv[1])
sys.stderr = sys.stdout
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
before = sorted(Path(".").rglob("*"))
for command in sys.argv[2:]:
    print("status", main(command.split()), sorted(Path(".").rglob("*")) == before, flush=True)
"""


def test_files_that_may_not_grow_leave_nothing(folder):
    """As on a full disk, but for the number of the error: PNG, mapped TIFF and NPY, and pairs."""
    commands = [f"restore images/00.png out.{kind} --weights good.keras" for kind in ("png", "tif", "npy")]
    out = run_python(FULL_DISK, folder, *commands, "make_pairs p.npz --limit 2")
    lines = [line for line in out.splitlines() if line.startswith(("error", "status"))]
    assert lines == [f"error: [Errno {errno.EFBIG}] {os.strerror(errno.EFBIG)}", "status 2 True"] * 4, out


def test_a_disk_without_room_for_a_mapped_file_is_refused(folder, tmp_path, monkeypatch, capsys):
    """Writing to the map of a file that has no room kills the process: the room is asked for before."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    for kind in ("tif", "npy"):
        command = f"restore {folder}/images/00.png {tmp_path}/out.{kind} --weights {folder}/good.keras"
        assert main(command.split()) == 2
        assert capsys.readouterr().err == "error: [Errno 28] No space left on device\n"
    assert not list(tmp_path.iterdir())


def test_an_experiment_that_asks_for_absent_devices(tmp_path):
    options = ["--budget", "smoke", "--strategy", "mirrored", "--results_dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.fig07_samples", *options],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: strategy='mirrored' finds no GPU and a single CPU;")
    assert done.stderr.count("\n") == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
