"""The estimates of the diffusion: the network is the same in Keras and in NumPy; what is measured, and packaged."""

import json

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.files import model_files
from diffnet_tf.restoration import diffusion
from experiments import diffusion_estimates as experiment
from experiments.lib import diffusion_measured as measured
from experiments.lib import diffusion_network as network
from tests.conftest import ROOT, slow
from tests.experiments import fakes
from tests.small_experiments import execute, options


def test_the_package_computes_what_was_trained():
    """NumPy against Keras, for any weights and sizes; parts of an image count as one."""
    keras.utils.set_random_seed(0)
    model, rng = network.network(), np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(np.asarray(weight) + 0.1 * rng.normal(size=weight.shape))
    images = rng.random((2, 41, 50)).astype("float32")
    wanted = np.asarray(model(images[..., None])) * network.SPREAD + network.MIDDLE
    arrays = network.weights(model)
    found = [diffusion.output([image], arrays) for image in images]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(diffusion.output([images[0]] * 3, arrays), wanted[0], rtol=1e-4, atol=1e-4)


def test_examples_have_the_settings_beside_them():
    images = dn.data.load_images("skimage", split="test", limit=3)
    pairs = network.pairs(images, batch_size=3, shuffle=False, epochs=1, seed=5)
    diffused, true = network.separate(pairs[0][0])
    for image, clean, (contrast, time, sigma) in zip(diffused, images, true):
        again = np.asarray(dn.diffusion.per_image(clean[None], contrast, time))[0, ..., 0]
        np.testing.assert_allclose(np.std(image - again), sigma, rtol=0.05)
        assert 0.1 <= contrast <= 0.4 and 0.2 <= time <= 1 and 0.001 <= sigma <= 0.05
    shares, settings = network.in_shares(diffused, true)
    largest = diffused.max(axis=(1, 2))
    np.testing.assert_allclose(shares.max(axis=(1, 2)), 1)
    np.testing.assert_allclose(settings, true / np.stack([largest, np.ones(3), largest], axis=-1), rtol=1e-6)


def test_errors_are_relative_and_the_best_product_is_found():
    """λ is wrong by a factor, T by its inverse: λ·T is right."""
    rng = np.random.default_rng(0)
    true = rng.uniform(0.1, 0.4, size=(2, 50, 3))
    wrong = np.exp(rng.normal(size=(2, 50, 1)))
    arrays = {"true": true, "estimate": true * np.concatenate([wrong, 1 / wrong, 0 * wrong + 1.1], axis=-1)}
    found = measured.results(arrays | {"noise": 0.9 * true[..., 2]})
    assert found["noise"]["median_error"] == pytest.approx(0.1)
    assert found["noise"]["median_error_of_estimate_noise"] == pytest.approx(0.1)
    assert found["contrast"]["median_error"] == pytest.approx(np.median(np.abs(wrong - 1)))
    assert found["together"]["correlation"] == pytest.approx(-1)
    best, worst = found["together"]["powers"]
    assert best == pytest.approx([0.7071, 0.7071]) and worst == pytest.approx([-0.7071, 0.7071])
    assert found["together"]["spreads"][0] == 0


@slow
def test_its_record(tmp_path):
    fakes.part(tmp_path, "inverse-any", {"name": "inverse-any", "steps": 7, "budget": "cpu", "recipe": fakes.FAST})
    model = dn.models.ConditionedDiffNet(1, 1, 2, start=1)
    model_files.save(model, tmp_path / "inverse-any/runs/inverse-any.keras")
    record, arrays = execute(experiment, tmp_path)
    assert record["training"]["steps"] == 4 and record["undone_by"]["steps"] == 7
    assert arrays["estimate"].shape == arrays["true"].shape == (experiment.DRAWS, 4, 3)
    assert {arrays[f"psnr_{name}"].shape for name in ("given", "auto", "middle")} == {(9, 4)}
    assert arrays["psnr_given"].mean() > arrays["psnr_middle"].mean()
    assert len(experiment.draw(record, arrays).axes) == 3
    assert network.package(tmp_path, tmp_path) == tmp_path / "diffusion-estimate.npz"
    packaged = diffusion._weights(tmp_path / "diffusion-estimate.json")
    given, _ = experiment.weights(options(experiment, tmp_path))
    assert packaged.keys() == given.keys() and all((packaged[key] == given[key]).all() for key in given)


def test_without_a_training_there_is_nothing_to_package_or_gather(tmp_path):
    assert network.package(tmp_path, tmp_path) is None
    with pytest.raises(FileNotFoundError, match="Train it first: --only estimator"):
        experiment.weights(options(experiment, tmp_path))
    with pytest.raises(FileNotFoundError, match="no part 'guesses'"):
        experiment.gather([{"name": "estimator", "steps": 1}], tmp_path)


def test_the_card_of_the_package_is_that_of_the_record():
    card = json.loads(diffusion.CARD.read_text())
    record = json.loads((ROOT / "results/diffusion-estimates/record.json").read_text())
    assert card["training"]["steps"] == record["training"]["steps"]
    assert diffusion.CARD.with_suffix(".npz").stat().st_size < 500_000
    assert {name: tuple(ends) for name, ends in card["ranges"].items()} == diffusion.RANGES
