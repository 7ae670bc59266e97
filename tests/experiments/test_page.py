"""The page of results: complete, and on its own."""

from html.parser import HTMLParser

from experiments import fig04_deconvolution, render
from experiments.lib import ledger as verify
from experiments.lib import page
from tests.conftest import ROOT


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


def test_the_committed_page_shows_every_record_and_claim():
    text = (ROOT / "results" / page.NAME).read_text()
    parsed = check(text)
    recorded = [name for name in render.EXPERIMENTS if (ROOT / "results" / name / "record.json").exists()]
    assert set(recorded) <= parsed.ids and len(parsed.loaded) == len(recorded)
    for ledger in (verify.PAPER, verify.BEYOND):
        for claim, finding in ledger.found(ROOT / "results"):
            assert claim.text in parsed.words and (finding.ours in parsed.words or not finding.ours)


def test_what_is_in_a_record_is_escaped(tmp_path):
    import numpy as np

    from experiments.lib import records

    record = {"title": "<script>alert(1)</script>", "diffusion": {"time": 1.0}, "psnr": 30.0, "note": "a < b & c"}
    directory = tmp_path / "fig04"
    records.save(directory, record, {name: np.eye(64) for name in ("disk", "blurred")})
    render.render(fig04_deconvolution, directory)
    page.write(tmp_path, {"fig04": fig04_deconvolution})
    parsed = check((tmp_path / page.NAME).read_text())
    assert any("a < b & c" in words for words in parsed.words)
    assert "<script>alert(1)</script>" in parsed.words
