"""The page of results: complete, and on its own."""

import shutil
from html.parser import HTMLParser

import numpy as np

from experiments import render
from experiments.lib import ledger, page, pictures, records, registry
from tests.conftest import ROOT, slow


class Parser(HTMLParser):
    """Collects ids, what is loaded, links, and text; checks that tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.loaded, self.links, self.words, self.open = set(), [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in ("meta", "img", "link"):
            self.open.append(tag)
        self.ids.add(attributes.get("id"))
        self.loaded += [attributes[name] for name in ("src", "srcset") if name in attributes]
        self.links += [attributes["href"]] if "href" in attributes else []
        assert tag not in ("script", "iframe", "object") and not any(name.startswith("on") for name in attributes)
        assert tag != "img" or attributes["alt"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def check(text):
    parsed = Parser(text)
    assert parsed.loaded and all(source.startswith("data:image/webp;base64,") for source in parsed.loaded)
    assert all(link == "data:," or link[1:] in parsed.ids for link in parsed.links)
    assert "url(" not in text and "@import" not in text and len(text) < 5_000_000
    return parsed


@slow
def test_the_page_shows_every_record_and_claim(tmp_path):
    """Built from the committed records; their pictures are there."""
    root = tmp_path / "results"
    shutil.copytree(ROOT / "results", root, ignore=shutil.ignore_patterns("*.keras", "*.npz", "runs", "*.pdf"))
    for arrays in (ROOT / "results").glob("*/arrays.npz"):
        (root / arrays.relative_to(ROOT / "results")).symlink_to(arrays)
    names = render.recorded(root)
    parsed = check(page.write(root, names).read_text())
    assert {*names, "claims", "beyond"} <= parsed.ids
    several = sum(len(pictures.told(registry.get(name), records.load(root / name)[0])) for name in names)
    assert len(parsed.loaded) == 1 + several >= 1 + 23 + 2  # the cover first; one experiment has three
    said = " ".join(parsed.words)
    assert 0 < said.index("The paper's claims (") < said.index("Figure 1:") < said.index("does it hold?")
    assert said.count("From: ") == len(names)
    for each in (ledger.PAPER, ledger.BEYOND):
        for row in each.rows(root):
            assert row.claim.text in parsed.words and (row.finding.ours in parsed.words or not row.finding.ours)


def test_what_is_in_a_record_is_escaped(tmp_path):
    record = {"title": "<script>alert(1)</script>", "diffusion": {"time": 1.0}, "psnr": 30.0, "note": "a < b & c"}
    records.save(tmp_path / "fig04", record, {name: np.eye(64) for name in ("disk", "blurred")})
    render.refresh("fig04", tmp_path)
    parsed = check(page.write(tmp_path, ["fig04"]).read_text())
    assert any("a < b & c" in words for words in parsed.words)
    assert "<script>alert(1)</script>" in parsed.words


@slow
def test_a_damaged_record_hides_no_others(tmp_path):
    """Its part of the page says why."""
    record = {"title": "Made up", "diffusion": {"time": 1.0}, "psnr": 30.0}
    for name in ("fig04", "fig02", "fig03"):
        records.save(tmp_path / name, record, {name: np.eye(64) for name in ("disk", "blurred")})
    render.refresh("fig04", tmp_path)
    (tmp_path / "fig02" / records.RECORD).write_text("{")
    parsed = check(page.write(tmp_path, ["fig02", "fig03", "fig04"]).read_text())
    assert {"fig02", "fig03", "fig04"} <= parsed.ids and len(parsed.loaded) == 1
    text = " ".join(parsed.words)
    assert "fig02/record.json cannot be read as JSON" in text and ledger.BROKEN in parsed.words
