"""Sources of images: the official formats, read as they are, and what is refused."""

import numpy as np
import pytest
from skimage import io

from diffnet_tf import data
from diffnet_tf.data import sources
from tests.conftest import tensorflow_only


def colour_images(number, seed=0):
    """uint8 (number, 96, 96, 3), every pixel different from its transpose."""
    return np.random.default_rng(seed).integers(1, 256, (number, 96, 96, 3)).astype("uint8")


def expected_gray(images):
    """PAPER: uint8 round(0.2989 R + 0.5870 G + 0.1140 B), each divided by its own maximum."""
    gray = np.rint(images.astype("float64") @ [0.2989, 0.5870, 0.1140])
    return (gray / gray.max(axis=(1, 2), keepdims=True))[..., None]


def write_binary(path, images):
    """As the official file: N × 3 × 96 × 96, every channel column by column."""
    path.write_bytes(b"".join(np.asfortranarray(image[..., c]).tobytes("F") for image in images for c in range(3)))


def test_stl10_binary(tmp_path):
    images = colour_images(20)
    write_binary(tmp_path / "unlabeled_X.bin", images)
    for split, part in (("train", slice(0, 18)), ("test", slice(18, 20)), ("all", slice(0, 20))):
        loaded = data.load_images("stl10_binary", tmp_path, split)
        assert loaded.dtype == np.float32
        assert (loaded.max(axis=(1, 2, 3)) == 1).all()
        np.testing.assert_allclose(loaded, expected_gray(images[part]), atol=1.03 / 250)
        assert np.mean(np.abs(loaded - expected_gray(images[part])) > 1e-6) < 0.01  # ties in rounding
    assert len(data.load_images("stl10_binary", tmp_path / "unlabeled_X.bin", limit=5)) == 5


def test_the_split_of_100000_is_the_papers():
    assert sources._split_range(100_000, "train", None) == (0, 90_000)
    assert sources._split_range(100_000, "test", None) == (90_000, 100_000)


@tensorflow_only
def test_stl10_from_tensorflow_datasets(tmp_path):
    """The real reader on a data set prepared by TFDS itself, with STL-10's name, features and splits."""
    import tensorflow_datasets as tfds

    images = colour_images(10)

    class Stl10(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=(96, 96, 3)),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
            return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

        def _split_generators(self, manager):
            return {"unlabelled": self._examples()}

        def _generate_examples(self):
            return self._examples()

        def _examples(self):
            for i, image in enumerate(images):
                yield i, {"image": image, "label": -1}

    builder = Stl10(data_dir=str(tmp_path))
    builder.download_and_prepare()
    train, test = (data.load_images("stl10", tmp_path, split) for split in ("train", "test"))
    assert (len(train), len(test)) == (9, 1)
    # TFDS shuffles by key while it prepares: compare as sets.
    for image in np.concatenate([train, test]):
        assert np.abs(image - expected_gray(images)).max(axis=(1, 2, 3)).min() < 1 / 255 + 1e-6
    again = data.load_images("stl10", tmp_path, "train")
    np.testing.assert_array_equal(again, train)


def test_stl10_that_is_not_prepared_names_what_to_do(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(FileNotFoundError, match=r"STL-10 is not prepared under .*tfds.load\('stl10'"):
        data.load_images("stl10", tmp_path)


def test_skimage_photographs_are_deterministic_and_disjoint():
    train, test = (data.load_images("skimage", split=split) for split in ("train", "test"))
    assert train.shape[1:] == test.shape[1:] == (96, 96, 1)
    assert len(train) > 500 and len(test) > 20
    assert set(sources.SKIMAGE_TRAIN).isdisjoint(sources.SKIMAGE_TEST)
    np.testing.assert_array_equal(test, data.load_images("skimage", split="test"))
    np.testing.assert_array_equal(train[:7], data.load_images("skimage", split="train", limit=7))
    assert data.load_images("skimage", size=48, limit=2).shape == (2, 48, 48, 1)


def test_folder(tmp_path):
    """PNG, JPEG and TIFF, 8 and 16 bits, gray, colour and alpha, of any size: centred squares, reduced."""
    rng = np.random.default_rng(0)
    gray = rng.integers(1, 256, (96, 96)).astype("uint8")
    io.imsave(tmp_path / "a_gray.png", gray, check_contrast=False)
    io.imsave(tmp_path / "b_sixteen.tif", gray.astype("uint16") * 257, check_contrast=False)
    io.imsave(tmp_path / "c_colour.png", np.stack([gray] * 3, -1), check_contrast=False)
    io.imsave(tmp_path / "d_alpha.png", np.stack([gray] * 3 + [gray // 2], -1), check_contrast=False)
    wide = np.repeat(np.repeat(np.pad(gray, ((0, 0), (20, 20))), 2, 0), 2, 1)
    io.imsave(tmp_path / "e_large.jpg", wide, check_contrast=False)
    (tmp_path / "notes.txt").write_text("not an image")
    images = data.load_images("folder", tmp_path, "all")
    expected = gray / gray.max()
    assert images.shape == (5, 96, 96, 1)
    for image in images[:4]:
        np.testing.assert_allclose(image[..., 0], expected, atol=1 / 255)
    assert np.corrcoef(images[4, ..., 0].ravel(), expected.ravel())[0, 1] > 0.9
    assert data.load_images("folder", tmp_path, "train").shape[0] == 4
    with pytest.raises(ValueError, match=r"e_large.jpg has .* pixels but .*a_gray.png.* Use open_images, which keeps"):
        data.load_images("folder", tmp_path, "all", size=None)


def test_a_line_says_that_photographs_were_reduced_and_how_many_were_left_out(tmp_path, capsys):
    for number, sides in enumerate([(96, 96), (96, 96), (96, 120), (200, 150), (300, 300)]):
        io.imsave(tmp_path / f"{number}.png", np.full(sides, 9, "uint8"), check_contrast=False)
    data.load_images("folder", tmp_path)
    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 1
    assert said.err.startswith(
        f"{tmp_path}, split 'train': 4 of 5 images; 2 cropped and reduced to 96×96 pixels; size=N"
    )
    data.load_images("folder", tmp_path, limit=2)
    data.open_images("folder", tmp_path, size=None)
    assert not capsys.readouterr().err  # nothing was reduced


def test_saved_gray_images_are_read_again(tmp_path):
    pixels = np.random.default_rng(0).integers(1, 255, (20, 7, 9)).astype("uint8")
    data.GrayImages(pixels).save(tmp_path / "new")
    for split, part in (("train", pixels[:18]), ("test", pixels[18:])):
        np.testing.assert_array_equal(data.open_images("npy", tmp_path / "new", split).pixels, part)
    (tmp_path / "gray.npy").write_bytes((tmp_path / "new" / "gray.npy").read_bytes()[:500])
    with pytest.raises(ValueError, match="gray.npy cannot be read as an array"):
        data.open_images("npy", tmp_path)
    np.save(tmp_path / "gray.npy", pixels[..., None])
    with pytest.raises(ValueError, match=r"has shape \(20, 7, 9, 1\) and dtype uint8; expected gray images"):
        data.open_images("npy", tmp_path)
    with pytest.raises(FileNotFoundError, match="other does not exist"):
        data.open_images("npy", tmp_path / "other")


def test_gray_images_are_scaled_each_by_its_own_maximum():
    pixels = np.stack([np.full((4, 4), 10), np.full((4, 4), 200)]).astype("uint8")
    pixels[:, 0, 0] = 5
    images = data.GrayImages(pixels).take([1, 0])
    np.testing.assert_allclose(images[:, 1, 1, 0], 1)
    np.testing.assert_allclose(images[:, 0, 0, 0], [5 / 200, 5 / 10])


def test_bad_folders_and_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing does not exist"):
        data.load_images("folder", tmp_path / "missing")
    with pytest.raises(ValueError, match="source='folder' needs data_dir"):
        data.load_images("folder")
    with pytest.raises(FileNotFoundError, match="contains no images; expected files ending in .png"):
        data.load_images("folder", tmp_path)
    with pytest.raises(FileNotFoundError, match="unlabeled_X.bin does not exist"):
        data.load_images("stl10_binary", tmp_path)
    (tmp_path / "unlabeled_X.bin").write_bytes(b"\1" * 27_649)
    with pytest.raises(ValueError, match="has 27649 bytes; expected a positive multiple of 27648"):
        data.load_images("stl10_binary", tmp_path)
    write_binary(tmp_path / "unlabeled_X.bin", np.concatenate([colour_images(3), np.zeros((1, 96, 96, 3), "uint8")]))
    with pytest.raises(ValueError, match="1 black image.*index 3"):
        data.load_images("stl10_binary", tmp_path, "all")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_truncated_image_is_named(tmp_path, suffix):
    image = colour_images(1)[0]
    for name in ("good", "torn"):
        io.imsave(tmp_path / f"{name}{suffix}", image, check_contrast=False)
    whole = (tmp_path / f"torn{suffix}").read_bytes()
    (tmp_path / f"torn{suffix}").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=f"torn{suffix} cannot be read as an image"):
        data.load_images("folder", tmp_path, "all")


def test_a_black_image_and_a_small_one_are_named(tmp_path):
    io.imsave(tmp_path / "black.png", np.zeros((96, 96), "uint8"), check_contrast=False)
    with pytest.raises(ValueError, match="black.png is black everywhere"):
        data.load_images("folder", tmp_path, "all")
    io.imsave(tmp_path / "black.png", colour_images(1)[0][:50], check_contrast=False)
    with pytest.raises(ValueError, match="black.png has 50×96 pixels; expected at least 96"):
        data.load_images("folder", tmp_path, "all")


def test_negative_values_and_cmyk_are_refused(tmp_path):
    from PIL import Image

    io.imsave(tmp_path / "signed.tif", np.linspace(-1, 1, 96 * 96).reshape(96, 96), check_contrast=False)
    with pytest.raises(ValueError, match="signed.tif has a minimum of -1"):
        data.load_images("folder", tmp_path, "all")
    (tmp_path / "signed.tif").unlink()
    Image.fromarray(colour_images(1)[0]).convert("CMYK").save(tmp_path / "print.jpg")
    with pytest.raises(ValueError, match="print.jpg has colours of mode CMYK"):
        data.load_images("folder", tmp_path, "all")
    with pytest.raises(ValueError, match="NaN"):
        data.GrayImages(np.full((1, 8, 8), np.nan, "float32"))


def test_skimage_takes_no_folder(tmp_path):
    with pytest.raises(ValueError, match="source='skimage', which needs no data_dir. Give the source of your"):
        data.load_images("skimage", tmp_path)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="split='validation'; expected one of 'train', 'test', 'all'"):
        data.load_images("skimage", split="validation")
    with pytest.raises(ValueError, match="limit=0"):
        data.load_images("skimage", limit=0)
    with pytest.raises(ValueError, match="size=None"):
        data.load_images("skimage", size=None)
