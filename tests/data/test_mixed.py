"""Images of different sizes: crops at their own resolution, the same in memory and in a file, by every pipeline."""

import dataclasses
import zlib

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

import diffnet_tf as dn
from diffnet_tf import data
from diffnet_tf.data import examples, halves, mixed
from diffnet_tf.data.plan import Plan
from diffnet_tf.training import device
from tests.conftest import BACKEND, slow, tensorflow_only

SIZES = ((40, 31), (25, 60), (33, 33), (48, 27), (90, 24))
OPTIONS = {"crop": 12, "augment": True, "batch_size": 4, "epochs": None, "degrade": lambda u: u}


def pictures(dtype="uint8", channels=0):
    """Random pixels, so that a crop tells where it is from; each with another maximum."""
    rng, tail = np.random.default_rng(0), (channels,) if channels else ()
    found = [rng.integers(1, 120 + 20 * k, (*size, *tail)).astype("uint8") for k, size in enumerate(SIZES)]
    if dtype == "one float, late":
        return [image if k != 3 else (image / 300).astype("float32") for k, image in enumerate(found)]
    if dtype == "mixed":
        return [image if k % 2 else (image / 300).astype("float32") for k, image in enumerate(found)]
    return [image.astype(dtype) for image in found]


def of(images):
    return data.MixedImages((f"{k}.png", image) for k, image in enumerate(images))


def clean(images, number=6, **options):
    """Targets of the first batches, by the pipeline of the backend."""
    options = {**OPTIONS, **options}
    if BACKEND == "tensorflow":
        return np.concatenate([pair[1] for pair in data.pairs(images, **options).take(number)])
    sequence = data.PairSequence(images, **options)
    return np.concatenate([sequence[k][1] for k in range(number)])


def place(crop, images):
    """(image, row, column) of a crop: where all of its pixels are, in one of the eight ways."""
    side = crop.shape[0]
    for number, image in enumerate(images):
        if min(image.shape[:2]) < side:
            continue
        scaled = (image.astype("float32") / np.float32(image.max())).reshape(*image.shape[:2], -1)
        windows = np.lib.stride_tricks.sliding_window_view(
            scaled, (side, side), axis=(0, 1)
        )  # (rows, columns, c, s, s)
        for turned in (crop, crop.swapaxes(0, 1)):
            for way in (turned, turned[::-1], turned[:, ::-1], turned[::-1, ::-1]):
                equal = (windows == np.moveaxis(way, -1, 0)).all(axis=(2, 3, 4))
                if equal.any():
                    return (number, *np.argwhere(equal)[0])
    raise AssertionError("a crop that is nowhere")


@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 0), ("float32", 0), ("mixed", 0), ("uint8", 3)])
def test_crops_are_parts_of_the_images_as_they_are(dtype, channels):
    """Scaled by the maximum of their image; each image once an epoch; from everywhere."""
    images = pictures(dtype, channels)
    crops = clean(of(images), 25)
    assert crops.shape == (100, 12, 12, channels or 1)
    places = np.array([place(crop, images) for crop in crops])
    for epoch in places[:, 0].reshape(20, 5):
        assert sorted(epoch) == [0, 1, 2, 3, 4]
    for number, size in enumerate(SIZES):
        found = places[places[:, 0] == number][:, 1:]
        room = np.array(size) - 12
        assert (found.max(axis=0) > 0.6 * room).all() and (found.min(axis=0) < 0.4 * room).all()


@pytest.mark.parametrize("dtype", ["uint8", "mixed", "one float, late"])
def test_more_than_the_memory_is_kept_in_a_file_and_gives_the_same(dtype, monkeypatch):
    images = pictures(dtype)
    expected = of(images)
    assert not isinstance(expected.pixels, np.memmap)
    assert expected.pixels.dtype == ("uint8" if dtype == "uint8" else "float32")
    monkeypatch.setattr(mixed, "IN_MEMORY", 3000)
    mapped = of(images)
    assert isinstance(mapped.pixels, np.memmap)
    np.testing.assert_array_equal(mapped.pixels, expected.pixels)
    np.testing.assert_array_equal(mapped.image(4), images[4])
    assert mapped.fingerprint() == expected.fingerprint()
    np.testing.assert_array_equal(clean(mapped), clean(expected))
    other = of([images[0].reshape(images[0].shape[::-1]), *images[1:]])  # the same pixels, of another shape
    np.testing.assert_array_equal(other.pixels, expected.pixels)
    assert other.fingerprint() != expected.fingerprint() != expected[1:].fingerprint()


def test_other_images_of_the_same_sizes_have_another_fingerprint():
    """Some of them, too: those that are chosen count, and in their order; the rest does not."""
    images = pictures()
    images[1] = images[0][::-1]  # of one size
    some = of(images)
    chosen = [some[np.array(where)].fingerprint() for where in ([0, 4], [1, 4], [4, 0], [4, 1], [0, 1], [1, 0])]
    assert len(set(map(tuple, chosen))) == 6
    assert some[np.array([2, 3])].fingerprint() == of(images[2:4]).fingerprint() == some[2:4].fingerprint()
    pixels = np.concatenate([image.ravel() for image in images])
    sizes = [side for image in images for side in image.shape]
    assert some.fingerprint() == [5, 0, 0, 1, zlib.crc32(pixels.tobytes()), *sizes]  # as in earlier checkpoints


@tensorflow_only
def test_both_pipelines_cut_the_same():
    images, options = of(pictures()), {**OPTIONS, "noise": 0.1}
    sequence = data.PairSequence(images, **options)
    for number, (inputs, targets) in enumerate(data.pairs(images, **options).take(4)):
        np.testing.assert_array_equal(targets, sequence[number][1])
        np.testing.assert_allclose(inputs, sequence[number][0], atol=1e-6)


def test_images_of_one_size_are_cut_as_ever():
    """Through the tables of places the same crops come out, to the bit."""
    images = pictures()
    same = [images[0], images[0][::-1], 255 - images[0]]
    np.testing.assert_array_equal(clean(of(same)), clean(data.GrayImages(np.stack(same))))


@pytest.mark.skipif(BACKEND != "jax", reason="the loop of JAX")
def test_the_device_cuts_the_same():
    import jax

    images = of(pictures())
    made = examples.Examples(images, 12, True, seed=3)
    numbers = made.numbers(0, 12)
    on_device = jax.jit(lambda *a: made.make(*a, halves.jax_arrays()).clean)
    found = on_device(
        *(jax.numpy.asarray(n, "int32") for n in numbers), *jax.device_put((images.pixels, images.maxima))
    )
    np.testing.assert_array_equal(found, made.batch(0, 12).clean)


@slow
def test_a_stopped_training_ends_with_the_same_bits(tmp_path):
    images, recipe = of(pictures()), dn.training.Recipe(batch_size=2, crop=12, augment=True, schedule="constant")

    def run(folder, images=images, steps=6, seed=0, **options):
        keras.utils.set_random_seed(seed)
        model = dn.models.DiffNet(1, 1, 2)
        options = {"validate_every": 6, "save_every": 3, "verbose": False, "validation": of(pictures()[:2]), **options}
        trained = dn.training.fit(model, images, recipe, steps=steps, checkpoint_dir=folder, **options)
        return trained, [ops.convert_to_numpy(v) for v in (*model.variables, *model.optimizer.variables)]

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 3:
                raise KeyboardInterrupt

    whole = run(tmp_path / "whole")
    assert np.isfinite(whole[0].history[-1]["val_psnr"])
    assert not run(tmp_path / "stopped", callbacks=[Stop()])[0].finished
    resumed = run(tmp_path / "stopped", seed=9)
    assert resumed[0].history == whole[0].history
    for mine, theirs in zip(resumed[1], whole[1], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(ValueError, match="another configuration .*images"):
        run(tmp_path / "stopped", of(pictures()[::-1]))


def test_squares_to_validate_on_are_spread_over_the_images():
    images = pictures()
    found = data.squares(of(images), 12)
    assert type(found) is data.GrayImages and found.shape[1:] == (12, 12, 1) and len(found) >= 40
    places = np.array([place(square[..., None], images) for square in found.pixels])
    assert set(places[:, 0]) == {0, 1, 2, 3, 4}
    assert len(np.unique(places, axis=0)) == len(places)
    np.testing.assert_array_equal(data.squares(of(images), 12).pixels, found.pixels)
    colour = data.squares(of(pictures(channels=3)), 12)
    assert type(colour) is data.ColourImages and colour.shape[1:] == (12, 12, 3)
    dark = np.zeros((24, 24), "uint8")
    dark[0, 0] = 9  # three of its four squares are black
    assert len(data.squares(of([dark]), 12)) == 1
    many = data.squares(of(pictures() * 20), 12)
    assert len(many) == 100  # the middle of each


def test_what_is_too_small_is_named_or_left_out():
    images = of(pictures())
    message = (
        r"crop=30; expected at most 24, since 3 of the 5 images are smaller, the first 1.png. "
        r"For fit, give dataclasses.replace\(recipe, crop=24\), or .* data.at_least\(images, 30\)\.$"
    )
    with pytest.raises(ValueError, match=message):
        data.PairSequence(images, crop=30, batch_size=2)
    large = data.at_least(images, 30)
    assert len(large) == 2 and list(large.names) == ["0.png", "2.png"]
    assert {place(crop, pictures())[0] for crop in clean(large, crop=30)} == {0, 2}
    with pytest.raises(ValueError, match=r"crop=None with images that differ in size; .*replace\(recipe, crop=48\)"):
        dn.training.fit(dn.models.DiffNet(1, 1, 2), images, "paper", steps=1)
    with pytest.raises(ValueError, match="differ in size, which the source 'npy' cannot hold"):
        images.save("anywhere")
    for bad, words in ((np.zeros((9, 9), "uint8"), "x.png is black"), (np.full((9, 9), np.nan, "float32"), "NaN")):
        with pytest.raises(ValueError, match=words):
            data.MixedImages([("x.png", bad)])


@pytest.fixture
def folder(tmp_path):
    """Files of 8 and 16 bits and floats, gray and colour, of different sizes; the last one is for tests."""
    images = pictures()
    Image.fromarray(images[0]).save(tmp_path / "0.png")
    Image.fromarray(images[1].astype("uint16") * 257).save(tmp_path / "1.png")
    Image.fromarray(images[2].astype("float32") / 300).save(tmp_path / "2.tif")
    Image.fromarray(np.repeat(images[3][..., None], 3, axis=-1)).save(tmp_path / "3.png")
    Image.fromarray(images[4]).save(tmp_path / "4.png")
    return tmp_path


def test_a_folder_is_opened_as_it_is(folder):
    train, test = (data.open_images("folder", folder, split, size=None) for split in ("train", "test"))
    assert isinstance(train, data.MixedImages) and train.sizes.tolist() == [list(size) for size in SIZES[:4]]
    for number in range(4):
        found = train.image(number) / train.maxima[number]
        np.testing.assert_allclose(found, pictures()[number] / pictures()[number].max(), atol=0.51 / 120)
    assert type(test) is data.GrayImages and test.shape == (1, 90, 24, 1)  # of one size as ever
    colour = data.open_images("folder", folder, size=None, colour=True)
    assert colour.shape == (4, None, None, 3) and colour.pixels.shape[1] == 3
    with pytest.raises(
        ValueError, match=r"1.png has \(25, 60\) pixels but .*0.png has \(40, 31\); .*Use open_images.* or give size=96"
    ):
        data.load_images("folder", folder, size=None)


def test_it_is_trained_on(folder):
    images = data.open_images("folder", folder, size=None)
    recipe = dataclasses.replace(dn.recipes.get("fast"), crop=24, optimizer="adam")  # a batch of 8, of 4 images
    model = dn.models.DiffNet(1, 1, 2)
    held_out = data.open_images("folder", folder, "test", size=None)
    trained = dn.training.fit(model, images, recipe, steps=2, validation=held_out, verbose=False)
    assert trained.finished and np.isfinite(trained.history[-1]["val_psnr"])


def test_seven_images_are_enough_for_a_batch_of_eight(photographs):
    """A batch takes of several epochs: examples are what they are in any batch."""
    options = {"crop": 12, "augment": True, "epochs": None, "degrade": lambda u: u}
    large = clean(photographs[:3], 2, **options, batch_size=8)
    np.testing.assert_array_equal(large, clean(photographs[:3], 16, **options, batch_size=1))
    recipe = dataclasses.replace(dn.recipes.get("fast"), crop=12, optimizer="adam")
    trained = dn.training.fit(dn.models.DiffNet(1, 1, 2), photographs[:7], recipe, steps=2, verbose=False)
    assert recipe.batch_size == 8 and trained.finished


@pytest.mark.skipif(BACKEND != "jax", reason="the loop of JAX")
def test_the_device_trains_on_what_it_holds(monkeypatch):
    model = dn.models.DiffNet(1, 1, 2)
    model.compile("adam", "mse")
    options = {"batch_size": 2, "crop": 12, "epochs": None}
    assert device.able(model, Plan(of(pictures()), **options))
    monkeypatch.setattr(mixed, "IN_MEMORY", 3000)
    assert not device.able(model, Plan(of(pictures()), **options))
