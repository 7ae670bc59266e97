"""Files that ask for more than they hold, or hold what they should not: refused by name, before memory is taken."""

import io
import json
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from diffnet_tf.data import sources
from diffnet_tf.files import image_files, reading, sealed
from diffnet_tf.networks import cards, models, presets
from diffnet_tf.training import checkpoint
from experiments.lib import records

# ---- JSON and arrays -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read as JSON .*It may be truncated: fetch it"),
        (b"\xff\xfe", "cannot be read as JSON .*codec"),
        (b"[" * 100_000, "cannot be read as JSON .*recursion"),
        (b'{"a": ' + b"9" * 5000 + b"}", "cannot be read as JSON .*digits"),
        (b"[1]", "holds a list; expected an object of named values"),
    ],
)
def test_what_is_no_json_object(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=f"a.json {message}") as refused:
        reading.json_object(tmp_path / "a.json", "fetch it")
    assert type(refused.value) is ValueError


def npz(members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


SMALL = npy(np.arange(3.0))
LARGE = SMALL.replace(b"(3,)" + b" " * 12, b"(9999999999999,)").replace(b"(3,), }" + b" " * 12, b"(9999999999999,), }")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npz([("a.npy", SMALL)])[:-30], "cannot be read as arrays"),
        (npz([("a.npy", LARGE)]), r"a.npy has 24 bytes, not the 79999999999992 of its shape \(9999999999999,\)"),
        (npz([("a.npy", SMALL + b"more")]), "a.npy has 28 bytes, not the 24 of its shape"),
        (npz([("a.npy", SMALL)], zipfile.ZIP_LZMA), "compresses a.npy by method 14; expected deflate"),
        (npz([("a.npy", npy(np.zeros(200_000)))]), "says that it holds 1,600,128 bytes; expected no more than"),
        (npz([("a.txt", b"text")]), "cannot be read as arrays .*magic"),
        (npz([("a.npy", npy(np.array([print], object)))]), "cannot be read as arrays .*allow_pickle=False"),
    ],
)
def test_what_are_no_arrays(tmp_path, content, message, monkeypatch):
    monkeypatch.setattr(reading, "UNPACKED", 1_000_000)
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=f"a.npz .*{message}"):
        reading.arrays(tmp_path / "a.npz")


def test_stored_members_are_no_longer_than_the_file(tmp_path):
    """Two names of one member, as in archives that unpack to millions of times their size."""
    content = bytearray(npz([("a.npy", npy(np.zeros(9999))), ("b.npy", SMALL)], zipfile.ZIP_STORED))
    first, second = (content.rindex(b"PK\1\2", 0, end) for end in (content.rindex(b"PK\1\2"), len(content)))
    for place in (16, 20, 24, 42):  # checksum, sizes and position
        content[second + place : second + place + 4] = content[first + place : first + place + 4]
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match="a.npz says that it holds 160,240 bytes; expected no more than its own"):
        reading.arrays(tmp_path / "a.npz")


def test_arrays_are_what_was_saved(tmp_path):
    arrays = {"a/b": np.arange(6.0).reshape(2, 3), "c": np.zeros((0, 3), "uint8"), "d": np.array(2, "float32")}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays)
        read = reading.arrays(tmp_path / "a.npz")
        assert read.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array, strict=True)


# ---- Images ----------------------------------------------------------------------------------------------------------


def encoded(pixels, kind):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return bytearray(buffer.getvalue())


def hollow_png():
    content = encoded(np.zeros((8, 8), "uint8"), "PNG")
    content[16:24] = struct.pack(">II", 9000, 9000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return content


def hollow_jpeg():
    content = encoded(np.zeros((8, 8), "uint8"), "JPEG")
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = struct.pack(">HH", 9000, 9000)
    return content


def hollow_tiff():
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.zeros((8, 16), "uint8"), compression="zlib", metadata=None)
    content = bytearray(buffer.getvalue())
    for tag in (256, 257, 278):  # width, height and rows in a strip
        place = _entry(content, tag)
        content[place + 2 : place + 12] = struct.pack("<HII", 4, 1, 9000)
    return content


def _entry(content, tag):
    start = struct.unpack("<I", content[4:8])[0]
    number = struct.unpack("<H", content[start : start + 2])[0]
    places = range(start + 2, start + 2 + 12 * number, 12)
    return next(place for place in places if struct.unpack("<H", content[place : place + 2])[0] == tag)


@pytest.mark.parametrize(("suffix", "make"), [(".png", hollow_png), (".jpg", hollow_jpeg), (".tif", hollow_tiff)])
def test_images_larger_than_their_files(tmp_path, suffix, make):
    (tmp_path / f"a{suffix}").write_bytes(make())
    for read in (image_files.read, sources.read_image):
        with pytest.raises(ValueError, match=rf"a{suffix} has 9,000×9,000 pixels, which its \d+ bytes cannot hold"):
            read(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_what_is_packed_best_is_read(tmp_path, suffix):
    """Black images are as small as files get."""
    black = np.zeros((3000, 3000), "uint8")
    if suffix == ".tif":
        for compression in ("zlib", "lzma"):
            tifffile.imwrite(tmp_path / "a.tif", black, compression=compression, rowsperstrip=3000)
            assert image_files.read(tmp_path / "a.tif").shape == (3000, 3000, 1)
        return
    options = {"optimize": True, "progressive": True} if suffix == ".jpg" else {"optimize": True}
    for image in (Image.fromarray(black), Image.fromarray(black).convert("1" if suffix == ".png" else "RGB")):
        image.save(tmp_path / f"a{suffix}", **options)
        assert image_files.read(tmp_path / f"a{suffix}").shape[:2] == (3000, 3000)


def test_numbers_beyond_float32_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((8, 9), 1e300))
    with pytest.raises(ValueError, match=r"a.tif holds 72 value\(s\) beyond ±1e\+30"):
        sources.read_image(tmp_path / "a.tif")


# ---- MATLAB's files --------------------------------------------------------------------------------------------------


def mat(path, **options):
    with h5py.File(path, "w") as file:
        file.create_dataset("imagesInput", **options)


def linked(path):
    """Images that are in another file."""
    mat(path.with_name("other.h5"), data=np.ones((4, 8, 9)))
    layout = h5py.VirtualLayout((4, 8, 9), "float64")
    layout[:] = h5py.VirtualSource(path.with_name("other.h5"), "imagesInput", (4, 8, 9))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("imagesInput", layout)


def beside(path):
    path.with_name("secret").write_bytes(bytes(100))
    mat(path, shape=(4, 5, 5), dtype="uint8", external=[(str(path.with_name("secret")), 0, 100)])


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (linked, "keeps imagesInput in other files"),
        (beside, "keeps imagesInput in other files"),
        (lambda path: mat(path, data=np.ones((4, 8, 9)), compression="lzf"), r"compressed by filters \[32000\]"),
        (
            lambda path: mat(path, shape=(10**6, 96, 96), dtype="float64", chunks=(9, 96, 96), compression="gzip"),
            r"imagesInput of 9,216,000,000 numbers, which its [\d,]+ bytes cannot hold",
        ),
        (lambda path: mat(path, shape=(10**6, 96, 96), dtype="float64"), "9,216,000,000 numbers, which"),
    ],
)
def test_matlab_files_that_hold_no_images_of_their_own(tmp_path, write, message):
    write(tmp_path / "a.mat")
    with pytest.raises(ValueError, match=f"a.mat .*{message}"):
        sources.open_images("mat", tmp_path / "a.mat")


# ---- What is made of them --------------------------------------------------------------------------------------------


@pytest.fixture
def preset(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "FOLDER", tmp_path)
    presets.save("inverse", models.DiffNet(num_layers=1, estimator_depth=1, width=2), {}, tmp_path)
    return tmp_path / "inverse.json"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_layers": 900}, "describes 45,900 parameters, more than its weights' .* bytes hold"),
        ({"num_layers": 10**9}, "describes 1,000,000,000 layers; expected at most 1,000"),
        ({"estimator_depth": 10**9}, "describes 1,000,000,000 layers; expected at most 1,000"),
        ({"estimator_depth": 3, "width": 10**9}, "describes 9,.* parameters; expected at most 536,870,912"),
        ({"num_layers": "5"}, "cannot be read as a model card .*num_layers='5' is a str"),
        ({"boundary": []}, r"cannot be read as a model card .*boundary is a list"),
        ({"more": 1}, "has a network with 'more'; expected num_layers"),
    ],
)
def test_cards_of_no_network(preset, change, message):
    card = json.loads(preset.read_text())
    card["network"].update(change)
    preset.write_text(json.dumps(card))
    with pytest.raises(ValueError, match=f"inverse.json .*{message}"):
        presets.from_preset("inverse")


def test_cards_without_what_they_need(preset):
    for key in ("network", "sha256"):
        preset.write_text(json.dumps({"network": {}, "sha256": "", key: 3}))
        with pytest.raises(ValueError, match=f"inverse.json has no {key} that is a"):
            presets.card("inverse")


def test_a_damaged_record_is_named(tmp_path):
    records.save(tmp_path, {"experiment": "fig06"}, {"a": np.ones(3)})
    (tmp_path / "arrays.npz").write_bytes((tmp_path / "arrays.npz").read_bytes()[:40])
    with pytest.raises(ValueError, match="arrays.npz cannot be read as arrays .*run the experiment again"):
        records.load(tmp_path)
    (tmp_path / "record.json").write_text("[]")
    with pytest.raises(ValueError, match="record.json holds a list"):
        records.load(tmp_path)
    (tmp_path / "arrays.npz").unlink()
    (tmp_path / "record.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="arrays.npz"):
        records.load(tmp_path)


@pytest.mark.parametrize("key", ["configuration", "versions", "state"])
def test_a_manifest_that_lacks_something_is_damaged(tmp_path, key):
    described = {"step": 1, "sha256": "", "configuration": {}, "versions": {}, "state": {}, key: 3}
    (tmp_path / "1.json").write_text(json.dumps({**described, "manifest_sha256": sealed.sha256(described)}))
    with (
        pytest.warns(RuntimeWarning, match=f"1.json is damaged .* has no {key} that is a dict"),
        pytest.raises(ValueError),
    ):
        checkpoint.load(tmp_path, {})
