"""Which runs go on from a checkpoint: those whose degrade does the same and whose model computes the same."""

import functools
import json
import random
import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

import diffnet_tf as dn
from diffnet_tf.base import randomness
from diffnet_tf.training import checkpoint, identity
from tests.conftest import BACKEND, mostly_slow

RECIPE = dn.training.Recipe(batch_size=2, crop=12, schedule="constant", learning_rate=1e-3)


def fit(photographs, folder, degrade=None, model=None, **options):
    model = model or dn.models.DiffNet(1, 1, 2)
    options = {"steps": 4, "degrade": degrade, "checkpoint_dir": folder, "verbose": False, **options}
    return dn.training.fit(model, photographs[:4], RECIPE, **options)


def scaled(factor):
    return lambda u: factor * u


class Power:
    def __init__(self, exponent):
        self.exponent = exponent

    def __call__(self, u):
        return u**self.exponent


def named_degrade(source):
    """A function of this name, whatever its body: as after an edit of its file."""
    scope = {"ops": ops}
    exec(f"def degrade(u):\n    return {source}", scope)
    return scope["degrade"]


def step(edge):
    """Functions that differ where pixels are above an edge: on the photographs alone, hardly anywhere."""
    return lambda u: ops.where(u > edge, 0.5 * u, u)


CASES = {
    "another body": (lambda: named_degrade("0.5 * u"), lambda: named_degrade("0.5 * u * u")),
    "another closure": (lambda: scaled(0.5), lambda: scaled(0.50001)),
    "another lambda": (lambda: lambda u: u * u, lambda: lambda u: u * u * u),
    "another object": (lambda: Power(2.0), lambda: Power(3.0)),
    "another partial": (lambda: functools.partial(ops.maximum, 0.5), lambda: functools.partial(ops.maximum, 0.6)),
    "another method": (lambda: Power(2.0).__call__, lambda: Power(3.0).__call__),
    "another threshold": (lambda: step(0.97), lambda: step(0.98)),
    "NumPy": (lambda: lambda u: np.sqrt(np.asarray(u)), lambda: lambda u: np.cbrt(np.asarray(u))),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_another_degrade_is_refused_and_an_equal_one_goes_on(photographs, tmp_path, untrained, case):
    one, other = CASES[case]
    fit(photographs, tmp_path, one())
    assert fit(photographs, tmp_path, one()).steps == 1
    with pytest.raises(
        ValueError, match=r"belongs to a training with another degrade: .* differs \(by up to .*remove it\.$"
    ) as e:
        fit(photographs, tmp_path, other())
    assert "\n" not in str(e.value)
    with pytest.raises(ValueError, match=r"another configuration \(degrade: 'given' saved, None now\)"):
        fit(photographs, tmp_path)


def test_a_degrade_of_a_parameter_and_an_equal_one_of_another_name(photographs, tmp_path, untrained):
    options = {"parameter": (0.5, 1.0)}
    fit(photographs, tmp_path, lambda u, p: u * p, **options)
    assert fit(photographs, tmp_path, lambda image, factor: factor * image, **options).steps == 1
    with pytest.raises(ValueError, match="another degrade"):
        fit(photographs, tmp_path, lambda u, p: u * p * p, **options)


def random_degrades():
    """Functions that draw: of the libraries' own generators, and of one that they hold."""
    generator, old, python = np.random.default_rng(5), np.random.RandomState(5), random.Random(5)
    of_keras = keras.random.SeedGenerator(5)
    return {
        "numpy.random": lambda u: u + np.random.normal(size=u.shape).astype("float32"),
        "held generator": lambda u: u + generator.normal(size=u.shape).astype("float32"),
        "held RandomState": lambda u: u + old.normal(size=u.shape).astype("float32"),
        "random": lambda u: u * random.random(),
        "held Random": lambda u: u * python.random(),
        "keras.random": lambda u: u + keras.random.normal(u.shape),
        "held SeedGenerator": lambda u: u + keras.random.normal(u.shape, seed=of_keras),
    }


@pytest.mark.parametrize("case", mostly_slow(random_degrades(), "random", "held generator", "keras.random"))
def test_a_random_degrade_goes_on_and_its_generators_stay_where_they_were(photographs, tmp_path, untrained, case):
    """In another process the generators stand elsewhere: here, after more draws. Another strength is still seen."""
    mine, theirs = random_degrades()[case], random_degrades()[case]
    image = ops.convert_to_tensor(photographs[:1])
    keras.utils.set_random_seed(3)
    expected = [ops.convert_to_numpy(theirs(image)) for _ in range(2)]
    keras.utils.set_random_seed(3)
    found = [ops.convert_to_numpy(mine(image))]
    with randomness.seeded(mine):
        mine(image)
    found.append(ops.convert_to_numpy(mine(image)))
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(*found)

    fit(photographs, tmp_path, mine)
    assert fit(photographs, tmp_path, mine).steps == 1
    with pytest.raises(ValueError, match="another degrade"):
        fit(photographs, tmp_path, lambda u: 1.1 * mine(u))


def counting():
    calls = []

    def degrade(u):
        calls.append(1)
        return u / len(calls)

    return degrade


NEVER_THE_SAME = {
    "a counter": counting,
    "a fresh generator": lambda: lambda u: u + np.random.default_rng().normal(size=u.shape).astype("float32"),
}


@pytest.mark.parametrize("case", NEVER_THE_SAME)
def test_a_degrade_that_never_repeats_itself_goes_on_with_a_warning(photographs, tmp_path, untrained, case):
    """Nothing can be compared but that."""
    make = NEVER_THE_SAME[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        fit(photographs, tmp_path, make())  # nothing to compare with
    with pytest.warns(RuntimeWarning, match=r"degrade, whose output varies, cannot be compared") as seen:
        assert fit(photographs, tmp_path, make()).steps == 1
    assert all("\n" not in str(each.message) for each in seen if each.category is RuntimeWarning)
    with pytest.raises(ValueError, match="another degrade"):
        fit(photographs, tmp_path, lambda u: u)


def test_without_checkpoints_nothing_is_probed(photographs, untrained):
    calls = []
    fit(photographs, None, lambda u: calls.append(1) or u)
    assert bool(calls) == (BACKEND == "jax")  # which looks whether it can be compiled


def first_written(folder):
    """Make a checkpoint one of the first version: functions by their names, models by their size."""
    (path,) = folder.glob("*.json")
    manifest = json.loads(path.read_text())
    with np.load(path.with_suffix(".npz")) as stored:
        arrays = {name: stored[name] for name in stored.files if not name.startswith("degrade/")}
    configuration = manifest["configuration"]
    del configuration["version"]
    configuration["model"].pop("configuration", None)
    if configuration["degrade"]:
        configuration["degrade"] = "test.<locals>.<lambda>"
    described = {name: manifest[name] for name in ("step", "versions", "state")}
    checkpoint.sealed.write(path, arrays, {**described, "configuration": configuration}, own=True)


@pytest.mark.parametrize("make", [lambda: dn.models.DiffNet(1, 1, 2), lambda: functional()], ids=["DiffNet", "other"])
def test_a_checkpoint_of_an_earlier_version_goes_on_without_a_degrade(photographs, tmp_path, untrained, make):
    fit(photographs, tmp_path / "a", model=make())
    first_written(tmp_path / "a")
    assert fit(photographs, tmp_path / "a", model=make()).steps == 1
    fit(photographs, tmp_path / "b", scaled(0.5), make())
    first_written(tmp_path / "b")
    with pytest.raises(
        ValueError, match=r"was written by an earlier version, which saved only the name of degrade.*remove it\."
    ):
        fit(photographs, tmp_path / "b", scaled(0.5), make())
    with pytest.raises(ValueError, match="noise: 0.0 saved, 0.1 now"):
        fit(photographs, tmp_path / "a", model=make(), noise=0.1)


def test_a_run_of_an_earlier_version_keeps_its_scale_of_the_loss(photographs, tmp_path, untrained):
    """Its history has the norm of whole images as it is: not with the new scale in the middle. And so once more."""
    fit(photographs, tmp_path)
    first_written(tmp_path)
    for _ in range(2):
        model = dn.models.DiffNet(1, 1, 2)
        fit(photographs, tmp_path, model=model)
        assert model.loss.batch_shape is None
        (path,) = tmp_path.glob("*.json")
        assert "version" not in json.loads(path.read_text())["configuration"]
    model = dn.models.DiffNet(1, 1, 2)
    fit(photographs, tmp_path / "new", model=model)
    assert model.loss.batch_shape == (2, 12, 12, 1)


# ---- Models ----------------------------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("test_identity")
class Gain(layers.Layer):
    """A layer of the user's own."""

    def __init__(self, gain, **kwargs):
        super().__init__(**kwargs)
        self.gain = gain

    def call(self, u):
        return self.gain * u

    def get_config(self):
        return {**super().get_config(), "gain": self.gain}


def functional(boundary="neumann", gain=1.0, shared=True, skip=True, inner=3):
    """Diffusion, a nested model, a shared layer, a custom one; every layer has a name that Keras counts up."""
    image = keras.Input((None, None, 1))
    small = keras.Input((None, None, 1))
    nested = keras.Model(small, layers.Conv2D(1, inner, padding="same", use_bias=False)(small))
    convolution = layers.Conv2D(1, 3, padding="same")
    u = dn.layers.DiffusionLayer(1, boundary=boundary)(image)
    u = convolution(nested(u))
    u = convolution(u) if shared else Gain(1.0)(u)
    u = Gain(gain)(u)
    return keras.Model(image, layers.Add()([u, image if skip else u]))


OTHERS = {
    "boundary": ({"boundary": "dirichlet"}, "boundary: 'neumann' saved, 'dirichlet' now"),
    "custom layer": ({"gain": 2.0}, "gain: 1.0 saved, 2.0 now"),
    "shared layer": ({"shared": False}, "layers/3/"),
    "another graph": ({"skip": False}, "keras_history"),
    "nested": ({"inner": 1}, "kernel_size"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_functional_model_is_refused(photographs, tmp_path, untrained, case):
    change, message = OTHERS[case]
    fit(photographs, tmp_path, model=functional())
    assert fit(photographs, tmp_path, model=functional()).steps == 1  # whatever Keras has counted up to
    with pytest.raises(ValueError, match=f"another configuration .*{message}") as error:
        fit(photographs, tmp_path, model=functional(**change))
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


def test_a_model_from_a_file_is_the_same_and_names_do_not_count(tmp_path):
    model = functional()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert identity.of_model(loaded) == identity.of_model(model) == identity.of_model(functional())
    sequential = [
        keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3, name=name, activation=kind)], name=name)
        for name, kind in (("a", "relu"), ("b", "relu"), ("c", "tanh"))
    ]
    one, other, another = map(identity.of_model, sequential)
    assert one == other != another


def test_a_policy_is_no_name():
    one, other = (
        identity.of_model(keras.Sequential([keras.Input((4,)), layers.Dense(2, dtype=dtype)]))
        for dtype in ("float32", "mixed_bfloat16")
    )
    assert one != other


def test_a_model_without_a_configuration_is_known_by_its_variables():
    class Own(keras.Model):
        def __init__(self, width):
            super().__init__()
            self.dense = layers.Dense(width)
            self.dense.build((None, 4))
            self.built = True

        def call(self, x):
            return self.dense(x)

        def get_config(self):
            raise NotImplementedError

    assert identity.of_model(Own(2)) == identity.of_model(Own(2)) != identity.of_model(Own(3))


@pytest.mark.skipif(BACKEND == "torch", reason="one of the two others is enough")
def test_resumed_with_an_equal_degrade_the_bits_are_those_of_one_run(photographs, tmp_path):
    def run(folder, seed=0, **options):
        keras.utils.set_random_seed(seed)
        model = dn.models.DiffNet(1, 1, 2)
        trained = fit(photographs, folder, scaled(0.5), model, validate_every=4, save_every=2, noise=0.01, **options)
        return trained, [ops.convert_to_numpy(v) for v in (*model.variables, *model.optimizer.variables)]

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    whole = run(tmp_path / "whole")
    assert run(tmp_path / "stopped", callbacks=[Stop()])[0].steps < 4
    resumed = run(tmp_path / "stopped", seed=9)
    assert resumed[0].history == whole[0].history
    for mine, theirs in zip(resumed[1], whole[1], strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_images_on_another_scale_are_refused(photographs, tmp_path, untrained):
    images = dn.data.GrayImages((255 * photographs[:4, ..., 0]).astype("uint8") // 2)
    options = {"steps": 4, "checkpoint_dir": tmp_path, "verbose": False, "problem": "denoise", "noise": 0.1}
    dn.training.fit(dn.models.DiffNet(1, 1, 2), images.in_white(), RECIPE, **options)
    with pytest.raises(ValueError, match="scale"):
        dn.training.fit(dn.models.DiffNet(1, 1, 2), images, RECIPE, **options)


def test_the_recipe_is_recorded_as_in_older_checkpoints(photographs):
    def recorded(recipe):
        images = dn.data.GrayImages(photographs[..., 0])
        return identity.configuration(dn.models.DiffNet(1, 1, 2), recipe, 1, 1, images, None, {"degrade": None}, ())

    assert "refresh_every" not in recorded(dn.recipes.get("fast"))["recipe"]
    slower = dn.training.Recipe(optimizer="soap", refresh_every=100)
    assert recorded(slower)["recipe"]["refresh_every"] == 100


def test_a_recipe_sets_how_often_soap_updates_its_eigenvectors():
    from diffnet_tf.training import recipes

    slower = dn.training.Recipe(optimizer="soap", refresh_every=100)
    assert recipes.optimizer(slower, 10).refresh_every == 100
    assert recipes.optimizer(dn.recipes.get("fast"), 10).refresh_every == 25
    with pytest.raises(ValueError, match="only SOAP"):
        dn.training.Recipe(refresh_every=100)
