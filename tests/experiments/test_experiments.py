"""Experiments from the command line, their records, and drawing without Keras."""

import inspect
import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.data import sources
from diffnet_tf.training import distribute
from experiments import fig06_samples, fig07_samples, render
from experiments.lib import options, records, registry, run, settings
from tests.conftest import ROOT, run_python, tensorflow_only

FIGURES = {"fig06": fig06_samples, "fig07": fig07_samples}


def command(*arguments, module="experiments.fig07_samples"):
    """Run a command in a fresh process: (exit status, output, errors)."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    """One smoke run of Figure 7: the folder of its results."""
    root = tmp_path_factory.mktemp("results")
    status, out, errors = command("--budget", "smoke", "--deterministic", "--results_dir", root)
    assert (status, errors) == (0, "")
    assert out.splitlines()[1].startswith("Device: ")
    assert "step 4/4" in out and "record.json" in out and "PSNR per image, mean over 8 other images" in out
    return root


@tensorflow_only
def test_a_record_holds_the_whole_story(smoke):
    record, arrays = records.load(smoke / "fig07")
    expected = {
        "experiment": "fig07",
        "budget": "smoke",
        "source": "skimage",
        "seed": 0,
        "noise": 0.01,
        "steps": 4,
        "parameters": 101_310,
        "paper_psnr": 34.21,
    }
    assert {name: record[name] for name in expected} == expected
    assert record["versions"]["keras"] == keras.__version__
    assert record["hardware"]["cores"] >= 1 and record["wall_seconds"] > record["training_seconds"] > 0
    assert record["commit"] is None or len(record["commit"].split("+")[0]) == 40
    for name in ("degraded", "diffnet", "fixed_point"):
        summary = record["results"][name]["psnr"]
        assert summary["n"] == len(arrays[f"psnr_{name}"]) == 8
        assert summary["mean"] == pytest.approx(arrays[f"psnr_{name}"].mean(), rel=1e-5)
    assert record["milliseconds_per_image"]["diffnet"]["n"] == 5
    apart = json.loads((smoke / "fig07" / records.RUN).read_text())
    assert set(apart) == set(records.OF_THE_RUN)  # and none of it in record.json, which equal runs leave alike
    assert not apart.keys() & json.loads((smoke / "fig07" / records.RECORD).read_text()).keys()
    assert not (smoke / "fig07" / "checkpoint").exists()


@tensorflow_only
@pytest.mark.slow
def test_two_cold_processes_leave_equal_files(smoke, tmp_path):
    """Weights, record, arrays, log and pictures, byte for byte; run.json alone is of the run."""
    status, _, errors = command("--budget", "smoke", "--deterministic", "--results_dir", tmp_path)
    assert status == 0, errors
    names = sorted(path.name for path in (smoke / "fig07").iterdir())
    assert sorted(path.name for path in (tmp_path / "fig07").iterdir()) == names and len(names) == 7
    for name in names:
        if name != records.RUN:
            assert (tmp_path / "fig07" / name).read_bytes() == (smoke / "fig07" / name).read_bytes(), name


@tensorflow_only
def test_the_picture_is_of_the_recorded_numbers(smoke):
    """Each shown image has the PSNR recorded for it, and the saved weights give the shown reconstruction."""
    record, arrays = records.load(smoke / "fig07")
    model = keras.models.load_model(smoke / "fig07" / "model.keras")
    output = model(arrays["input"][..., None])
    np.testing.assert_allclose(output[..., 0], arrays["diffnet"], atol=1e-5)
    for name, image in (("degraded", "input"), ("diffnet", "diffnet"), ("fixed_point", "fixed_point")):
        psnr = dn.metrics.psnr(arrays["target"][..., None], arrays[image][..., None])
        np.testing.assert_allclose(psnr, arrays[f"psnr_{name}"][record["shown"]], rtol=1e-5)


WITHOUT_KERAS = """
import sys
for name in ("keras", "tensorflow", "jax", "skimage", "scipy"):
    sys.modules[name] = None  # importing it fails
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "keras" else find(name, *a)
from experiments import render
sys.exit(render.main(sys.argv[1:]))
"""


@tensorflow_only
def test_figures_are_redrawn_the_same_without_keras(smoke):
    figure = smoke / "fig07" / "figure.png"
    before = figure.read_bytes()
    assert before.startswith(b"\x89PNG")
    vectors = figure.with_suffix(".pdf").read_bytes()
    figure.unlink()
    figure.with_suffix(".pdf").unlink()
    out = run_python(WITHOUT_KERAS, "--results_dir", smoke)
    assert str(figure) in out and str(smoke / "index.html") in out
    assert figure.read_bytes() == before
    assert figure.with_suffix(".pdf").read_bytes() == vectors


def test_every_experiment_draws_without_keras():
    """Its module loads, and the ledger leaves none out."""
    code = WITHOUT_KERAS.partition("from experiments import render")[0]
    code += "from experiments.lib import registry; print(len([registry.get(name) for name in registry.names()]))"
    assert run_python(code) == f"{len(registry.names())}\n"


def test_importing_the_package_needs_no_backend():
    code = "import sys; sys.modules['tensorflow'] = None; from diffnet_tf.files import provenance; "
    code += "print(provenance.versions())"
    assert "python" in run_python(code, KERAS_BACKEND="tensorflow")


@tensorflow_only
@pytest.mark.parametrize("name", FIGURES)
def test_committed_records_draw_and_match_their_pictures(name, tmp_path):
    record, arrays = records.load(ROOT / "results" / name)
    assert record["title"] == FIGURES[name].TITLE
    assert record["results"]["diffnet"]["psnr"]["mean"] == pytest.approx(arrays["psnr_diffnet"].mean(), rel=1e-5)
    model = keras.models.load_model(ROOT / "results" / name / "model.keras")
    np.testing.assert_allclose(model(arrays["input"][..., None])[..., 0], arrays["diffnet"], atol=1e-4)
    assert arrays["psnr_diffnet"].mean() >= {"fig06": 64.0, "fig07": 33.9}[name]
    figure = FIGURES[name].draw(record, arrays)
    figure.savefig(tmp_path / "figure.png")


# ---- What is refused: one line, exit status 2, nothing written -------------------------------------------------------


def torn_png(folder):
    from skimage import io

    io.imsave(folder / "torn.png", np.random.default_rng(0).integers(0, 255, (96, 96)).astype("uint8"))
    whole = (folder / "torn.png").read_bytes()
    (folder / "torn.png").write_bytes(whole[:-2000])
    (folder / "too.png").write_bytes(whole)


BAD = {
    "empty folder": (lambda d: None, ["--source", "folder"], "contains no images"),
    "truncated image": (torn_png, ["--source", "folder"], "torn.png cannot be read"),
    "wrong length": (
        lambda d: (d / "unlabeled_X.bin").write_bytes(b"x" * 1000),
        ["--source", "stl10_binary"],
        "has 1000 bytes",
    ),
    "black image": (
        lambda d: (d / "unlabeled_X.bin").write_bytes(bytes(27_648 * 10)),
        ["--source", "stl10_binary"],
        "black image",
    ),
    "a folder without its source": (lambda d: None, [], "Give the source of your images"),
    "unknown budget": (lambda d: None, ["--budget", "huge"], "--budget='huge'; expected one of 'smoke', 'quick'"),
    "unknown flag": (
        lambda d: None,
        ["--bugdet", "smoke"],
        "'--bugdet'; see python -m experiments.fig07_samples --help. Did you mean '--budget'?",
    ),
    "no step": (lambda d: None, ["--steps", "0"], "--steps=0; expected a whole number of at least 1"),
    "stray argument": (lambda d: None, ["smoke"], "unknown argument 'smoke'"),
}


def refused(capsys, *arguments):
    """What an experiment prints to stderr, in this process, before it exits with status 2."""
    with pytest.raises(SystemExit) as exited:
        run.main(fig07_samples.__file__, [*map(str, arguments)])
    assert exited.value.code == 2
    return capsys.readouterr().err


@tensorflow_only
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_exit_status_2(tmp_path, name, capsys):
    prepare, arguments, message = BAD[name]
    folder = tmp_path / "data"
    folder.mkdir()
    prepare(folder)
    errors = refused(capsys, "--data_dir", folder, "--results_dir", tmp_path / "results", *arguments)
    assert errors.startswith("error: ") and len(errors.strip().splitlines()) == 1
    assert message in errors
    assert not list(tmp_path.rglob("record.json"))


@tensorflow_only
def test_a_results_folder_that_cannot_be_written_is_refused(tmp_path):
    """In a process of its own: the exit status, and one line."""
    (tmp_path / "file").write_text("in the way")
    status, _, errors = command("--budget", "smoke", "--results_dir", tmp_path / "file")
    assert status == 2
    assert errors.startswith("error: The results folder") and "cannot be written to" in errors


@tensorflow_only
def test_help_shows_the_flags():
    _, out, _ = command("--help")
    assert "--data-dir" in out and "{smoke,quick,cpu,paper}" in out and "Figure 7" in out and "--data_dir" not in out


def test_flags_know_all_sources_and_strategies():
    """They stand twice, since flags are made without Keras."""
    assert tuple(sources.READERS) == options.SOURCES and tuple(distribute.STRATEGIES) == options.STRATEGIES


@tensorflow_only
def test_test_images_are_those_of_test_dir(photographs, tmp_path):
    """Three disjoint sets; without --test_dir the test split serves for both."""
    from experiments.lib.options import Options

    for name, images in (("here", photographs), ("there", 0.5 * photographs[:3])):
        dn.data.GrayImages(images[..., 0]).save(tmp_path / name)
    options = Options("x", tmp_path, source="npy", data_dir=str(tmp_path / "here"), test_dir=str(tmp_path / "there"))
    counts = {split: len(options.images(split)) for split in ("train", "validation", "test")}
    assert counts == {"train": 7, "validation": 1, "test": 3}
    sets = options.image_sets()
    assert sets["test"]["sha256"] != sets["training"]["sha256"] and sets["test"]["count"] == 3
    assert options.images("test").pixels.max() < 0.51


def test_images_are_known_by_their_content(photographs, tmp_path):
    """The same pixels in another folder and another container are the same images; other pixels are not."""
    from skimage import io

    from experiments.lib.options import content

    pixels = np.rint(255 * photographs[..., 0]).astype("uint8")
    dn.data.GrayImages(pixels).save(tmp_path / "array")
    for name, change in (("files", 0), ("others", 1)):
        (tmp_path / name).mkdir()
        for number, image in enumerate(pixels):
            changed = image.copy()
            changed[0, 0] ^= change
            io.imsave(tmp_path / name / f"{number}.png", changed, check_contrast=False)
    array, files, others = (
        content(source, str(tmp_path / name))
        for source, name in (("npy", "array"), ("folder", "files"), ("folder", "others"))
    )
    assert array == files and array["shape"] == [8, 96, 96] and array["sha256"] != others["sha256"]


def test_what_cannot_be_gathered_yet_keeps_no_other_figure_from_the_page(tmp_path, capsys):
    """An ensemble that was stopped between its members; asked for by name, it is refused."""
    shutil.copytree(ROOT / "results" / "fig01", tmp_path / "fig01")
    (tmp_path / "ensemble" / "runs").mkdir(parents=True)
    (tmp_path / "ensemble" / "runs" / "DiffNet-0-cpu.json").write_text('{"name": "DiffNet-0", "budget": "cpu"}')
    assert render.main(["--results_dir", str(tmp_path)]) == 0
    assert "ensemble is left out: 1 member trained" in capsys.readouterr().err
    page = (tmp_path / "index.html").read_text()
    assert 'id="fig01"' in page and 'id="ensemble"' not in page
    assert render.main(["fig01", "--results_dir", str(tmp_path)]) == 0
    assert render.main(["ensemble", "--results_dir", str(tmp_path)]) == 2


def test_rendering_nothing_is_refused(tmp_path, capsys):
    for arguments, message in (
        ([], "No records under"),
        (["fig06"], "holds no record.json"),
        (["fig99"], "figure='fig99'; expected one of 'fig01', 'fig02'"),
    ):
        assert render.main([*arguments, "--results_dir", str(tmp_path)]) == 2
        errors = capsys.readouterr().err
        assert message in errors and len(errors.splitlines()) == 1


def test_the_recorded_diffusion_is_the_one_that_is_undone():
    """Records state the defaults of perona_malik, which the pairs are made with."""
    defaults = {name: p.default for name, p in inspect.signature(dn.diffusion.perona_malik).parameters.items()}
    stated = {name: value for name, value in settings.DIFFUSION.items() if name != "name"}
    assert stated == {name: defaults[name] for name in stated} and len(stated) == 4


def test_records_are_strict_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        records.save(tmp_path, {"psnr": float("nan")}, {})
    assert os.listdir(tmp_path) == []
    records.save(tmp_path, {"psnr": 1.5}, {"a": np.arange(3)})
    assert json.loads((tmp_path / "record.json").read_text()) == {"psnr": 1.5}
    record, arrays = records.load(tmp_path)
    assert record["psnr"] == 1.5
    np.testing.assert_array_equal(arrays["a"], [0, 1, 2])
