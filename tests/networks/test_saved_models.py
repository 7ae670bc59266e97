"""Models saved by earlier commits load in a fresh process, and are the networks that they were.

The files in before_the_move/ were written when all modules lay flat in the package. outputs.npz holds the image `x`
and what each network then made of it.
"""

import numpy as np

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
    u = x if loaded.input_shape[-1] == 1 else np.concatenate([x, 0 * x + 0.01], axis=-1)
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
