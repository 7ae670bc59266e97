"""python -m diffnet_tf train: from a folder of images to a network that restore takes."""

import argparse
import dataclasses

import keras
import numpy as np
import pytest
import skimage.data
from PIL import Image

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.commands import train as command
from diffnet_tf.networks import cards
from diffnet_tf.training import run as training_run
from experiments.lib import settings
from tests.conftest import mostly_slow, slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs")
    for k, image in enumerate(np.split(skimage.data.astronaut()[:384, :384], 4)):
        for j, square in enumerate(np.split(image, 4, axis=1)):
            Image.fromarray(square).save(path / f"{k}{j}.png")
    return path


def train(folder, out, *arguments):
    return main(["train", str(folder), "--out", str(out), *map(str, arguments)])


@pytest.mark.parametrize("init", mostly_slow(["inverse-1pct", "own.keras"], "own.keras"))
def test_a_network_is_fine_tuned_and_used(folder, tmp_path, capsys, monkeypatch, init):
    monkeypatch.chdir(tmp_path)
    start = dn.models.DiffNet(2, 2, 4) if init == "own.keras" else dn.from_preset(init)
    start.save(tmp_path / "own.keras")
    out = tmp_path / "mine.keras"
    assert train(folder, out, "--init", init, "--noise", 0.02, "--steps", 12) == 0
    printed = capsys.readouterr().out
    for name in ("without a network", init, str(out)):
        assert f"{name}: " in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.keras", "own.keras"]
    mine = keras.models.load_model(out)
    moved = [float(np.abs(a - b).max()) for a, b in zip(mine.get_weights(), start.get_weights())]
    assert all(0 < distance < 0.2 for distance in moved), moved
    assert main(["restore", str(folder / "00.png"), str(tmp_path / "00.png"), "--weights", str(out)]) == 0


def test_a_folder_becomes_a_preset(folder, tmp_path, capsys, monkeypatch):
    """It says what it knows; restore, presets and train take it."""
    monkeypatch.chdir(tmp_path)
    dn.models.DiffNet(1, 2, 4).save("own.keras")
    assert train(folder, "mine", "--init", "own.keras", "--noise", 0.02, "--steps", 2) == 0
    printed = capsys.readouterr().out
    assert "mine: " in printed and "Before you share mine, say in its README.md who made it" in printed
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["README.md", "weights.npz"]
    card = dn.presets.card("mine")
    assert (card["problem"], card["noise"], card["diffusion"]) == ("inverse", 0.02, settings.DIFFUSION)
    assert card["training"]["steps"] == 2 and card["training"]["start"] == "own.keras"
    assert card["training"]["training_images"] == 15 and card["data"] == f"15 images of the folder {folder.name!r}."
    assert str(tmp_path) not in (tmp_path / "mine" / "README.md").read_text()  # no path of its author
    promised = f"mine: {card['quality']['output']['mean']:.2f} dB"
    assert promised in printed and card["quality"]["output"]["n"] == 1
    assert main(["restore", str(folder / "00.png"), "00.png", "--preset", "mine"]) == 0
    assert main(["presets", "mine"]) == 0 and "noise: 0.02" in capsys.readouterr().out
    assert train(folder, "mine", "--init", "./mine", "--steps", 1) == 2
    assert "mine/README.md exists; give another name, or --force" in capsys.readouterr().err
    assert train(folder, "mine", "--init", "./mine", "--steps", 1, "--force") == 0
    again = dn.presets.card("mine")
    assert again["noise"] == 0.02 and again["training"]["start"] == "mine" and again["sha256"] != card["sha256"]


def test_a_denoiser_is_trained_on_the_scale_of_white(folder, tmp_path, monkeypatch):
    """Its images keep their brightness, its card says so, and `restore` uses it so."""
    monkeypatch.chdir(tmp_path)
    seen, fit = [], dn.training.fit
    monkeypatch.setattr(
        dn.training, "fit", lambda model, images, *a, **k: seen.append(images) or fit(model, images, *a, **k)
    )
    assert train(folder, "mine", "--problem", "denoise", "--noise", 0.1, "--steps", 1) == 0
    assert seen[0].scale == "white" and (seen[0].maxima == 255).all()
    card, model = dn.presets.card("mine"), dn.from_preset("mine")
    assert (card["problem"], card["scale"], card["noise"]) == ("denoise", "white", 0.1) and "diffusion" not in card
    assert "removes white Gaussian noise from gray images" in card["description"] and "a white of 1" in card["limits"]
    assert model.get_config()["relu"] is False
    dark = np.full((20, 20), 40, "uint8")
    expected = np.asarray(model(dark[None, ..., None].astype("float32") / 255))[0, ..., 0] * 255
    np.testing.assert_allclose(dn.restore(dark.astype("float32"), model, white=255), expected, atol=1e-3)
    np.testing.assert_array_equal(dn.restore(dark, model), np.rint(expected))


@slow
def test_a_network_that_is_given_the_diffusion(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ranges = ("--contrast", "0.1,0.4", "--time", "0.2,0.4", "--noise", "0.001,0.05")
    assert train(folder, "mine", *ranges, "--steps", 1) == 0
    card, model = dn.presets.card("mine"), dn.from_preset("mine")
    assert (card["noise"], card["problem"], card["training"]["recipe"]["loss"]) == ([0.001, 0.05], "inverse", "log")
    assert cards.of_diffusion(card) == {"contrast": (0.1, 0.4), "time": (0.2, 0.4)}
    assert isinstance(model, dn.models.ConditionedDiffNet) and "0.1 to 5 % noise" in card["description"]
    command = ["restore", str(folder / "00.png"), "00.png", "--preset", "mine", "--contrast", "0.2", "--time", "0.3"]
    assert main([*command, "--noise", "0.01"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--noise 0.05,0.001", "--noise 0.05,0.001; expected the lower one first"),
        ("--noise 0.001,0.05 --init inverse", "with --init inverse, which is not given σ; expected one σ"),
        ("--contrast 0.1,0.4 --noise 0.01", "--time is missing"),
        ("--contrast 0.1,0.4 --time 0.2,1", "--noise is missing; expected σ above 0"),
        ("--contrast 0.1,0.4 --time 0.2,0.55 --noise 0.01", "--time 0.2,0.55; expected multiples of 0.1, at most 1"),
        ("--contrast 0.1,0.4 --time 0.25,0.65 --noise 0.01", "--time 0.25,0.65; expected multiples of 0.1"),
        ("--contrast 0.4,0.1 --time 0.2,1 --noise 0.01", "--contrast 0.4,0.1; expected numbers above 0, the lower"),
        ("--contrast 0.1,0.4 --time 0.2,1.2 --noise 0.01", "--time 0.2,1.2; expected multiples of 0.1, at most 1"),
        ("--contrast 0.1,0.4 --time 0.2,1 --noise 0.01,2", "--noise=2"),
        ("--contrast 0.1,0.4 --time 0.2,1 --noise 0.01 --init inverse", "with --init"),
        ("--contrast 0.1,0.4 --time 0.2,1 --noise 0.01 --problem denoise", "with --problem denoise"),
        ("--contrast 0.1 --time 0.2,1", "'0.1'; expected two numbers"),
    ],
)
def test_ranges_that_do_not_fit_are_refused(folder, tmp_path, capsys, monkeypatch, options, message):
    monkeypatch.setattr(dn.training, "fit", None)
    try:
        assert train(folder, tmp_path / "mine.keras", *options.split()) == 2
    except SystemExit as error:  # of the parser
        assert error.code == 2
    assert message in capsys.readouterr().err


def test_what_cannot_become_a_preset_is_refused_before_the_work(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dn.training, "fit", None)
    three_layers(1).save("own.keras")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "README.md").write_text("# My project")
    (tmp_path / "file").write_text("")
    for out, options, message in (
        ("mine", ["--init", "own.keras"], "The network is a Functional; expected one of DiffNet"),
        ("project", ["--force"], "project/README.md exists and is not the card of a preset; give another folder"),
        ("file", [], "--out file is a file; expected a name ending in .keras, or a folder"),
        ("mine.kears", [], "ends in '.kears'; expected a name ending in .keras"),
        ("mine.onnx", [], "ends in '.onnx'; expected a name ending in .keras"),
        ("a" * 101, [], "expected one line of at most 100 characters"),
        ("mine", ["--init", "no"], "preset='no'; expected one of 'denoise'"),
    ):
        assert train(folder, out, *options) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "mine").exists()


@slow
def test_from_the_start_and_stopped_in_between(folder, tmp_path, monkeypatch, capsys):
    """Ctrl-C in the first run: the same command goes on. 40 steps gain a few decibels."""
    out = tmp_path / "mine.keras"
    after = training_run.Run.on_epoch_end

    def interrupt(self, epoch, logs=None):
        after(self, epoch, logs)
        if self.step == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(training_run.Run, "on_epoch_end", interrupt)
    assert train(folder, out, "--steps", 40) == 130
    assert not out.exists()
    monkeypatch.setattr(training_run.Run, "on_epoch_end", after)
    assert train(folder, out, "--steps", 40) == 0
    printed = capsys.readouterr().out
    assert "Continuing from step 10 of 40" in printed
    before, after = (float(line.split(": ")[1].split()[0]) for line in printed.splitlines()[-2:])
    assert after > before + 2


@pytest.mark.slow
def test_with_other_options_force_starts_anew(folder, tmp_path, capsys):
    """What was stopped is of another run: said, with the two ways out."""
    dn.models.DiffNet(1, 2, 4).save(tmp_path / "own.keras")
    out, options = tmp_path / "mine.keras", ("--init", str(tmp_path / "own.keras"), "--steps")
    kept = tmp_path / "mine.keras.checkpoint"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dn.training, "fit", stopped_at_the_end(dn.training.fit))
        assert train(folder, out, *options, 2) == 130
    assert f"{out} is not written yet." in capsys.readouterr().out and kept.exists()
    assert train(folder, out, *options, 3) == 2
    assert "(steps: 2 saved, 3 now). Give another --out, or --force to start again." in capsys.readouterr().err
    assert train(folder, out, *options, 3, "--force") == 0 and out.exists() and not kept.exists()


def stopped_at_the_end(fit):
    """A `fit` that leaves its checkpoint, and says that it is not finished."""

    def stopped(*arguments, **options):
        return dataclasses.replace(fit(*arguments, **options), finished=False)

    return stopped


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--init inverse-1pct", ("inverse", 0.01)),
        ("--init forward", ("forward", 0.0)),
        ("--init inverse-1pct --noise 0.03", ("inverse", 0.03)),
        ("--init inverse-1pct --problem forward", ("forward", 0.0)),
        ("", ("inverse", 0.0)),
    ],
)
def test_a_preset_goes_on_with_its_own_problem_and_noise(options, expected):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    arguments = parser.parse_args(["photographs", "--out", "mine.keras", *options.split()])
    command._take_from_card(arguments)
    assert (arguments.problem, arguments.noise) == expected


@slow
@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_that_is_given_sigma_is_trained_and_fine_tuned(folder, tmp_path, monkeypatch, capsys, channels):
    monkeypatch.chdir(tmp_path)
    given = ("--problem", "denoise", "--noise", "0,0.2", "--steps", 2)
    if channels == 3:
        dn.models.DiffNet(1, 2, 4, channels=3, noise_map=True).save("start.keras")
        assert train(folder, "mine", *given, "--init", "start.keras") == 0
    else:
        assert train(folder, "mine", *given) == 0
    card, model = dn.presets.card("mine"), dn.from_preset("mine")
    assert (card["noise"], card["scale"], card["training"]["recipe"]["loss"]) == ([0.0, 0.2], "white", "log")
    assert model.input_shape[-1] == channels + 1 and "with up to 20 % noise" in card["description"]
    # Its card says the range, from which another training goes on.
    assert train(folder, "again", "--init", "mine", "--steps", 2) == 0
    again = dn.from_preset("again")
    assert dn.presets.card("again")["noise"] == [0.0, 0.2]
    assert any((one != other).any() for one, other in zip(model.get_weights(), again.get_weights()))
    image = np.asarray(Image.open(folder / "00.png").convert("RGB" if channels == 3 else "L"))
    np.testing.assert_array_equal(dn.restore(image, "again", noise=0.1).shape, image.shape)


def test_a_network_that_is_given_the_diffusion_is_not_fine_tuned(folder, tmp_path, capsys):
    dn.models.ConditionedDiffNet(1, 1, 2).save(tmp_path / "own.keras")
    assert train(folder, tmp_path / "mine.keras", "--init", tmp_path / "own.keras") == 2
    assert "own.keras is given the diffusion; expected another network" in capsys.readouterr().err


def test_a_problem_that_it_does_not_train_is_refused(folder, tmp_path, capsys):
    assert train(folder, tmp_path / "mine.keras", "--init", "deconvolution") == 2
    assert (
        "was trained on the problem 'deconvolution'; expected one of inverse, forward, denoise. Give --problem"
        in capsys.readouterr().err
    )


def test_its_start_is_a_preset_or_a_file(tmp_path):
    from diffnet_tf.commands.train import _start

    dn.models.DiffNet(num_layers=1).save(tmp_path / "own.keras")
    assert len(_start(str(tmp_path / "own.keras")).diffusion_layers) == 1
    assert [len(_start(name).diffusion_layers) for name in ("inverse", "deconvolution")] == [5, 3]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Photographs of different sizes, one of them smaller than a crop; the last, for tests, is the largest."""
    path = tmp_path_factory.mktemp("mixed")
    image = skimage.data.astronaut()
    for k, (height, width) in enumerate(((30, 41), (64, 50), (120, 40), (20, 90), (200, 210))):
        Image.fromarray(image[60 : 60 + height, 100 : 100 + width]).save(path / f"{k}.png")
    return path


def three_layers(channels):
    """A network of the user's own, as Keras makes it."""
    image = keras.Input((None, None, channels))
    u = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    u = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(u)
    u = keras.layers.Conv2D(channels, 3, padding="same")(u)
    return keras.Model(image, keras.layers.Add()([image, u]))


def of_the_readme():
    u = image = keras.Input((None, None, 1))
    for _ in range(3):
        u = dn.layers.DiffusionLayer(depth=2, width=4)(u)
    return keras.Model(image, keras.layers.ReLU()(u))


STARTS = {
    "three layers": of_the_readme,
    "gray of Keras": lambda: three_layers(1),
    "colour of Keras": lambda: three_layers(3),
    "colour": lambda: dn.models.DiffNet(1, 2, 4, channels=3),
    "UNet": lambda: dn.models.UNet((2, 3)),
}


@pytest.mark.parametrize("name", mostly_slow(STARTS, "three layers"))
def test_other_networks_are_trained_at_native_resolution_and_used(mixed, tmp_path, capsys, name):
    """Whatever the sizes of the images: nothing is reduced, and what is too small is counted."""
    start = STARTS[name]()
    start.save(tmp_path / "three_layers.keras")
    out = tmp_path / "mine.keras"
    assert train(mixed, out, "--init", tmp_path / "three_layers.keras", "--steps", 2) == 0
    printed = capsys.readouterr().out
    assert "Skipped 1 of 5 images, which are smaller than a crop of 24×24 pixels." in printed
    assert " dB on 4 images of 96×96 pixels held out from training" in printed  # squares of the one image
    mine = keras.models.load_model(out)
    assert any(np.abs(a - b).max() > 0 for a, b in zip(mine.get_weights(), start.get_weights()))
    assert main(["restore", str(mixed / "0.png"), str(tmp_path / "0.png"), "--weights", str(out)]) == 0
    assert Image.open(tmp_path / "0.png").size == (41, 30)


def test_with_a_size_images_are_reduced_as_they_were(mixed):
    """The default of `open_images`: other sources, and --size, keep their bits."""
    from diffnet_tf.commands import train as command

    arguments = argparse.Namespace(source="folder", directory=mixed, size=20, noise=0.0)
    for images, split in zip(command._images(arguments, colour=False), ("train", "test")):
        np.testing.assert_array_equal(images.pixels, dn.data.open_images("folder", mixed, split, size=20).pixels)
    arguments = argparse.Namespace(source="skimage", directory=None, size=None, noise=0.0)
    train, _ = command._images(arguments, colour=False)
    np.testing.assert_array_equal(train.pixels, dn.data.open_images("skimage").pixels)


def test_its_validation_needs_an_image_that_is_large_enough(mixed, tmp_path, capsys):
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes((mixed / ("1.png" if k < 2 else "3.png")).read_bytes())
    assert train(tmp_path, tmp_path / "m.keras") == 2
    error = capsys.readouterr().err
    assert "the last 1 image(s), used for validation, are smaller than 24×24 pixels" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dn.models.LinearDiffNet((24, 24), 1), "maps .None, 24, 24, 1. .* of any size"),
        (lambda: dn.models.DiffNet(1, 1, 2, channels=2), "maps .None, None, None, 2. to"),
    ],
)
def test_a_start_of_other_images_is_refused(tmp_path, make, message):
    from diffnet_tf.commands.train import _start

    make().save(tmp_path / "own.keras")
    with pytest.raises(ValueError, match=message):
        _start(str(tmp_path / "own.keras"))
