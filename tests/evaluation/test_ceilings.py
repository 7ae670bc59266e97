"""Numbers that a format cannot hold: what is lost is said, and metrics are as wide as they have to be."""

import warnings

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf import restoration
from diffnet_tf.__main__ import main
from diffnet_tf.files import image_files
from diffnet_tf.networks import presets
from tests.conftest import tensorflow_only

RNG = np.random.default_rng(0)
GRAY = RNG.uniform(0.1, 1, (4, 12, 12, 1)).astype("float32")
DISK = dn.data.disks(1).pixels[0]


@pytest.mark.parametrize("dtype", restoration.CEILINGS)
def test_the_ceilings_are_those_of_rounding(dtype):
    image = RNG.uniform(0, 1, (1, 400, 400, 1))
    full = np.iinfo(dtype).max if dtype.startswith("u") else 1
    rounded = (np.rint(image * full) if full > 1 else image).astype(dtype).astype("float64") / full
    measured = -10 * np.log10(np.mean((rounded - image) ** 2))
    assert measured == pytest.approx(restoration.CEILINGS[dtype], abs=0.1)


def warned(name, dtype):
    """The warnings of restoring with a preset into an array of a dtype."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = DISK if name == "deconvolution" else GRAY[0]
        dn.restore(image, dn.from_preset(name), out=np.empty(image.shape, dtype))
    return [str(w.message) for w in caught if w.category is UserWarning]


@pytest.mark.parametrize(
    ("name", "dtype", "ceiling", "wider"),
    [
        ("inverse", "uint8", "58.9", "uint16 or float32"),
        ("deconvolution", "float16", "79.4", "uint16 or float32"),
        ("inverse", "float16", None, None),
        ("inverse", "uint16", None, None),
        ("inverse", "float32", None, None),
        ("inverse-1pct", "uint8", None, None),
    ],
)
def test_results_that_a_dtype_cannot_hold_are_warned_of(name, dtype, ceiling, wider):
    reached = presets.card(name)["quality"]["output"]["mean"]
    line = (
        f"{dtype} output is limited to {ceiling} dB by rounding; the network reaches {reached:.1f} dB. Write "
        f"{wider} to keep this quality."
    )
    assert warned(name, dtype) == ([line] if ceiling else [])


def test_the_command_warns_on_one_line(tmp_path, capsys):
    with image_files.writing(tmp_path / "in.png", (12, 12, 1), "uint16") as out:
        out[...] = 65535 * GRAY[0]
    for depth, errors in (("8", 1), ("16", 0)):
        options = ["--preset", "inverse", "--depth", depth]
        assert main(["restore", f"{tmp_path}/in.png", f"{tmp_path}/{depth}.png", *options]) == 0
        printed = capsys.readouterr().err
        assert printed.count("\n") == errors
        assert not errors or printed.startswith("warning: uint8 output is limited to 58.9 dB by rounding;")


@tensorflow_only
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["psnr", "authors_psnr", "ssim", "relative_l2"])
def test_metrics_of_half_precision_are_single(name, dtype):
    """The same numbers, to the last bit, as of the rounded images in float32: only the images were rounded."""
    metric = getattr(dn.metrics, name)
    narrow = [keras.ops.cast(u, dtype) for u in (GRAY, 0.9 * GRAY)]
    value = metric(*narrow)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    wide = metric(*(keras.ops.cast(u, "float32") for u in narrow))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(value), keras.ops.convert_to_numpy(wide))
    mixed = metric(narrow[0], GRAY.astype("float64"))
    assert keras.backend.standardize_dtype(mixed.dtype) == "float64"
