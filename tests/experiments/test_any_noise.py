"""One network for any noise, with σ given or estimated: what is measured, and what goes onto the preset's card."""

import json

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.files import model_files
from experiments import any_noise, presets
from experiments.lib import study
from tests.conftest import slow
from tests.experiments import fakes
from tests.small_experiments import execute


@pytest.fixture
def network(tmp_path):
    """A network as `all_noise` leaves it; its longest training counts."""
    keras.utils.set_random_seed(0)
    about = {"network": "conditioned", "seed": 0, "recipe": fakes.FAST, "training_images": 9, "training_seconds": 60.0}
    for steps in (5, 30, 7):
        part = {**about, "name": "conditioned", "steps": steps, "note": "", "versions": {}, "psnr": [[1.0]]}
        fakes.part(tmp_path, "all-noise", part, f"conditioned-{steps}")
        model = dn.models.DiffNet(2, 2, 4, initial_scale=steps / 100, noise_map=True)
        model_files.save(model, tmp_path / "all-noise/runs" / f"conditioned-{steps}.keras")
    return tmp_path


def test_the_longest_training_is_measured(network):
    model, training = any_noise.trained(network)
    assert training["steps"] == 30 and model.get_config()["initial_scale"] == 0.3
    with pytest.raises(FileNotFoundError, match="holds no training. Run python -m experiments.all_noise --only"):
        any_noise.trained(network / "nothing")


@slow
def test_its_record_makes_a_preset(network, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "_check_same", lambda *_: None)  # the made-up training is of other images
    record, arrays = execute(any_noise, network)
    assert arrays["estimate"].shape == arrays["psnr_auto"].shape == (8, 8) and len(record["constants"]) == 5
    means = [found["given"]["psnr"]["mean"] for found in record["results"].values()]
    np.testing.assert_allclose(arrays["psnr_given"].mean(1), means, atol=1e-3)
    folder = tmp_path / "weights"
    folder.mkdir()
    assert presets.main(["--results_dir", str(network), "--folder", str(folder)]) == 0
    card = json.loads((folder / "inverse-any-noise.json").read_text())
    assert card["noise"] == [0.0, 0.1] and card["network"]["noise_map"] is True
    assert set(card["quality"]["levels"]) == {f"{level:g}" for level in any_noise.LEVELS}
    assert (
        "&& python -m experiments.any_noise" in card["command"] and "--only conditioned --steps 30" in card["command"]
    )
    assert "if it is estimated" in (folder / "README.md").read_text()
    assert any_noise.draw(record, arrays).axes[0].get_ylabel() == "estimate / true σ"
