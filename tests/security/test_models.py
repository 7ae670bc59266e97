"""Models of others run no code and read no other files.

Every payload would change the canary, a file; that the payloads work is shown where they are let.
"""

import io
import json
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.files import model_files
from experiments.lib import records, weights
from tests.conftest import tensorflow_only
from tests.security.conftest import UNTOUCHED

pytestmark = tensorflow_only


def repacked(path, target, **changed):
    """A copy of a .keras file in which functions have changed the contents of members."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, changed[name](content) if name in changed else content)
    return target


@pytest.fixture
def with_lambda(tmp_path, canary):
    """A .keras file with a Lambda layer whose marshalled code writes to the canary."""
    harm = eval(f"lambda u: (__import__('pathlib').Path({str(canary)!r}).write_text('harmed'), u)[1]")
    image = keras.Input((None, None, 1))
    keras.Model(image, keras.layers.Lambda(harm, output_shape=(None, None, 1))(image)).save(tmp_path / "lambda.keras")
    canary.write_text(UNTOUCHED)
    return tmp_path / "lambda.keras"


def test_the_code_of_a_lambda_layer_is_not_run(with_lambda, tmp_path, capsys):
    with pytest.raises(ValueError, match="lambda.keras cannot be loaded as a model .*[Ll]ambda"):
        model_files.load(with_lambda)
    image_files_out = tmp_path / "out.npy"
    np.save(tmp_path / "in.npy", np.ones((8, 8), "float32"))
    for command in (
        ["restore", tmp_path / "in.npy", image_files_out, "--weights", with_lambda],
        ["train", tmp_path, "--source", "npy", "--out", tmp_path / "out.keras", "--init", with_lambda],
    ):
        np.save(tmp_path / "gray.npy", np.full((20, 48, 48), 9, "uint8"))
        assert main([str(argument) for argument in command]) == 2
        assert "lambda.keras cannot be loaded as a model" in capsys.readouterr().err


def test_its_code_would_run_without_safe_mode(with_lambda, canary):
    """Else the test above would show nothing."""
    keras.models.load_model(with_lambda, compile=False, safe_mode=False)(np.ones((1, 4, 4, 1)))
    assert canary.read_text() == "harmed"
    canary.write_text(UNTOUCHED)


def test_weights_of_experiments_are_opened_safely(with_lambda, tmp_path):
    folder = tmp_path / "fig06"
    record = dict.fromkeys(("experiment", "budget", "steps", "noise", "source", "data", "seed", "commit"), 0)
    records.save(folder, {**record, "recipe": {"name": "fast"}}, {"a": np.zeros(1)})
    with_lambda.rename(folder / records.MODEL)
    with pytest.raises(ValueError, match="model.keras cannot be loaded as a model"):
        weights.find("fig06", tmp_path)


def harmful(module, name, config, registered=None):
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


CONFIGURATIONS = {
    "os.system": lambda c: harmful("os", "system", {"command": f"echo harmed > {c}"}),
    "os.system as a function": lambda c: harmful("os", "function", "system", "system"),
    "exec of builtins": lambda c: harmful("builtins", "function", "exec", "exec"),
    "pickle.loads": lambda c: harmful("pickle", "loads", {"data": "x"}),
    "a function of Keras that fetches files": lambda c: harmful("keras.utils", "get_file", {"origin": f"file://{c}"}),
    "a function inside of Keras": lambda c: harmful(
        "keras.src.utils.python_utils", "func_load", {"code": "x", "defaults": None, "closure": None}
    ),
    "a registered name that is none": lambda c: harmful("keras.layers", "Dense", {"units": 1}, "os>system"),
    "a SavedModel": lambda c: harmful("keras.layers", "TFSMLayer", {"filepath": str(c.parent)}),
    "a lambda as activation": lambda c: harmful(
        "keras.layers",
        "Activation",
        {"activation": harmful("builtins", "__lambda__", {"value": {"class_name": "__bytes__", "config": {}}})},
    ),
    "a module beside the file": lambda c: harmful("planted", "Layer", {}),
    "a module of a name that Keras trusts": lambda c: harmful("keras_nlp", "Layer", {}),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_names_no_code(name, canary, tmp_path, monkeypatch, network):
    """Neither as the model nor as a layer of it, nor by a module that lies where Python looks for modules."""
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("planted", "keras_nlp"):
        (tmp_path / f"{module}.py").write_text(f"open({str(canary)!r}, 'w').write('harmed')")
    monkeypatch.setattr("os.system", lambda command: canary.write_text("harmed"))
    configuration = CONFIGURATIONS[name](canary)
    model_files.save(network, tmp_path / "good.keras")
    inside = {"name": "s", "layers": [configuration]}
    for whole in (configuration, harmful("keras", "Sequential", inside)):
        bad = repacked(
            tmp_path / "good.keras",
            tmp_path / "bad.keras",
            **{"config.json": lambda _, whole=whole: json.dumps(whole).encode()},
        )
        with pytest.raises(ValueError, match="bad.keras cannot be loaded as a model"):
            model_files.load(bad)
        assert canary.read_text() == UNTOUCHED
        assert not {"planted", "keras_nlp"} & sys.modules.keys()


def with_dataset(change):
    """A function that changes the first kernel in a file of weights."""

    def changed(content):
        buffer = io.BytesIO(content)
        with h5py.File(buffer, "r+") as file:
            names = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            (name,) = [name for name in names if file[name].shape == (3, 3, 1, 4)]
            del file[name]
            change(file, name)
        return buffer.getvalue()

    return changed


def external_link(secret):
    return with_dataset(lambda file, name: file.__setitem__(name, h5py.ExternalLink(secret, "kernel")))


def external_data(secret):
    layout = [(secret, 0, 4 * 36)]
    return with_dataset(lambda file, name: file.create_dataset(name, (3, 3, 1, 4), "float32", external=layout))


def soft_link(secret):
    return with_dataset(lambda file, name: file.__setitem__(name, h5py.SoftLink("/elsewhere")))


def virtual_data(secret):
    layout = h5py.VirtualLayout((3, 3, 1, 4), "float32")
    layout[...] = h5py.VirtualSource(secret, "kernel", (3, 3, 1, 4))
    return with_dataset(lambda file, name: file.create_virtual_dataset(name, layout))


@pytest.fixture
def secret(tmp_path):
    """A file that others should not read: HDF5, and the bytes of 36 numbers."""
    path = tmp_path / "secret.h5"
    with h5py.File(path, "w") as file:
        file["kernel"] = np.full((3, 3, 1, 4), 7, "float32")
        file["imagesInput"] = np.ones((20, 96, 96), "float32")
    return str(path)


@pytest.mark.parametrize("kind", [external_link, external_data, soft_link, virtual_data])
def test_weights_do_not_read_other_files(kind, secret, tmp_path, network):
    model_files.save(network, tmp_path / "good.keras")
    bad = repacked(tmp_path / "good.keras", tmp_path / "bad.keras", **{"model.weights.h5": kind(secret)})
    with pytest.raises(ValueError, match="bad.keras cannot be loaded as a model .*"):
        model_files.load(bad)


@pytest.mark.parametrize("kind", ["link", "data", "virtual"])
def test_matlab_files_do_not_read_other_files(kind, secret, tmp_path):
    with h5py.File(tmp_path / "a.mat", "w") as file:
        if kind == "link":
            file["imagesInput"] = h5py.ExternalLink(secret, "imagesInput")
        elif kind == "data":
            file.create_dataset("imagesInput", (20, 8, 8), "uint8", external=[(secret, 0, 1280)])
        else:
            layout = h5py.VirtualLayout((20, 96, 96), "float32")
            layout[...] = h5py.VirtualSource(secret, "imagesInput", (20, 96, 96))
            file.create_virtual_dataset("imagesInput", layout)
    with pytest.raises(ValueError, match="a.mat "):
        dn.data.load_images("mat", tmp_path)


def test_a_model_that_unpacks_to_far_more_is_refused(tmp_path, network):
    model_files.save(network, tmp_path / "good.keras")
    with zipfile.ZipFile(tmp_path / "good.keras", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/more", bytes(50_000_000))
    with pytest.raises(ValueError, match=r"cannot be loaded as a model \(it unpacks to 50,.* far more than"):
        model_files.load(tmp_path / "good.keras")


@pytest.mark.parametrize("suffix", [".h5", ".hdf5", ".pkl", ".pt"])
def test_other_formats_of_models_are_not_opened(tmp_path, suffix):
    (tmp_path / f"model{suffix}").write_bytes(b"")
    with pytest.raises(ValueError, match=f"ends in '{suffix}'; expected a model saved as .keras"):
        model_files.load(tmp_path / f"model{suffix}")
