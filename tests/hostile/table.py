"""The one table of bad input: what is done, and the decisive words of what is said of it, in their order.

Words are parts of the message with " … " between them. {folder} stands for the folder of the files.
"""

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.base.checks import InputTypeError
from diffnet_tf.files import image_files, model_files
from tests.conftest import BACKEND
from tests.hostile.common import GRAY

BYTES = (255 * GRAY).astype("uint8")
LIGHT = np.round(255 * GRAY / GRAY.max())  # 0 to 255 as floats
FILTERS = np.ones((4, 12, 12, 5), "float32")
HOLED = GRAY.copy()
HOLED[1, 2, 3, 0], HOLED[2, 0, 0, 0] = np.nan, np.inf
DIFFUSE = dn.diffusion.perona_malik
RESTORE = dn.restore
FIT = dn.training.fit
LOAD, READ, OPEN = model_files.load, image_files.read, dn.data.open_images


def pairs(images, *arguments, **options):
    """Training examples of four images: on TensorFlow, both pipelines refuse them with the same words."""
    options = {"batch_size": 2, **options}
    if BACKEND == "tensorflow":
        with pytest.raises((ValueError, TypeError)) as other:
            dn.data.pairs(images, *arguments, **options)
    try:
        return dn.data.PairSequence(images, *arguments, **options)
    except (ValueError, TypeError) as error:
        assert BACKEND != "tensorflow" or (type(other.value), str(other.value)) == (type(error), str(error))
        raise


VALUE, TYPE, MISSING = ValueError, InputTypeError, FileNotFoundError
DTYPE = "expected floating point in [0, 1]. Divide 8-bit images by 255"
DAMAGED = "cannot be read as an image ( … truncated: replace it"
FOREIGN = "cannot be read as an image (it begins with … PNG, JPEG, TIFF and NPY files do not). Convert it, or replace"
SHAPE = "expected the same shape"
AXES = "expected (batch, height, width, 1). Add the missing axes"

# What is done with a model and a folder of files; the error's type; the decisive words of its message.
PYTHON = {
    # Arrays: dtypes.
    "bytes diffused": (lambda m, f: DIFFUSE(BYTES), TYPE, f"u have dtype uint8; {DTYPE}"),
    "bytes as training images": (lambda m, f: pairs(BYTES), TYPE, f"images have dtype uint8; {DTYPE}"),
    "bytes into a network": (lambda m, f: m(BYTES), TYPE, f"inputs have dtype uint8; {DTYPE}"),
    "bytes predicted": (lambda m, f: m.predict(BYTES, verbose=0), TYPE, f"inputs have dtype uint8; {DTYPE}"),
    "bytes measured": (lambda m, f: dn.metrics.psnr(BYTES, BYTES), TYPE, f"targets have dtype uint8; {DTYPE}"),
    "bytes in a stencil": (lambda m, f: dn.stencil.apply(BYTES, FILTERS), TYPE, f"u have dtype uint8; {DTYPE}"),
    "a mask restored": (lambda m, f: RESTORE(BYTES[0] > 100, m), TYPE, "dtype bool; expected integers or floats"),
    "complex": (lambda m, f: DIFFUSE(GRAY.astype("complex64")), TYPE, f"u have dtype complex64; {DTYPE}"),
    "complex measured": (lambda m, f: dn.metrics.ssim(GRAY, GRAY + 0j), TYPE, "outputs have dtype complex"),
    "objects": (lambda m, f: pairs(GRAY.astype(object)), TYPE, f"images have dtype object; {DTYPE}"),
    "None": (lambda m, f: DIFFUSE(None), TYPE, f"u have dtype object; {DTYPE}"),
    # Arrays: values.
    "holes diffused": (lambda m, f: DIFFUSE(HOLED), VALUE, "u hold 2 … NaN or infinite … index (1, 2, 3, 0); expected"),
    "holes in training": (lambda m, f: pairs(HOLED), VALUE, "images hold 2 … NaN or infinite … index (1, 2, 3, 0)"),
    "NaN restored": (
        lambda m, f: RESTORE(HOLED[1], m),
        VALUE,
        "1 value(s) … index (2, 3, 0) … nodata=nan",
    ),
    "negative light": (
        lambda m, f: RESTORE(GRAY[0] - 2, m),
        VALUE,
        "minimum of -1 … expected no negative values except noise. Give nodata= … black=",
    ),
    "0 to 255 as floats": (lambda m, f: pairs(LIGHT), VALUE, "to 255; expected values in [0, 1]. Divide"),
    "λ for 0 to 1": (lambda m, f: DIFFUSE(LIGHT), VALUE, "reaches 255 while contrast=0.2; expected … the same units"),
    "black": (
        lambda m, f: pairs(GRAY * np.eye(4, dtype="f4")[0, :, None, None, None]),
        VALUE,
        "3 black … first at index 1",
    ),
    # Arrays: shapes.
    "no image": (lambda m, f: pairs(GRAY[:0]), VALUE, "images have shape (0, 12, 12, 1), which contains no images"),
    "no pixel": (lambda m, f: DIFFUSE(GRAY[:, :0]), VALUE, "u has shape (4, 0, 12, 1), which contains no pixels"),
    "rank 2": (lambda m, f: pairs(GRAY[0, ..., 0]), VALUE, f"shape (12, 12) of rank 2; {AXES}"),
    "rank 3": (lambda m, f: m(GRAY[0]), VALUE, f"inputs have shape (12, 12, 1) of rank 3; {AXES}"),
    "channels first": (
        lambda m, f: pairs(np.moveaxis(GRAY, -1, 1)),
        VALUE,
        "with 12 channels last … np.moveaxis(images",
    ),
    "channels first diffused": (
        lambda m, f: DIFFUSE(np.moveaxis(GRAY, -1, 1)),
        VALUE,
        "(4, 1, 12, 12) … np.moveaxis(u,",
    ),
    "RGB into gray": (
        lambda m, f: m(GRAY.repeat(3, -1)),
        VALUE,
        "with 3 channels last; expected … Convert colour to gray",
    ),
    "RGB into a layer": (lambda m, f: m.diffusion_layers[0](GRAY.repeat(3, -1)), VALUE, "gray images … (4, 12, 12, 3)"),
    "RGBA": (lambda m, f: pairs(GRAY.repeat(4, -1)), VALUE, "with 4 channels last; expected … Convert colour to gray"),
    "five channels": (lambda m, f: RESTORE(GRAY[0].repeat(5, -1), m), VALUE, "(12, 12, 5); expected … 1 to 4"),
    "2×12 pixels": (lambda m, f: pairs(GRAY[:, :2]), VALUE, "(4, 2, 12, 1); expected … at least 3 pixels"),
    "2×12 pixels restored": (
        lambda m, f: RESTORE(GRAY[0, :2], m),
        VALUE,
        "(2, 12, 1); expected at least 3 pixels a side",
    ),
    "one target for all": (
        lambda m, f: dn.metrics.psnr(GRAY[:1], GRAY),
        VALUE,
        f"target has … (1, 12, 12, 1) … {SHAPE}",
    ),
    "authors' PSNR of one": (lambda m, f: dn.metrics.authors_psnr(GRAY[:1], GRAY), VALUE, f"target has … {SHAPE}"),
    "loss of one target": (lambda m, f: dn.metrics.NormLoss()(GRAY[:1], GRAY), VALUE, f"target has … {SHAPE}"),
    "no channel": (
        lambda m, f: dn.metrics.psnr(GRAY[..., 0], GRAY),
        VALUE,
        "(4, 12, 12) … expected both … missing axes",
    ),
    "SSIM's window": (lambda m, f: dn.metrics.ssim(GRAY[:, :8], GRAY[:, :8]), VALUE, "at least 11 pixels a side"),
    "other images' filters": (
        lambda m, f: dn.stencil.apply(GRAY, FILTERS[:, :6]),
        VALUE,
        "filters have shape (4, 6, 12, 5)",
    ),
    "four filters": (
        lambda m, f: dn.stencil.apply(GRAY, FILTERS[..., :4]),
        VALUE,
        "(4, 12, 12, 4); expected … 'centre'",
    ),
    "start of another shape": (
        lambda m, f: dn.diffusion.fixed_point_inverse(GRAY, start=GRAY[:, :6]),
        VALUE,
        f"start (4, 6, 12, 1); {SHAPE}",
    ),
    "out of another shape": (
        lambda m, f: RESTORE(GRAY[0], m, out=np.zeros((6, 12, 1), "f4")),
        VALUE,
        "out has shape (6, 12, 1); expected that of the image",
    ),
    "out of another dtype": (
        lambda m, f: RESTORE(GRAY[0], m, out=np.zeros((12, 12, 1), "int32")),
        TYPE,
        "out is int32; expected",
    ),
    "out that is no array": (lambda m, f: RESTORE(GRAY[0], m, out=[]), TYPE, "out is list; expected a NumPy array"),
    "degrade that cuts": (
        lambda m, f: dn.data.PairSequence(GRAY, batch_size=2, degrade=lambda u: u[:, :6])[0],
        VALUE,
        f"the output of degrade (2, 6, 12, 1); {SHAPE}",
    ),
    # Parameters.
    "δt = 0": (lambda m, f: DIFFUSE(GRAY, dt=0), VALUE, "dt=0; expected a finite number above 0"),
    "δt NaN": (lambda m, f: DIFFUSE(GRAY, dt=np.nan), VALUE, "dt=nan; expected a finite number above 0"),
    "δt as text": (lambda m, f: DIFFUSE(GRAY, dt="0.1"), TYPE, "dt='0.1' is a str; expected a number above 0"),
    "λ = 0": (lambda m, f: DIFFUSE(GRAY, contrast=0.0), VALUE, "contrast=0.0; expected a finite number above 0"),
    "λ < 0": (lambda m, f: DIFFUSE(GRAY, contrast=-0.2), VALUE, "contrast=-0.2; expected a finite number above 0"),
    "−1 steps": (lambda m, f: DIFFUSE(GRAY, steps=-1), VALUE, "steps=-1; expected a whole number of at least 0"),
    "1.5 steps": (lambda m, f: DIFFUSE(GRAY, steps=1.5), TYPE, "steps=1.5 is a float; expected a whole number"),
    "0 training steps": (lambda m, f: FIT(m, GRAY, steps=0), VALUE, "steps=0; expected a whole number of at least 1"),
    "training on small images": (
        lambda m, f: FIT(m, GRAY[:1], steps=1),
        VALUE,
        "crop=24; expected at most 12, … dataclasses.replace(recipe, crop=12)",
    ),
    "σ < 0": (lambda m, f: pairs(GRAY, noise=-0.01), VALUE, "noise=-0.01; expected a finite number of at least 0"),
    "σ NaN": (lambda m, f: pairs(GRAY, noise=np.nan), VALUE, "noise=nan; expected a finite number of at least 0"),
    "σ turned round": (
        lambda m, f: pairs(GRAY, noise=(0.1, 0.0)),
        VALUE,
        "noise=(0.1, 0.0); expected finite … the lower",
    ),
    "σ from below 0": (lambda m, f: pairs(GRAY, noise=(-0.1, 0.1)), VALUE, "noise[0]=-0.1; expected"),
    "σ to infinity": (lambda m, f: pairs(GRAY, noise=(0.0, np.inf)), VALUE, "expected finite numbers"),
    "three σ": (
        lambda m, f: pairs(GRAY, noise=(0.0, 0.1, 0.2)),
        VALUE,
        "noise=(0.0, 0.1, 0.2) … expected σ, (low, high)",
    ),
    "σ to a text": (lambda m, f: pairs(GRAY, noise=(0.0, "1")), TYPE, "holds a str; expected numbers"),
    "noise on forward": (
        lambda m, f: pairs(GRAY, "forward", 0.01),
        VALUE,
        "noise=0.01 with problem='forward'; expected none",
    ),
    "its map": (lambda m, f: pairs(GRAY, "forward", noise_map=True), VALUE, "noise_map=True with problem='forward'"),
    "idle parameter": (lambda m, f: pairs(GRAY, parameter=(0.1, 0.3)), VALUE, "without degrade; expected also"),
    "one parameter": (lambda m, f: pairs(GRAY, parameter=0.1, degrade=max), TYPE, "is a float; expected (low, high)"),
    "large batch": (
        lambda m, f: pairs(GRAY, batch_size=5),
        VALUE,
        "batch_size=5 is larger than the 4 image(s) … at most 4",
    ),
    "large crop": (lambda m, f: pairs(GRAY, crop=13), VALUE, "crop=13; expected at most 12, the shorter side"),
    "a folder of arrays": (lambda m, f: pairs(GRAY, data_dir="x"), VALUE, "data_dir only go with the name of a source"),
    "tile 0": (lambda m, f: RESTORE(GRAY[0], m, tile=0), VALUE, "tile=0; expected a whole number of at least 1"),
    "unknown source": (lambda m, f: pairs("stl11"), VALUE, "source='stl11'; expected one of 'skimage', 'stl10'"),
    "unknown problem": (
        lambda m, f: pairs(GRAY, "invers"),
        VALUE,
        "problem='invers'; expected … Did you mean 'inverse'?",
    ),
    "no name at all": (lambda m, f: pairs(GRAY, ["inverse"]), VALUE, "problem=['inverse']; expected one of 'inverse'"),
    "unknown preset": (lambda m, f: dn.from_preset("inverse1pct"), VALUE, "'forward', … Did you mean 'inverse-1pct'?"),
    "missing preset": (
        lambda m, f: dn.from_preset(f / "no"),
        MISSING,
        "{folder}/no does not exist; expected a folder with README.md and weights.npz",
    ),
    "folder of no preset": (lambda m, f: dn.from_preset(f / "empty"), MISSING, "/empty/README.md does not exist"),
    "card without facts": (
        lambda m, f: dn.save_to_preset(m, f / "new", {"author": "Ada"}),
        VALUE,
        "card lacks 'description', 'license', 'data', 'limits'; expected texts",
    ),
    "preset of no network": (lambda m, f: dn.save_to_preset("m", f / "new", {}), TYPE, "is a str; expected one of"),
    "unknown boundary": (lambda m, f: DIFFUSE(GRAY, boundary="neuman"), VALUE, "boundary='neuman'; … mean 'neumann'?"),
    "unknown diffusivity": (
        lambda m, f: dn.diffusion.nonlinear(GRAY, 1, 0.1, 0.2, "weikert"),
        VALUE,
        "diffusivity='weikert'; expected one of 'perona_malik_1', … Did you mean 'weickert'?",
    ),
    "unknown recipe": (
        lambda m, f: FIT(m, GRAY, "quick", steps=1),
        VALUE,
        "recipe='quick'; … 'paper', 'authors', 'fast'",
    ),
    # Models and machines.
    "network of another size": (
        lambda m, f: RESTORE(GRAY[0], dn.models.LinearDiffNet((24, 24))),
        VALUE,
        "has 12×12 pixels; expected 24×24, the size of the network",
    ),
    "another backend": (
        lambda m, f: dn.distribute.scope("mirrored" if BACKEND == "jax" else "data_parallel"),
        VALUE,
        f"backend; this is {BACKEND}. … Set KERAS_BACKEND=",
    ),
    # Files.
    "missing file": (
        lambda m, f: READ(f / "no.png"),
        MISSING,
        "{folder}/no.png does not exist; expected an image file",
    ),
    "missing folder": (
        lambda m, f: OPEN("folder", f / "no"),
        MISSING,
        "{folder}/no does not exist; expected the folder",
    ),
    "empty folder": (lambda m, f: OPEN("folder", f / "empty"), MISSING, "/empty contains no images; … .png, .jpg"),
    "zero bytes": (lambda m, f: READ(f / "zero.png"), VALUE, f"{{folder}}/zero.png {DAMAGED}"),
    "truncated": (lambda m, f: READ(f / "torn/a.png"), VALUE, f"{{folder}}/torn/a.png {DAMAGED}"),
    "truncated array": (lambda m, f: READ(f / "cut.npy"), VALUE, f"{{folder}}/cut.npy {DAMAGED}"),
    "text named .png": (lambda m, f: READ(f / "text/a.png"), VALUE, f"{{folder}}/text/a.png {FOREIGN}"),
    "pixel bomb": (lambda m, f: READ(f / "bomb/a.png"), VALUE, "{folder}/bomb/a.png has 30,000×30,000 … 100,000,000"),
    "length of .bin": (
        lambda m, f: OPEN("stl10_binary", f / "bin"),
        VALUE,
        "unlabeled_X.bin has 27649 … multiple of 27648",
    ),
    "unknown suffix": (
        lambda m, f: READ(f / "file.bmp"),
        VALUE,
        "{folder}/file.bmp ends in '.bmp'; expected one of .png",
    ),
    "missing model": (lambda m, f: LOAD(f / "no.keras"), MISSING, "{folder}/no.keras does not exist; expected a model"),
    "model of no suffix": (lambda m, f: LOAD(f / "file"), VALUE, "ends in 'nothing'; expected a model saved as .keras"),
    "model that is none": (
        lambda m, f: LOAD(f / "bytes.keras"),
        VALUE,
        "bytes.keras cannot be loaded as a model (File is",
    ),
    "truncated model": (lambda m, f: LOAD(f / "cut.keras"), VALUE, "cut.keras cannot be loaded as a model (File is"),
    "later Keras": (
        lambda m, f: LOAD(f / "later.keras"),
        VALUE,
        f"Keras 4.1.0 wrote it, which is later than the installed Keras {keras.__version__}",
    ),
}

INVERSE = "restore images/00.png out.png --preset inverse-1pct"
RESTORED = "restore images/00.png out.png --weights"
TRAIN = "train images --out m.keras"
PAIR = "make_pairs p.npz"
WHOLE = "expected a whole number of at least"
NO_FOLDER = "cannot be written: file is not a folder. Give another name"
# What is typed, in the folder; the decisive words of the one line on stderr.
COMMANDS = {
    "": "arguments are required: COMMAND; see python -m diffnet_tf --help",
    "restroe a b": "COMMAND='restroe'; expected one of 'restore', … Did you mean 'restore'?",
    "restore a": "arguments are required: OUT; see python -m diffnet_tf restore --help",
    f"{INVERSE} --tiles 3": "unknown option '--tiles'; … Did you mean '--tile'?",
    "restore images/00.png out.png --prest inverse": "unknown option '--prest'; … Did you mean '--preset'?",
    "restore images/00.png out.png --preset invers": "preset='invers'; … Did you mean 'inverse'?",
    f"{INVERSE} --colour luminence": "--colour='luminence'; … Did you mean 'luminance'?",
    f"{INVERSE} --depth 12": "--depth='12'; expected one of '8', '16', 'float'",
    f"{INVERSE} --tile 1.5": "argument --tile: invalid int value: '1.5'; see",
    f"{INVERSE} --tile 0": f"--tile=0; {WHOLE} 1",
    f"{INVERSE} --max-pixels -3": f"--max-pixels=-3; {WHOLE} 1",
    f"{INVERSE} --max-pixels 99": "96×96 pixels, more than the 99 that are decoded",
    f"{INVERSE} stray": "unknown argument 'stray'; see",
    f"{INVERSE} --weights good.keras": "--weights: not allowed with argument --preset",
    "restore no.png out.png --preset inverse": "no.png does not exist; expected an image or a folder",
    "restore empty out --preset inverse": "empty contains no images; expected files ending in .png",
    "restore zero.png out.png --preset inverse": f"zero.png {DAMAGED}",
    "restore torn/a.png a.png --preset inverse": f"torn/a.png {DAMAGED}",
    "restore text/a.png a.png --preset inverse": f"text/a.png {FOREIGN}",
    "restore bomb/a.png a.png --preset inverse": "bomb/a.png has 30,000×30,000 pixels, more than the 100,000,000",
    "restore images/00.png file/out.png --preset inverse": f"file/out.png {NO_FOLDER}",
    "restore images file --preset inverse": f"file/00.png {NO_FOLDER}",
    "restore images/00.png images/01.png --preset inverse": "images/01.png exists; give another name, or --force",
    "restore images/00.png nested --preset inverse": "nested/00.png is a folder; expected a file name",
    "restore images/*.bmp out --preset inverse": "images/*.bmp matches no file; expected images",
    "restore images/00.png no.png out --preset inverse": "no.png does not exist; expected an image or a folder",
    "restore images/00.png images/01.png images --preset inverse": "images is the folder of images/00.png too",
    "restore images/00.png copies/00.png out --preset inverse": "copies/00.png would both be written to out/00.png",
    "restore zero.keras later.keras out --preset inverse": "the given files contain no images; … 2 with .keras",
    "restore images/00.png --preset inverse a.png b.png": "unknown argument 'b.png'; … Give IN and OUT without options",
    "restore images/00.png out.bmp --preset inverse": "out.bmp ends in '.bmp'; expected one of",
    "restore images/00.png out.jpg --depth 16 --preset inverse": "JPEG holds 8-bit gray or RGB, not uint16",
    f"{RESTORED} no.keras": "no.keras does not exist; expected a model saved as .keras",
    f"{RESTORED} zero.png": "zero.png ends in '.png'; expected a model saved as .keras",
    f"{RESTORED} zero.keras": "zero.keras cannot be loaded as a model (File is not a zip",
    f"{RESTORED} later.keras": f"Keras 4.1.0 wrote it, which is later than the installed Keras {keras.__version__}",
    f"{RESTORED} dense.keras": "The model maps (None, 4) to (None, 3); expected images",
    "train images": "arguments are required: --out; see python -m diffnet_tf train --help",
    "train no --out m.keras": "data_dir no does not exist",
    "train bomb --out m.keras": "bomb/a.png … 100,000,000",
    "train text --out m.keras": "text/a.png cannot be read as an image (",
    "train images --out m.h5": "--out m.h5 ends in '.h5'; expected a name ending in .keras, or a folder",
    "train images --out good.keras": "good.keras exists; give another name, or --force",
    "train images --out file/m.keras": f"file/m.keras {NO_FOLDER}",
    f"{TRAIN} --steps 0": f"--steps=0; {WHOLE} 1",
    f"{TRAIN} --steps -5": f"--steps=-5; {WHOLE} 1",
    f"{TRAIN} --steps 2.5": "argument --steps: invalid int value: '2.5'; see",
    f"{TRAIN} --seed -1": f"--seed=-1; {WHOLE} 0",
    f"{TRAIN} --seed 4294967296": "--seed=4294967296; expected at most 4294967295",
    f"{TRAIN} --noise -0.1": "--noise=-0.1; expected a finite number of at least 0",
    f"{TRAIN} --noise nan": "--noise=nan; expected a finite number of at least 0",
    f"{TRAIN} --learning-rate 0": "--learning-rate=0.0; expected a finite number above 0",
    f"{TRAIN} --problem invers": "--problem='invers'; … Did you mean 'inverse'?",
    f"{TRAIN} --init invers": "preset='invers'; expected one of 'denoise', … Did you mean 'inverse'?",
    f"{TRAIN} --init dense.keras": "dense.keras maps (None, 4) to (None, 3); expected",
    f"{TRAIN} --size 200": "images/00.png has 96×96 pixels; expected at least 200",
    "train bin --source stl10_binary --out m.keras": "bin/unlabeled_X.bin has 27649 bytes; … multiple of 27648",
    "train bin0 --source stl10_binary --out m.keras": "bin0/unlabeled_X.bin has 0 bytes; … multiple of 27648",
    "inspect no.png --preset inverse": "no.png does not exist; expected an image file",
    "inspect images/00.png --weights no.keras": "no.keras does not exist; expected a model saved as .keras",
    "inspect images/00.png --weights conv.keras": "ConvNet; expected a DiffNet or LinearDiffNet",
    "inspect images/00.png --preset invers": "preset='invers'; expected one of",
    "inspect images/00.png --preset inverse --size 2": f"--size=2; {WHOLE} 3",
    "inspect images/00.png --preset inverse --size 300": "--size=300; expected at most 256",
    "inspect images/00.png --preset inverse --out a.jpg": "a.jpg ends in '.jpg'; expected a name ending in .png",
    "inspect images/00.png --preset inverse --out empty.png": "empty.png is a folder; expected the name of the file",
    "inspect images/00.png --preset inverse --out file/a.png": f"file/a.png {NO_FOLDER}",
    "make-pairs p.csv": "suffix='.csv'; expected one of '.npz', '.tfrecord'",
    "make_pairs no/p.npz --limit 2": "no is not a folder; expected one to write p.npz to",
    "make_pairs file/p.npz --limit 2": f"file/p.npz {NO_FOLDER}",
    f"{PAIR} --source folders": "--source='folders'; … Did you mean 'folder'?",
    f"{PAIR} --source folder": "source='folder' needs data_dir=...",
    f"{PAIR} --data_dir images": "data_dir='images' with source='skimage', which needs no data_dir",
    f"{PAIR} --limit 0": f"limit=0; {WHOLE} 1",
    f"{PAIR} --limit 2 --epochs 0": f"epochs=0; {WHOLE} 1",
    f"{PAIR} --limit 2 --crop 2": f"crop=2; {WHOLE} 3",
    f"{PAIR} --limit 2 --noise -1": "noise=-1.0; expected a finite number of at least 0",
    "data no": "no does not exist; expected a folder (or a file) with images",
    "benchmark nothing": "'nothing' is no solver; expected MODULE:FUNCTION",
    "benchmark --tasks paper": "task='paper'; expected one of … Did you mean 'paper-1pct'?",
    "presets no/such": "no/such does not exist; expected a folder with README.md and weights.npz",
    "presets hf://ada": "'hf://ada' is no address on the hub; expected hf://USER/NAME",
    "presets invers": "preset='invers'; expected one of … Did you mean 'inverse'?",
    "verify --result_dir no": "unknown option '--result-dir'; … Did you mean '--results-dir'?",
    "verify --results_dir no": "no does not exist; expected the folder with the records",
}
