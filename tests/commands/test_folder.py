"""Folders that a command works through: what is in them, and what is done already."""

import os
from pathlib import Path

import pytest

from diffnet_tf.commands import folder


@pytest.fixture
def tree(tmp_path):
    for name in ("b.PNG", "a.tif", "sub/c.jpg", "sub/deep/d.npy", "notes.txt", "raw.CR2", "Makefile", ".hidden.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "in"


def names(found):
    return [str(target) for _, target in found.images]


def test_what_is_left_out_is_counted(tree):
    found = folder.search([tree], Path("out"), recursive=False)
    assert names(found) == ["out/a.tif", "out/b.PNG"]
    assert found.left_out == (
        f"Left out of {tree}: 3 files that cannot be read (1 with .cr2, 1 with .txt, 1 with no suffix); 1 subfolder "
        "(give --recursive to include them)."
    )


def test_subfolders_keep_their_names(tree):
    found = folder.search([tree], Path("out"), recursive=True)
    assert names(found) == ["out/a.tif", "out/b.PNG", "out/sub/c.jpg", "out/sub/deep/d.npy"]
    assert "subfolder (" not in found.left_out


def test_the_results_within_a_folder_are_no_images_of_it(tree):
    (tree / "out").mkdir()
    (tree / "out" / "a.tif").write_bytes(b"x")
    assert len(folder.search([tree], tree / "out", recursive=True).images) == 4
    assert "subfolder (give" in folder.search([tree], tree / "out", recursive=False).left_out  # sub, not out


def test_a_folder_without_images_says_what_it_holds(tree):
    for path in ("a.tif", "b.PNG"):
        (tree / path).unlink()
    with pytest.raises(FileNotFoundError, match="contains no images; .* 3 files that cannot be read .*--recursive"):
        folder.search([tree], Path("out"), recursive=False)


def test_progress_is_of_the_same_settings_and_the_same_file(tree, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    source, target = tree / "a.tif", out / "a.tif"
    target.write_bytes(b"y")

    def again(**settings):
        return folder.Progress(out, {"preset": "inverse", **settings})

    assert not again().done(source, target)  # somebody else's file
    again().add(source, target)
    assert again().done(source, target) and not again(depth="8").done(source, target)
    os.utime(source, ns=(1, 1))
    assert not again().done(source, target)  # changed since
    again().add(source, target)
    assert again().done(source, target)
    target.unlink()
    assert not again().done(source, target)
    target.write_bytes(b"y")
    with open(out / folder.STATE, "a") as file:
        file.write('\n["cut o')  # as after a crash
    assert again().done(source, target)
    other = tree / "b.PNG"
    (out / "b.PNG").write_bytes(b"y")
    assert not again().begun(out / "b.PNG")
    again().begin(out / "b.PNG")  # killed before it was done
    assert again().begun(out / "b.PNG") and not again().done(other, out / "b.PNG")
    again().add(other, out / "b.PNG")
    assert again().done(other, out / "b.PNG") and again().done(source, target)
    again(depth="8").add(source, target)  # other settings begin anew
    assert again(depth="8").done(source, target) and not again().done(source, target)
    assert again().of_others and not again(depth="8").of_others


def test_links_do_not_lead_in_circles(tree):
    (tree / "sub" / "loop").symlink_to(tree / "sub")
    (tree / "sub" / "up").symlink_to(tree)
    (tree / "zlink").symlink_to(tree / "sub" / "deep")
    assert names(folder.search([tree], Path("out"), recursive=True)) == [
        "out/a.tif",
        "out/b.PNG",
        "out/sub/c.jpg",
        "out/sub/deep/d.npy",
    ]


def test_a_subfolder_that_cannot_be_read_is_named(tree, monkeypatch):
    whole = Path.iterdir

    def iterdir(path):
        if path.name == "deep":
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    found = folder.search([tree], Path("out"), recursive=True)
    assert len(found.images) == 3 and list(found.unreadable) == [tree / "sub" / "deep"]
