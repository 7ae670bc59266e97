"""python -m diffnet_tf restore: folders, of which a bad file stops no other, and which go on."""

import numpy as np
import pytest
import skimage.data
from PIL import Image

from diffnet_tf import restoration
from diffnet_tf.__main__ import main
from diffnet_tf.commands.folder import STATE
from diffnet_tf.files import image_files

PRESET = "inverse-1pct"


def restore(*arguments):
    return main(["restore", *map(str, arguments)])


@pytest.fixture
def mixed(tmp_path):
    """A folder with two good images, two bad ones, and what is no image."""
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    cat = skimage.data.chelsea()[100:124, 100:124]
    for name in ("a.png", "c.png", "sub/d.png"):
        Image.fromarray(cat).save(source / name)
    (source / "b.png").write_bytes((source / "a.png").read_bytes()[:500])
    np.save(source / "e.npy", np.full((9, 9), np.nan))
    (source / "notes.txt").write_text("not an image")
    return source


def test_a_bad_file_of_a_folder_stops_no_other(mixed, tmp_path, capsys):
    """All failures are listed, the status says that there were some, and the same command tries them again alone."""
    out, command = tmp_path / "out", (mixed, tmp_path / "out", "--preset", PRESET)
    assert restore(*command) == 1
    said = capsys.readouterr()
    assert "1 file that cannot be read (1 with .txt); 1 subfolder (give --recursive" in said.out
    assert "b.png cannot be read as an image" in said.err and "e.npy contains 81 value(s) that are NaN" in said.err
    assert said.err.endswith("2 of 4 failed: b.png, e.npy. Run the same command again to retry them.\n")
    made = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert made.keys() == {"a.png", "c.png"}
    (mixed / "b.png").write_bytes((mixed / "a.png").read_bytes())
    (mixed / "e.npy").unlink()
    assert restore(*command) == 0
    said = capsys.readouterr()
    assert "2 of 3 images are already done" in said.out and "a.png →" not in said.out
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("[ac].png")} == made
    assert restore(*command) == 0  # nothing to do
    assert "3 of 3 images are already done" in capsys.readouterr().out
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("[ac].png")} == made
    assert (
        restore(*command, "--force") == 0
        and not made.items() & {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}.items()
    )


def test_a_folder_does_not_become_its_own_result(mixed, capsys):
    before = (mixed / "a.png").read_bytes()
    assert restore(mixed, mixed, "--preset", PRESET, "--force") == 2
    assert "is the input folder too; expected another folder" in capsys.readouterr().err
    assert (mixed / "a.png").read_bytes() == before


def test_a_folder_that_was_stopped_goes_on(mixed, tmp_path, monkeypatch, capsys):
    """With other settings it does not: what is there would be of two kinds."""
    command = (mixed, tmp_path / "out", "--preset", PRESET, "--recursive")
    (mixed / "b.png").unlink()
    (mixed / "e.npy").unlink()
    whole, calls = restoration.restore, []

    def stopped(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*arguments, **options)

    monkeypatch.setattr(restoration, "restore", stopped)
    assert restore(*command) == 130 and len(calls) == 2
    assert "Stopped at" in capsys.readouterr().out
    assert restore(*command, "--depth", "16") == 2
    assert "out/a.png was made with different options; give another output folder" in capsys.readouterr().err
    assert restore(*command) == 0 and len(calls) == 4
    assert "1 of 3 images are already done." in capsys.readouterr().out
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert found == [STATE, "a.png", "c.png", "sub/d.png"]


def test_a_folder_keeps_names_and_kinds(picture, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "deep" / "out"
    folder.mkdir()
    gray = skimage.data.camera()[:50, :60]
    with image_files.writing(folder / "a.tif", (50, 60, 1), "float32") as array:
        array[..., 0] = gray / 300
    Image.fromarray(gray).save(folder / "b.png")
    (folder / "notes.txt").write_text("not an image")
    assert restore(folder, out, "--preset", PRESET) == 0
    assert sorted(path.name for path in out.iterdir()) == [STATE, "a.tif", "b.png"]
    assert image_files.read(out / "a.tif").dtype == np.float32


@pytest.fixture
def crops(tmp_path, monkeypatch):
    """The current folder, with three images in `photos`, one of them in a subfolder, and a text."""
    monkeypatch.chdir(tmp_path)
    cat = skimage.data.chelsea()[100:124, 100:124]
    for name in ("a.png", "b.png", "sub/c.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(cat).save(tmp_path / "photos" / name)
    (tmp_path / "photos" / "notes.txt").write_text("not an image")
    return tmp_path


def made(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name != STATE)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("photos/*.png out", ["a.png", "b.png"]),  # in quotes, or in a shell that does not expand it
        ("photos/a.png photos/b.png out", ["a.png", "b.png"]),  # as most shells expand it
        ("photos/* out", ["a.png", "b.png"]),
        ("photos/* out --recursive", ["a.png", "b.png", "sub", "sub/c.png"]),
        ("photos/**/*.png out", ["a.png", "b.png", "c.png"]),
        ("phot* out", ["a.png", "b.png"]),  # one folder
        ("photos/a* out", ["a.png"]),
        ("photos/a.png out/", ["a.png"]),
    ],
)
def test_several_images_and_patterns(words, expected, crops, capsys, small):
    assert restore(*words.split(), *small) == 0, capsys.readouterr().err
    assert made(crops / "out") == expected
    if words == "photos/* out":
        said = capsys.readouterr().out
        assert "Left out of the given files: 1 file that cannot be read (1 with .txt); 1 folder (give --rec" in said


def test_one_image_goes_into_a_folder_that_is_there(crops, small):
    (crops / "out").mkdir()
    assert restore("photos/a.png", "out", *small) == 0 and made(crops / "out") == ["a.png"]
    assert restore("photos/a?png", "b.png", *small) == 0 and (crops / "b.png").is_file()
    assert restore("./photos/a.png", "no_suffix", *small) == 2 and not (crops / "no_suffix").exists()


def test_several_images_go_on_where_they_stopped(crops, small, capsys):
    assert restore("photos/a.png", "photos/b.png", "out", *small) == 0
    capsys.readouterr()
    assert restore("photos/*.png", "out", *small) == 0
    assert "2 of 2 images are already done." in capsys.readouterr().out
    (crops / "photos" / "b.png").write_bytes(b"torn")
    assert restore("photos/*.png", "other", *small) == 1
    assert "1 of 2 failed: photos/b.png. Run the same" in capsys.readouterr().err


def test_images_do_not_replace_themselves_or_each_other(crops, small, capsys):
    assert restore("photos/a.png", "photos/b.png", "photos", "--force", *small) == 2
    assert "photos is the folder of photos/a.png too" in capsys.readouterr().err
    (crops / "photos" / "sub" / "a.png").write_bytes((crops / "photos" / "a.png").read_bytes())
    assert restore("photos/**/a.png", "out", *small) == 2
    assert "photos/a.png and photos/sub/a.png would both be written to out/a.png" in capsys.readouterr().err
