"""Pictures: what is said of each, how it is read on a phone, what is stamped on it, and the cover of the README."""

import json

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from diffnet_tf import figures
from experiments import render, tradeoff
from experiments.lib import captions, cover, example, page, pictures, records, registry
from tests.conftest import ROOT

RESULTS = ROOT / "results"
RECORDED = render.recorded(RESULTS)
PROVENANCE = ("budget", "seed 0.", "commit", "stands in for")


@pytest.mark.parametrize("name", registry.names())
def test_each_picture_is_described(name):
    """A caption of three lines at most without provenance; an alt text that is neither title nor caption again."""
    experiment = registry.get(name)  # refuses one without an alt text
    if name not in RECORDED:
        return
    record = records.load(RESULTS / name)[0]
    for _, caption, alt in pictures.told(experiment, record):
        assert caption.startswith(record["title"]) and len(caption) <= 300, len(caption)
        assert not any(word in caption.lower() for word in PROVENANCE)
        assert len(alt) > 60 and alt != caption and not alt.startswith(record["title"])
        assert "  " not in caption + alt and (caption + alt).count("\n") == 0


@pytest.mark.parametrize("name", RECORDED)
def test_pictures_are_read_on_a_phone(name):
    """Text has at least 8 points, no picture is too wide for a phone, and captions have at most three lines."""
    drawn = registry.get(name).draw(*records.load(RESULTS / name))
    for stem, figure in (drawn if isinstance(drawn, dict) else {pictures.MAIN: drawn}).items():
        assert figure.get_size_inches()[0] <= figures.WIDTH + 0.05
        small = [text for text in figure.findobj(Text) if text.get_text() and text.get_fontsize() < 8]
        assert not small, [text.get_text() for text in small]
        caption = next(text for text in figure.texts if text.get_gid() == figures.BELOW).get_text()
        assert caption.count("\n") < 3, caption
        assert (RESULTS / name / f"{stem}.png").exists(), "python -m experiments.render draws it"


def test_other_experiments_are_described_too():
    """One of which the project has no record."""
    run = {"layers": 5, "depth": 4, "parameters": 101_310, "steps": 9, "results": {"psnr": {"mean": 60.0, "n": 7}}}
    record = {"title": "Layers and depth", "runs": [run]}
    assert "5 layers of depth 4 at 60.0 dB" in tradeoff.alt(record) and "of 7 test images" in tradeoff.caption(record)


def test_where_a_record_comes_from():
    record = {"data": "a", "test_data": "b", "budget": "cpu", "steps": 1_200, "training_images": 30, "seed": 2}
    record |= {"recipe": {"batch_size": 8, "crop": 24}, "commit": "0123456789"}
    expected = "images a → b; budget cpu; 1,200 steps of 8 crops of 24×24; 30 training images; seed 2; commit 0123456"
    assert captions.provenance(record) == expected
    assert captions.provenance({"source": "none", "commit": "0123456789"}) == "read off the model; commit 0123456"
    assert captions.provenance({}) == ""


def test_the_budget_is_stamped_on_a_picture_and_cut_off_in_the_page(tmp_path):
    """Below the caption; a page that shows both as text shows the picture without them."""
    fig07 = registry.get("fig07")
    record, arrays = records.load(RESULTS / "fig07")
    assert pictures.budget(fig07, record) == "Budget cpu, 30,000 steps."
    assert pictures.budget(fig07, {**record, "budget": "600 steps", "steps": 600}) == "Budget 600 steps."
    assert pictures.budget(fig07, {**record, "budget": "20 steps/30 steps"}) == "Several budgets."
    assert pictures.budget(registry.get("fig04"), record) == ""  # it has none
    figure = fig07.draw(record, arrays)
    height = figure.get_size_inches()[1]
    figures.below(figure, "one line")
    caption, stamp = (text for text in figure.texts if text.get_gid() == figures.BELOW)
    assert stamp.get_position()[1] < caption.get_position()[1] - 3 * figures.LINE
    assert figure.get_size_inches()[1] == pytest.approx(height + figures.LINE + figures.GAP)
    figures.save(figure, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as image:
        below = int(image.info[figures.CAPTION_PIXELS])
        assert below == pytest.approx(figures.DPI * (4 * figures.LINE + 2 * figures.GAP), abs=1)
        pixels = np.asarray(image.convert("L"))
    assert (pixels[-below:] < 128).any(axis=1).sum() > 40 and pixels[-below - 4 : -below].min() > 250
    assert len(page._inline(tmp_path / "figure.png")) == 2


# ---- The cover -------------------------------------------------------------------------------------------------------


def test_the_cover_is_wide_small_and_described(tmp_path):
    path = cover.write(RESULTS, tmp_path / "pictures" / "cover.png")
    with Image.open(path) as drawn, Image.open(cover.PATH) as kept:
        assert drawn.size == kept.size and drawn.width == 1600
    assert max(path.stat().st_size, cover.PATH.stat().st_size) < 400_000
    found = cover.load(RESULTS)
    psnr = found[1]["psnr_diffnet"][found[2]["image"]]
    for text in (cover.alt(*found), cover.caption(*found)):
        assert f"{psnr:.1f} dB" in text


def test_the_cover_shows_one_image(tmp_path):
    """Filters of another image than those of Figure 7 are refused; without records there is no cover."""
    record, arrays, filters, centre = cover.load(RESULTS)
    with pytest.raises(ValueError, match="fig12 has no filters of an image of fig07"):
        cover.draw(record, arrays, {**filters, "image": 5}, centre)
    assert cover.load(tmp_path) is None
    with pytest.raises(FileNotFoundError, match="lacks a record of fig07 or fig12"):
        cover.write(tmp_path)
    assert render.main(["cover", "--results_dir", str(tmp_path)]) == 2


def test_the_example_shows_pixels_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    images = {name: rng.integers(0, 256, (20, 30, 3), "uint8") for name in ("before", "after")}
    records.save(tmp_path / example.EXPERIMENT, {}, images)
    with Image.open(example.write(tmp_path, tmp_path / "pictures" / "example.png")) as drawn:
        pixels = np.asarray(drawn.convert("RGB"))
    assert (pixels[:, :30] == images["before"]).all() and (pixels[:, -30:] == images["after"]).all()
    assert (pixels[:, 30:-30] == 255).all() and pixels.shape == (20, 60 + example.GAP, 3)
    records.save(tmp_path / example.EXPERIMENT, {}, {})
    with pytest.raises(FileNotFoundError, match="holds no photograph of a camera"):
        example.write(tmp_path)
    assert render.main(["example", "--results-dir", str(tmp_path)]) == 2


def test_the_committed_example_is_that_of_the_record(tmp_path):
    path = example.write(RESULTS, tmp_path / "example.png")
    assert path.read_bytes() == example.PATH.read_bytes() and path.stat().st_size < 500_000


def test_a_damaged_record_leaves_the_page_without_a_cover(tmp_path):
    (tmp_path / "fig07").mkdir()
    for name in ("fig07", "fig12"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / records.RECORD).write_text(json.dumps({}))
    assert page._lead(tmp_path) == ""
