"""Arrays and parameters from Python, one row each: the error's type and its whole message."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf import training
from diffnet_tf.base.checks import InputTypeError
from tests.conftest import tensorflow_only
from tests.hostile.common import GRAY, check

pytestmark = tensorflow_only

BYTES = (255 * GRAY).astype("uint8")
FILTERS = np.ones((4, 12, 12, 5), "float32")
HOLED = GRAY.copy()
HOLED[1, 2, 3, 0], HOLED[2, 0, 0, 0] = np.nan, np.inf
PAIRS = dn.data.PairSequence
RESTORE = dn.restore
DIVIDE = "Divide 8-bit images by 255 (or each by its own maximum) first."
OUT = "an array of uint8, uint16, float32, float64, float16."

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
        "The image has a minimum of -1…; expected no negative values. Clip it at 0.",
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
        "The model is a ConvNet; expected a DiffNet, whose reach is known. Call it on whole images.",
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
