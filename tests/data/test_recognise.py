"""python -m diffnet_tf data: what a folder holds, what is wrong with it, and options that then work."""

import hashlib
import io
import json
import shlex
import tarfile

import h5py
import numpy as np
import pytest
from PIL import Image

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.data import recognise

IMAGE = recognise.IMAGE_BYTES


def data(capsys, *arguments):
    status = main(["data", *map(str, arguments)])
    return status, capsys.readouterr().out


def opened(advice):
    """The images that the advice's options give."""
    words = shlex.split(advice)
    options = dict(zip(words[0::2], words[1::2]))
    return dn.data.load_images(options["--source"], options["--data-dir"], "all")


def pictures(count, side=96, seed=0):
    return np.random.default_rng(seed).integers(1, 255, (count, 3, side, side), dtype="uint8")


def test_binaries(tmp_path, capsys):
    pictures(3).tofile(tmp_path / "unlabeled_X.bin")
    status, out = data(capsys, tmp_path)
    assert status == 0 and "3 images in STL-10's binary format" in out
    assert opened(out.splitlines()[1]).shape == (3, 96, 96, 1)


def test_the_training_binary_can_be_named(tmp_path):
    pictures(2).tofile(tmp_path / "train_X.bin")
    (found,) = recognise.recognise(tmp_path)
    assert found.usable and len(opened(found.advice.split(" (")[0])) == 2


def test_a_truncated_binary(tmp_path, capsys):
    pictures(3).tofile(tmp_path / "unlabeled_X.bin")
    with open(tmp_path / "unlabeled_X.bin", "r+b") as file:
        file.truncate(3 * IMAGE - 5)
    status, out = data(capsys, tmp_path)
    assert status == 1
    assert f"wrong length: {3 * IMAGE - 5:,} bytes; expected 2,764,800,000, or a multiple of 27,648" in out


def test_hashes_are_compared_on_request(tmp_path, monkeypatch, capsys):
    content = pictures(2).tobytes()
    (tmp_path / "test_X.bin").write_bytes(content)
    monkeypatch.setitem(recognise.STL10, "test_X.bin", (2, hashlib.md5(content).hexdigest()))
    assert "MD5" not in data(capsys, tmp_path)[1]
    assert "as many as STL-10 has, MD5 as published" in data(capsys, tmp_path, "--hashes")[1]
    (tmp_path / "test_X.bin").write_bytes(content[:-1] + b"\0")
    status, out = data(capsys, tmp_path, "--hashes")
    assert status == 1 and "but its MD5 is not" in out


def archive(path, name):
    with tarfile.open(path, "w:gz") as file:
        member = tarfile.TarInfo(name)
        member.size = IMAGE
        file.addfile(member, io.BytesIO(bytes(IMAGE)))


def test_the_archive_is_to_be_unpacked(tmp_path, capsys):
    archive(tmp_path / "stl10_binary.tar.gz", "stl10_binary/unlabeled_X.bin")
    status, out = data(capsys, tmp_path)
    assert status == 1
    assert f"tar -xzf {tmp_path}/stl10_binary.tar.gz -C {tmp_path}; then --source stl10_binary" in out
    assert [path.name for path in tmp_path.iterdir()] == ["stl10_binary.tar.gz"]


def test_other_archives(tmp_path, capsys):
    archive(tmp_path / "a.tar.gz", "../../holiday.bin")
    (tmp_path / "b.tar.gz").write_bytes(b"not an archive")
    archive(tmp_path / "c.tar.gz", "holiday/a.bin")
    _, out = data(capsys, tmp_path)
    assert "a.tar.gz: archive with the name '../../holiday.bin', which does not belong to STL-10" in out
    assert "c.tar.gz: archive, but not STL-10's" in out
    assert "b.tar.gz: archive that cannot be read" in out


def mat(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def test_the_authors_files(tmp_path, capsys):
    """MATLAB stores (row, column, image) column by column: h5py shows (image, column, row)."""
    images = np.random.default_rng(0).random((4, 96, 96)).astype("float32")
    images /= images.max(axis=(1, 2), keepdims=True)
    mat(tmp_path / "train.mat", imagesInput=images.transpose(0, 2, 1), imagesDiff=images)
    status, out = data(capsys, tmp_path)
    assert status == 0 and "4 images of 96×96 with their diffused versions" in out
    np.testing.assert_array_equal(opened(out.splitlines()[1].split(" (")[0])[..., 0], images)
    np.testing.assert_array_equal(dn.data.load_images("mat", tmp_path, "test")[..., 0], images[3:])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.zeros((2, 3, 4))}, "holds X; expected an array imagesInput of numbers (height, width, n)"),
        ({"imagesInput": np.zeros((3, 4))}, "holds imagesInput; expected an array imagesInput of numbers"),
        ({}, "holds nothing; expected an array"),
    ],
)
def test_other_mat_files(tmp_path, arrays, message):
    mat(tmp_path / "a.mat", **arrays)
    (found,) = recognise.recognise(tmp_path)
    assert not found.usable
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
        dn.data.load_images("mat", tmp_path)


def test_links_to_other_files_are_not_followed(tmp_path):
    mat(tmp_path / "secret.h5", imagesInput=np.ones((2, 96, 96)))
    with h5py.File(tmp_path / "a.mat", "w") as file:
        file["imagesInput"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "imagesInput")
    with pytest.raises(ValueError, match="expected an array imagesInput"):
        dn.data.load_images("mat", tmp_path)


def test_mat_files_of_old_format_and_of_several(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(600))
    with pytest.raises(ValueError, match="a.mat is not an HDF5 file .* expected MATLAB's format 7.3"):
        dn.data.load_images("mat", tmp_path)
    (tmp_path / "b.mat").touch()
    with pytest.raises(FileNotFoundError, match="holds 2 .mat files; expected one. Give the file itself"):
        dn.data.load_images("mat", tmp_path)


def tfds_folder(root, name="stl10", splits=(("unlabelled", ["40", "60"]),)):
    folder = root / name / "1.0.0"
    folder.mkdir(parents=True)
    info = {"name": name, "splits": [{"name": split, "shardLengths": lengths} for split, lengths in splits]}
    (folder / "dataset_info.json").write_text(json.dumps(info))


def test_tensorflow_datasets(tmp_path, capsys):
    tfds_folder(tmp_path)
    status, out = data(capsys, tmp_path)
    assert status == 0
    assert "STL-10 of TensorFlow Datasets, 100 unlabelled images" in out and f"stl10 --data-dir {tmp_path}" in out
    assert data(capsys, tmp_path / "stl10" / "1.0.0")[0] == 0


def test_other_and_damaged_prepared_sets(tmp_path, capsys):
    (tmp_path / "dataset_info.json").write_text('{"name": "mnist", "splits": []}')
    assert "TensorFlow Datasets' mnist" in data(capsys, tmp_path)[1]
    (tmp_path / "dataset_info.json").write_text("{")
    assert "data set that cannot be read" in data(capsys, tmp_path)[1]


def test_image_folders(tmp_path, capsys):
    for k, side in enumerate((96, 120)):
        Image.fromarray(np.moveaxis(pictures(1, side)[0], 0, -1)).save(tmp_path / f"{k}.png")
    status, out = data(capsys, tmp_path)
    assert status == 0 and "2 image files, 96×96, 120×120" in out
    assert len(opened(out.splitlines()[1])) == 2
    assert shlex.split(out.partition("images: ")[2]) == ["diffnet-tf", "train", str(tmp_path), "--out", "mine.keras"]
    (tmp_path / "2.png").write_bytes(b"")
    status, out = data(capsys, tmp_path)
    assert status == 1 and "1 unreadable" in out and "2.png cannot be read" in out
    Image.fromarray(np.zeros((50, 200), "uint8")).save(tmp_path / "2.png")
    assert "The smallest is 200×50; experiments need at least 96 a side" in data(capsys, tmp_path)[1]


def test_arrays(tmp_path, capsys):
    dn.data.GrayImages(pictures(5)[:, 0]).save(tmp_path)
    status, out = data(capsys, tmp_path)
    assert status == 0 and "gray images as an array, 5 of 96×96" in out and len(opened(out.splitlines()[1])) == 5


def test_advice_can_be_pasted_into_a_shell(tmp_path):
    folder = tmp_path / "my photos"
    folder.mkdir()
    for k in range(2):
        Image.fromarray(pictures(1)[0, 0]).save(folder / f"{k}.png")
    (found,) = recognise.recognise(tmp_path)
    options, train = found.advice.splitlines()
    assert len(opened(options)) == 2
    assert shlex.split(train)[-4:] == ["train", str(folder), "--out", "mine.keras"]


def test_folders_inside_are_looked_into(tmp_path, capsys):
    (tmp_path / "deep").mkdir()
    pictures(2).tofile(tmp_path / "deep" / "unlabeled_X.bin")
    assert "2 images" in data(capsys, tmp_path)[1]


def test_nothing_there_says_what_to_place_where(tmp_path, capsys):
    status, out = data(capsys, tmp_path)
    assert status == 1 and out.startswith("No image data that this package can read.")
    for source in ("folder", "stl10_binary", "stl10", "mat", "npy"):
        assert f"--source {source} " in out
    assert main(["data", str(tmp_path / "no")]) == 2


def test_a_link_that_leads_nowhere(tmp_path, capsys):
    (tmp_path / "a.png").symlink_to(tmp_path / "nowhere")
    status, out = data(capsys, tmp_path)
    assert status == 1 and "1 unreadable" in out and "a.png does not exist" in out
