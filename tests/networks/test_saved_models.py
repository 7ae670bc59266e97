"""Models saved by earlier commits load in a fresh process, and are the networks that they were.

The files in before_the_move/ were written when all modules lay flat in the package. outputs.npz holds the image `x`
and what each network then made of it.
"""

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.files import model_files
from tests.conftest import ROOT, run_python, tensorflow_only

EARLIER = ROOT / "tests" / "networks" / "before_the_move"
# Results whose weights are those of a preset.
PRESETS = {
    "fig05": "deconvolution",
    "fig06": "inverse",
    "fig07": "inverse-1pct",
    "forward": "forward",
    "inverse-0.1pct": "inverse-0.1pct",
}
# Loads each file; writes its output, that of a network made now with its weights, and that of a preset.
LOAD = """
import socket, sys
def refuse(*arguments): raise AssertionError("a connection was opened")
socket.socket.connect = refuse
import keras, numpy as np
import diffnet_tf
x = np.load(sys.argv[1])["x"]
outputs = {}
for argument in sys.argv[3:]:
    path, preset = argument.split("=")
    loaded = keras.models.load_model(path)
    made = type(loaded).from_config(loaded.get_config())
    channels = loaded.input_shape[-1]  # gray, gray and σ, or colour and σ
    u = x if channels == 1 else np.concatenate([np.repeat(x, channels - 1, axis=-1), 0 * x + 0.01], axis=-1)
    made(u)
    made.set_weights(loaded.get_weights())
    networks = {"loaded": loaded, "made": made}
    if preset:
        networks["preset"] = diffnet_tf.from_preset(preset)
    for name, network in networks.items():
        outputs[f"{path} {name}"] = keras.ops.convert_to_numpy(network(u))
np.savez(sys.argv[2], **outputs)
"""


def preset(path):
    """The preset of the same weights, or nothing. Other seeds lie deeper in results/."""
    return PRESETS.get(path.parent.name, "") if path.parent.parent == ROOT / "results" else ""


@tensorflow_only
def test_saved_models_are_what_they_were(tmp_path):
    """After `import diffnet_tf` alone, without a way out of the machine.

    Those of results/ are the presets of the same weights, to the bit.
    """
    saved, results = sorted(EARLIER.glob("*.keras")), sorted((ROOT / "results").rglob("*.keras"))
    assert len(saved) == 6 and PRESETS.keys() < {path.parent.name for path in results}
    arguments = [f"{path}={preset(path)}" for path in saved + results]
    run_python(LOAD, EARLIER / "outputs.npz", tmp_path / "out.npz", *arguments)
    with np.load(tmp_path / "out.npz") as found, np.load(EARLIER / "outputs.npz") as before:
        for path in saved + results:
            loaded = found[f"{path} loaded"]
            np.testing.assert_array_equal(loaded, found[f"{path} made"], err_msg=str(path))
            if path in saved:
                np.testing.assert_allclose(loaded, before[path.stem], atol=1e-6, err_msg=str(path))
            if preset(path):
                np.testing.assert_array_equal(loaded, found[f"{path} preset"], err_msg=str(path))


@pytest.fixture(scope="module")
def compiled():
    """DiffNet as `fit` leaves it, with SOAP, but for the training."""
    model = dn.models.DiffNet()
    model.compile(dn.recipes.optimizer(dn.recipes.get("fast"), 10), dn.metrics.NormLoss(), metrics=[dn.metrics.PSNR()])
    model.optimizer.build(model.trainable_variables)
    return model


WAYS = {
    "save": lambda model, path: model.save(path),
    "model_files": model_files.save,
    "ModelCheckpoint": lambda model, path: _checkpoint(model, path),
}


def _checkpoint(model, path):
    callback = keras.callbacks.ModelCheckpoint(path, save_freq="epoch")
    callback.set_model(model)
    callback.on_epoch_end(0, {})


@pytest.mark.parametrize("way", WAYS)
def test_a_saved_model_is_its_weights_without_the_optimiser(compiled, tmp_path, way):
    """101,310 parameters in 0.5 MB, not in 11.5; and the model can be trained on as if it had not been saved."""
    path, optimizer = tmp_path / "model.keras", compiled.optimizer
    WAYS[way](compiled, path)
    assert 4 * 101_310 < path.stat().st_size < 520_000
    assert compiled.compiled and compiled.optimizer is optimizer and len(compiled.metrics) == 2
    loaded = keras.models.load_model(path)
    assert not loaded.compiled
    for mine, theirs in zip(loaded.get_weights(), compiled.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_optimiser_is_saved_when_it_is_asked_for(compiled, tmp_path):
    compiled.save(tmp_path / "model.keras", include_optimizer=True)
    assert (tmp_path / "model.keras").stat().st_size > 11e6
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.compiled and type(loaded.optimizer) is type(compiled.optimizer)


def test_the_file_is_that_of_a_model_that_was_never_compiled(compiled, tmp_path):
    """To the bit: results that are made again stay as they are."""
    bare = dn.models.DiffNet.from_config(compiled.get_config())
    bare.set_weights(compiled.get_weights())
    for name, model in (("compiled", compiled), ("bare", bare)):
        model_files.save(model, tmp_path / f"{name}.keras")
    assert (tmp_path / "compiled.keras").read_bytes() == (tmp_path / "bare.keras").read_bytes()


def test_another_model_of_keras_leaves_its_optimiser_out_too(tmp_path):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(64)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model_files.save(model, tmp_path / "a.keras")
    model.save(tmp_path / "b.keras")
    sizes = [(tmp_path / f"{name}.keras").stat().st_size for name in "ab"]
    assert sizes[0] < sizes[1] - 4_000 and model.compiled
