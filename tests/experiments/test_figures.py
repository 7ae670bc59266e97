"""The experiments behind the figures, with small networks: what they record is true, and what they draw is that."""

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from experiments import (
    fig01_linear_network,
    fig02_diffnet,
    fig03_estimator,
    fig04_deconvolution,
    fig05_deconvolution_layers,
    fig08_one_image,
    fig11_filter_sums,
    fig12_centre_filters,
)
from experiments.lib import architecture, deconvolution, filters, records, seeds, weights
from tests.conftest import slow, tensorflow_only
from tests.small_experiments import execute, options, small

pytestmark = tensorflow_only


def texts(figure):
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


# ---- Figures 1–3: the networks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("experiment", "parameters", "words"),
    [
        (
            fig01_linear_network,
            3 * (5 * 96 * 96 + 1),
            ["diffusion1 to 3", "× 3", "ζ: 96 × 96 × 5", "46,080 parameters"],
        ),
        (
            fig02_diffnet,
            101_310,
            ["diffusion1 to 5", "× 5", "FilterEstimator", "20,261 parameters", "n × h × w × 1", "relu"],
        ),
        (
            fig03_estimator,
            20_261,
            ["conv2 and conv3", "× 2", "conv4", "3 × 3 × 32 × 5", "no activation", "9,248 parameters", "n × h × w × 5"],
        ),
    ],
)
def test_networks_are_drawn_from_the_model_objects(experiment, parameters, words, tmp_path):
    record, arrays = execute(experiment, tmp_path)
    assert record["parameters"] == parameters
    figure = experiment.draw(record, arrays)
    for word in words:
        assert word in texts(figure), word
    assert f"{parameters:,} parameters in total" in figure.texts[0].get_text().replace("\n", " ")


def test_another_network_makes_another_drawing():
    description = architecture.describe(dn.models.DiffNet(num_layers=2, estimator_depth=5, width=16))
    figure = architecture.draw("", {"title": "", **description}, {})
    assert "diffusion1 and diffusion2" in texts(figure) and "× 2" in texts(figure) and "diffusion3" not in texts(figure)
    assert f"{dn.layers.FilterEstimator(5, 16)(np.ones((1, 8, 8, 1))).shape[-1]}" in texts(figure)
    inner = [block["estimator"]["parameters"] for block in description["blocks"] if "estimator" in block]
    assert 2 * (inner[0] + 1) == description["parameters"] and f"{inner[0]:,} parameters" in texts(figure)


# ---- Figures 4 and 5: deconvolution ----------------------------------------------------------------------------------


def test_disks_are_disks():
    """Constant inside, 0 outside, of the radius that their area and their extent both give, away from the border."""
    images = dn.data.disks(50, seed=3).pixels
    radii, contrasts = [], []
    for image in images:
        rows, columns = np.nonzero(image)
        assert len(np.unique(image)) == 2 and image.min() == 0
        assert min(rows.min(), columns.min()) >= 3 and max(rows.max(), columns.max()) <= 60
        radius = np.sqrt(len(rows) / np.pi)
        assert np.ptp(rows) + 1 == pytest.approx(2 * radius, abs=1.5)
        assert np.ptp(columns) + 1 == pytest.approx(2 * radius, abs=1.5)
        radii.append(radius)
        contrasts.append(image.max())
    assert 3.5 < min(radii) < 6 and 18 < max(radii) < 20.5
    assert 0.2 <= min(contrasts) < 0.3 and 0.9 < max(contrasts) <= 1
    assert np.array_equal(images, dn.data.disks(50, seed=3).pixels)
    assert not np.array_equal(images[0], dn.data.disks(1, seed=4).pixels[0])


def test_disks_keep_their_contrast_in_pairs():
    disks = dn.data.disks(4)
    _, targets = dn.data.paired_arrays(disks)
    np.testing.assert_array_equal(targets[..., 0], disks.pixels)
    with pytest.raises(ValueError, match=r"expected float32 in \[0, 1\] with scaled=False"):
        dn.data.GrayImages(np.full((1, 8, 8), 2.0, "float32"), scaled=False)


def test_the_blur_is_convolution_with_a_gaussian(tmp_path):
    """Variance 2T = 2: against SciPy's Gaussian filter on the same reflected boundary."""
    from scipy import ndimage

    record, arrays = execute(fig04_deconvolution, tmp_path)
    expected = ndimage.gaussian_filter(arrays["disk"].astype("float64"), np.sqrt(2 * deconvolution.TIME), truncate=8)
    assert np.abs(arrays["blurred"] - expected).max() < 0.02  # sampling a Gaussian is not sampling its spectrum
    assert record["psnr"] == pytest.approx(-10 * np.log10(np.mean((arrays["blurred"] - arrays["disk"]) ** 2)), abs=1e-3)


@slow
def test_what_layers_do_to_a_disk_adds_up(tmp_path, monkeypatch):
    """Every state follows from the one before and the shown filters; the output is the last one's positive part."""
    monkeypatch.setattr(deconvolution, "TRAIN", 24)
    monkeypatch.setattr(deconvolution, "TEST", 20)
    record, arrays = execute(fig05_deconvolution_layers, tmp_path)
    state = arrays["blurred"][None, ..., None]
    for estimated, expected in zip(arrays["filters"], arrays["states"]):
        state = state + np.asarray(dn.stencil.apply(state, estimated[None]))
        np.testing.assert_allclose(state[0, ..., 0], expected, atol=1e-5)
    np.testing.assert_allclose(np.maximum(state[0, ..., 0], 0), arrays["output"], atol=1e-5)
    assert record["source"] == "disks" and len(record["opposite_signs"]) == 3
    assert record["results"]["test"]["psnr"]["n"] == 20 and record["results"]["train"]["psnr"]["n"] == 24


# ---- Figures 8 and 9: one image --------------------------------------------------------------------------------------


def test_one_image_shows_what_was_measured(trained):
    record, arrays = execute(fig08_one_image, trained, image=2)
    assert record["image"] == 2 and record["weights"]["experiment"] == "fig06"
    for method in ("diffnet", "unet"):
        psnr = dn.metrics.psnr(arrays["target"][None, ..., None], arrays[method][None, ..., None])
        assert arrays[f"psnr_{method}"][2] == pytest.approx(float(psnr[0]), rel=1e-5)
    assert record["parameters"]["unet"] == small("UNet", None).count_params()
    assert not (trained / "fig08" / records.MODEL).exists()


def test_missing_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "COMMITTED", tmp_path / "none")
    with pytest.raises(
        FileNotFoundError, match="No trained weights fig06/model.keras in .*: run that experiment first"
    ):
        fig08_one_image.compute(options(fig08_one_image, tmp_path))


# ---- Figures 11 and 12: filters --------------------------------------------------------------------------------------


def test_filter_sums_are_what_a_layer_makes_of_a_constant(trained):
    record, arrays = execute(fig11_filter_sums, trained)
    model = keras.models.load_model(trained / "fig07" / records.MODEL)
    u = arrays["inputs"][2][None, ..., None]
    ones = np.ones_like(u)
    for layer, shown in zip(model.diffusion_layers, arrays["filters"][2]):
        expected = float(layer.time_step.numpy()) * np.asarray(dn.stencil.apply(ones, layer.filters(u)))
        np.testing.assert_allclose(shown, expected[0, ..., 0], atol=1e-6)
        u = layer(u)
    assert [source["noise"] for source in record["weights"]] == [0.0, 0.001, 0.01]


def test_centre_filters_are_the_first(trained):
    record, arrays = execute(fig12_centre_filters, trained)
    model = keras.models.load_model(trained / "fig06" / records.MODEL)
    filters = model.filters(arrays["inputs"][0][None, ..., None])
    np.testing.assert_allclose(arrays["filters"][0][1], model.time_steps[1] * filters[1][0, ..., 0], atol=1e-6)
    assert record["std"][0][1] == pytest.approx(arrays["filters"][0][1].std(), rel=1e-5)


def of_seed(root, seed, **changes):
    """Copies of the networks of a folder with other weights, as if they had been trained from another seed."""
    for name in filters.NAMES:
        record, _ = records.load(root / name)
        keras.utils.set_random_seed(100 + seed)
        records.save(seeds.folder(root, seed) / name, {**record, "seed": seed, **changes}, {})
        dn.models.DiffNet(2, 2, 4).save(seeds.folder(root, seed) / name / records.MODEL)


def test_filters_of_all_seeds_that_have_the_three_networks(trained):
    alone, arrays = execute(fig11_filter_sums, trained)
    assert alone["seeds"] == [0] and alone["mean_modulus"] == alone["of_seeds"][0]["mean_modulus"]
    for seed in (2, 1, 3):
        of_seed(trained, seed)
    of_seed(trained, 4, steps=7)  # of another length
    (seeds.folder(trained, 3) / "fig07" / records.MODEL).unlink()  # not finished
    record, again = execute(fig11_filter_sums, trained)
    assert record["seeds"] == [0, 1, 2] == [of["seed"] for of in record["of_seeds"]]
    np.testing.assert_array_equal(again["filters"], arrays["filters"])  # the picture is of seed 0
    assert record["of_seeds"][0] == alone["of_seeds"][0]
    model = keras.models.load_model(seeds.folder(trained, 2) / "fig07" / records.MODEL)
    sums = [
        dt * np.asarray(f).sum(axis=-1)
        for dt, f in zip(model.time_steps, model.filters(again["inputs"][2][None, ..., None]))
    ]
    of = record["of_seeds"][2]
    np.testing.assert_allclose(of["mean_modulus"][2], [np.abs(s).mean() for s in sums], rtol=1e-4)
    np.testing.assert_allclose(of["mean"][2], [s.mean() for s in sums], rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(of["edge_width"][2], [filters.edge_width(s[0]) for s in sums], rtol=1e-4)
    assert [source["seed"] for source in of["weights"]] == [2, 2, 2]
    assert "Shown: seed 0 of 3." in fig11_filter_sums.caption(record)


def test_a_flat_image_has_no_edges():
    assert filters.edge_width(np.ones((4, 4))) == 0.0
