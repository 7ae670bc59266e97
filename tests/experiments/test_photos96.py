"""photos96 from two repositories: the recipe on made-up ones, against a second implementation, and what is refused."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from diffnet_tf import data
from diffnet_tf.data import binary
from experiments import imagenet96, photos96
from experiments.lib import records, registry
from tests.conftest import ROOT

FILES = {"imagenet": (21, 3), "bsds": (10, 2)}  # photographs and crops of each
WHERE = {"imagenet": "n{:02d}.JPEG", "bsds": "BSDS500/data/images/test/{:02d}.jpg"}


def photograph(number, width, height):
    """Red is the photograph's number, green the place from left to right, blue from top to bottom."""
    pixels = np.empty((height, width, 3), "uint8")
    pixels[..., 0] = 8 * number
    pixels[..., 1] = np.linspace(0, 255, width)
    pixels[..., 2] = np.linspace(0, 255, height)[:, None]
    return Image.fromarray(pixels)


@pytest.fixture
def repositories(tmp_path, monkeypatch):
    """Two small repositories, what they hold in order, and the file that is expected of them: (folders, paths)."""
    folders, paths, known = [], [], []
    for repository, (name, (count, crops)) in zip(photos96.REPOSITORIES, FILES.items()):
        folder, every = tmp_path / name, []
        for number in reversed(range(count)):  # the order of the folder is not that of the names
            path = folder / WHERE[name].format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            size = (70, 200) if number == 3 else (150 + 10 * number, 320 - 7 * number)  # one smaller than 96
            image = photograph(number, *size)
            (image.convert("L") if number == 4 else image).save(path, quality=98, subsampling=0)
            every.insert(0, path)
        (folder / "README.md").write_text("not a photograph")
        sha256 = hashlib.sha256(b"".join(path.read_bytes() for path in every)).hexdigest()
        known.append(photos96.dataclasses.replace(repository, count=count, crops=crops, sha256=sha256))
        folders.append(folder)
        paths.append(every)
    monkeypatch.setattr(photos96, "REPOSITORIES", tuple(known))
    monkeypatch.setattr(photos96, "SHA256", hashlib.sha256(recipe(paths)).hexdigest())
    return folders, paths


def recipe(paths):
    """The recipe of docs/data.md in a straight line: the bytes of the file."""
    rng = np.random.default_rng(20190719)
    crops = []  # of all files: (index in its repository, crop)
    for repository, each in zip(paths, (3, 2)):
        for index, path in enumerate(repository):
            image = Image.open(path).convert("RGB")
            w, h = image.size
            crops.append((index, image.resize((96, 96), Image.BICUBIC, box=centred(w, h))))
            for _ in range(each - 1):
                side = int(min(w, h) * rng.uniform(0.4, 1.0))
                if side < min(96, w, h):
                    side = min(96, w, h)
                x = rng.integers(0, w - side + 1)
                y = rng.integers(0, h - side + 1)
                crops.append((index, image.resize((96, 96), Image.BICUBIC, box=(x, y, x + side, y + side))))
    training = [crop for index, crop in crops if index not in (9, 19)]
    validation = [crop for index, crop in crops if index in (9, 19)]
    order = [training[i] for i in np.random.default_rng(1).permutation(len(training))]
    order += [validation[i] for i in np.random.default_rng(2).permutation(len(validation))]
    planes = [np.asarray(crop)[..., channel] for crop in order for channel in range(3)]
    return b"".join(plane.tobytes(order="F") for plane in planes)  # column by column


def centred(w, h):
    side = min(w, h)
    x, y = (w - side) // 2, (h - side) // 2
    return x, y, x + side, y + side


def build(capsys, *arguments):
    status = photos96.main([*map(str, arguments)])
    return status, *capsys.readouterr()


def test_the_file_is_that_of_the_recipe(repositories, tmp_path, capsys):
    folders, paths = repositories
    status, out, err = build(capsys, *folders, tmp_path / "out")
    file = tmp_path / "out" / "unlabeled_X.bin"
    assert (status, err) == (0, "") and file.read_bytes() == recipe(paths)
    assert out == f"Wrote {file}: 83 images, SHA-256 {photos96.SHA256}.\n"
    assert len(data.load_images("stl10_binary", tmp_path / "out", "all")) == 21 * 3 + 10 * 2


def test_every_tenth_photograph_is_in_the_last_images_only(repositories):
    """The red of a crop is its photograph's number (but of the gray one)."""
    _, (imagenet, bsds) = repositories
    images = photos96.build((imagenet, 3), (bsds, 2))
    numbers = np.rint(images[..., 0].mean(axis=(1, 2)) / 8)
    kept = 2 * 3 + 2  # of photographs 9 and 19, and of 9 of the other repository
    assert sorted(numbers[-kept:]) == [9] * 5 + [19] * 3
    assert not {9, 19} & set(numbers[:-kept])
    assert list(numbers[:-kept]) != sorted(numbers[:-kept]) and list(numbers[-kept:]) != sorted(numbers[-kept:])


def test_the_first_crop_is_centred_and_the_others_are_within(repositories):
    """Green and blue of a crop say where it was taken."""
    _, (imagenet, _) = repositories
    for path in imagenet[5:8]:
        width, height = Image.open(path).size
        images = photos96.build(([path], 3))
        spans = []
        for image in images:
            left, right = image[:, 0, 1].mean() / 255 * width, image[:, -1, 1].mean() / 255 * width
            top, bottom = image[0, :, 2].mean() / 255 * height, image[-1, :, 2].mean() / 255 * height
            spans.append((left, right, top, bottom))
        sides = [right - left for left, right, *_ in spans]
        whole = spans[int(np.argmax(sides))]
        assert max(sides) == pytest.approx(min(width, height), abs=6)
        assert (whole[0] + whole[1]) / 2 == pytest.approx(width / 2, abs=3)
        assert (whole[2] + whole[3]) / 2 == pytest.approx(height / 2, abs=3)
        for left, right, top, bottom in spans:
            assert right - left == pytest.approx(bottom - top, abs=6) and right - left > 0.4 * min(width, height) - 6


def test_a_box_is_a_square_within_the_photograph():
    rng = np.random.default_rng(0)

    def boxes(width, height, number=1):
        return np.array([photos96.box(width, height, number, rng) for _ in range(400)]).T

    left, top, right, bottom = boxes(100, 300)
    assert (right - left == bottom - top).all() and set(right - left) == {96, 97, 98, 99}  # raised to 96, below 100
    assert left.min() == 0 and right.max() == 100 and 0 <= top.min() < 20 and 280 < bottom.max() <= 300
    left, top, right, bottom = boxes(50, 80, 2)  # smaller than a crop
    assert set(left) == {0} and set(right) == {50} and set(top) == set(range(31)) and (bottom == top + 50).all()
    left, _, right, _ = boxes(1000, 2000)
    assert 400 <= (right - left).min() < 420 and 980 < (right - left).max() < 1000
    assert photos96.box(101, 40, 0, None) == (30, 0, 70, 40)


def test_what_is_wrong_is_said_in_one_line(repositories, tmp_path, capsys):
    (imagenet, bsds), (photographs, _) = repositories
    out = tmp_path / "out"
    wanted = "expected the 21 *.JPEG of https://github.com/EliSchwartz/imagenet-sample-images"

    def refused(*arguments):
        status, said, err = build(capsys, *arguments)
        assert status == 2 and not said and err.count("\n") == 1, err
        return err

    assert f"{tmp_path / 'none'} is no folder; {wanted}: clone it" in refused(tmp_path / "none", bsds, out)
    assert f"{bsds} holds 0 *.JPEG; {wanted}" in refused(bsds, imagenet, out)
    inner = bsds / "BSDS500"
    assert f"{inner} holds 0 BSDS500/data/images/*/*.jpg; expected the 10" in refused(imagenet, inner, out)
    whole = photographs[0].read_bytes()
    photographs[0].rename(tmp_path / "kept")
    assert f"{imagenet} holds 20 *.JPEG; {wanted}" in refused(imagenet, bsds, out)
    photographs[0].write_bytes(whole[:-1] + b"x")
    changed = refused(imagenet, bsds, out)
    assert f"The photographs in {imagenet} have SHA-256" in changed and "checkout bc69043e2862" in changed
    photographs[0].write_bytes(whole)
    assert "cannot be written to" in refused(imagenet, bsds, tmp_path / "kept")
    assert not out.exists()
    assert build(capsys, imagenet, bsds, out)[0] == 0
    assert f"{out / 'unlabeled_X.bin'} exists; give another OUT" in refused(imagenet, bsds, out)


def test_another_pillow_is_refused(repositories, tmp_path, capsys, monkeypatch):
    """One whose resizing rounds otherwise, say."""
    folders, _ = repositories
    resize = Image.Image.resize
    monkeypatch.setattr(Image.Image, "resize", lambda self, *a, **k: resize(self, *a, **k).point(lambda v: min(v, 254)))
    status, out, err = build(capsys, *folders, tmp_path / "out")
    assert status == 2 and not out and err.count("\n") == 1
    assert f"expected {photos96.SHA256}, which Pillow 13.0.0" in err and "this is Pillow " in err
    assert not list((tmp_path / "out").iterdir())


# ---- imagenet96 ------------------------------------------------------------------------------------------------------


@pytest.fixture
def taken(repositories, tmp_path, monkeypatch):
    """The folder of photos96 of photographs that have no blue in the second repository, and its images of the first."""
    _, (imagenet, bsds) = repositories
    for path in bsds:
        Image.fromarray(np.asarray(Image.open(path).convert("RGB")) * np.array([1, 1, 0], "uint8")).save(
            path, quality=98
        )
    images = photos96.build((imagenet, 3), (bsds, 2))
    binary.write(tmp_path / binary.NAME, images)
    expected = np.stack([image for image in images if image[..., 2].max() > 60])
    monkeypatch.setattr(imagenet96, "SHA256", hashlib.sha256(expected.tobytes()).hexdigest())
    return tmp_path, expected


def test_imagenet96_has_the_crops_of_the_first_repository(taken, tmp_path, capsys):
    folder, expected = taken
    out = tmp_path / "imagenet96"
    assert imagenet96.main([str(folder), str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"Wrote 63 images to {out}")
    paths = sorted(out.iterdir())
    assert [path.name for path in paths[:2]] == ["0000.png", "0001.png"]
    assert (np.stack([np.asarray(Image.open(path)) for path in paths]) == expected).all()
    assert {*np.rint(expected[-6:, ..., 0].mean(axis=(1, 2)) / 8)} == {9, 19}  # those for validation are last
    assert imagenet96.main([str(folder / binary.NAME), str(out)]) == 2
    assert f"{out} is not empty; give another OUT" in capsys.readouterr().err


def test_imagenet96_is_made_of_photos96_only(taken, tmp_path, capsys):
    folder, expected = taken
    assert imagenet96.main([str(tmp_path / "none"), str(tmp_path / "out")]) == 2
    assert "none/unlabeled_X.bin does not exist; expected photos96" in capsys.readouterr().err
    for images in (expected[:5], np.concatenate([expected, expected])):
        binary.write(folder / binary.NAME, images)
        assert imagenet96.main([str(folder), str(tmp_path / "out")]) == 2
        assert f"is not photos96: its {len(images)} images" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_real_places_are_2700_and_300():
    places = imagenet96.places()
    assert len(set(places)) == 3_000 and (places[:2_700] < 3_600).all() and (places[2_700:] >= 3_600).all()
    assert (np.diff(places) > 0).all()
    assert imagenet96.SHA256 in (ROOT / "docs" / "data.md").read_text()


def test_what_is_committed_is_photos96():
    """The hash of the file, and of the gray pixels that records name, are those of docs/data.md."""
    page = (ROOT / "docs" / "data.md").read_text()
    record, _ = records.load(ROOT / "results" / "fig06")
    assert photos96.SHA256 in page and record["image_sets"]["training"]["sha256"] in page
    for repository in photos96.REPOSITORIES:
        assert repository.name in page and repository.commit in page


def test_a_script_of_data_is_no_experiment():
    assert not {"photos96", "imagenet96", "stl10_real"} & set(registry.names().values())
