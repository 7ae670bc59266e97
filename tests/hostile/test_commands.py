"""Commands, one row each: one line on stderr, exit status 2, no traceback, no partial output."""

import keras
import pytest

from diffnet_tf.__main__ import COMMANDS as NAMED
from diffnet_tf.__main__ import main
from diffnet_tf.base import command_line
from diffnet_tf.base.checks import InputTypeError
from experiments.lib import ledger as verify
from tests.conftest import tensorflow_only
from tests.hostile.common import contents, matches

pytestmark = tensorflow_only

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
    "known. Call it on whole images.",
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
    from experiments.lib import run

    monkeypatch.setattr(verify, "text", lambda *_: len(None))
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
