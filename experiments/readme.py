"""Put the tables of README and docs between their marks, from the records: python -m experiments.readme

`TABLES` says which table stands on which page. Pictures of records get the alt texts of their experiments. A test fails
when a page is behind.
"""

import functools
import re
from pathlib import Path

import numpy as np

from benchmarks import exports, long_times, recompute, report
from diffnet_tf import files
from diffnet_tf.evaluation import benchmark
from diffnet_tf.files import reading
from diffnet_tf.networks import cards, precision, presets
from experiments import any_noise
from experiments.lib import (
    captions,
    colour_figure,
    comparison_figure,
    denoise_card,
    denoise_figure,
    diffusion_figure,
    front,
    given_figure,
    jobs,
    ledger,
    ledger_tables,
    pictures,
    records,
    registry,
    reproduction,
    seeds,
)

DOCS = Path("docs")
LEDGERS = {"claims": ledger.PAPER, "beyond": ledger.BEYOND}
EXAMPLE = "Fig. 7", "inverse, 1 % noise: test PSNR is close to the paper's"
QUESTIONS = {  # experiment beyond the paper → its page in docs/beyond
    "comparison": "fair-comparison.md",
    "denoise": "denoise.md",
    "denoise-stencils": "denoise.md",
    "any-noise": "any-noise.md",
    "inverse-any": "inverse-any.md",
    "diffusion-estimates": "diffusion-estimates.md",
    "denoise-colour": "denoise-colour.md",
    "all-noise": "all-noise.md",
    "learned-operator": "learned-operator.md",
    "locality": "locality.md",
    "generalisation": "generalisation.md",
    "physics": "physics.md",
    "longer-times": "longer-times.md",
    "ensemble": "uncertainty.md",
    "conservative": "conservative.md",
}
_PICTURE = re.compile(r"!\[[^]]*\]\((?P<path>(?:\.\./)+results/(?P<name>[\w.-]+)/(?P<stem>figure[\w-]*)\.png)\)")
ROUND = str.maketrans("[]", "()")  # brackets in an alt text
SAMPLES = ("fig06", "fig07", "inverse-0.1pct", "forward")  # in the order of the table


def refreshed(text, results, tables):
    """A text with each table as the records under `results` have it.

    Args:
        text: of a page.
        results: folder.
        tables: name → function of that folder, those of a page in `TABLES`.

    Raises:
        ValueError: a table has no place: `<!-- name -->` before it and `<!-- /name -->` behind.
    """
    for name, make in tables.items():
        table = make(results)
        place = re.search(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", text, re.DOTALL)
        if not place:
            raise ValueError(f"The text has no place for the table '{name}': <!-- {name} --> … <!-- /{name} -->.")
        text = text[: place.start()] + table + "\n" + text[place.end() :]
    return text


def described(text, results):
    """A text in which each picture of a record has the alt text that its experiment gives it.

    Args:
        text: of a page.
        results: folder.
    """

    def said(match):
        record, _ = records.load(Path(results) / match["name"])
        alts = {stem: alt for stem, _, alt in pictures.told(registry.get(match["name"]), record)}
        return f"![{alts[match['stem']].translate(ROUND)}]({match['path']})"

    return _PICTURE.sub(said, text)


def presets_table():
    """What the presets that come with the package do, from their cards."""
    columns = ("preset", "what it does", "from", "to, mean ± std", "bfloat16 inside", "measured on")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name in presets.list_presets():
        card = presets.card(name)
        before, after = (card["quality"][side] for side in ("input", "output"))
        cost = precision.cost(card, "bfloat16")
        half = "not measured" if cost is None else f"{-cost:+.2f} dB"
        lines.append(
            f"| `{name}` | {_task(card)} | {before['mean']:.2f} dB | {after['mean']:.2f} ± {after['std']:.2f} dB "
            f"| {half} | {card['quality']['data']}, {after['n']} images |"
        )
    return "\n".join(lines)


def samples(results):
    """What each method reaches on the test images: one row for each method of the experiments in `SAMPLES`."""
    lines = ["| mean ± std over the test images | PSNR per image | PSNR of the authors¹ | SSIM |"]
    lines.append("|---|---|---|---|")
    for name in SAMPLES:
        if (Path(results) / name / records.RECORD).exists():
            trained = [record for record, _ in seeds.trainings(name, results)]
            count = captions.count(len(trained), "seed")
            lines.append(f"| **{trained[0]['title']}**: {_task(trained[0])}, {count} |  |  |  |")
            lines += [_row(trained, method) for method in trained[0]["results"]]
    return "\n".join(lines)


def claims(of, results):
    """All of a ledger, section by section."""
    return ledger_tables.of_sections(of.reference, ledger_tables.rows(of, results))


def question(page, results):
    """The rows of the experiments beyond the paper that a page is about."""
    titles = [registry.get(name).TITLE for name, its_page in QUESTIONS.items() if its_page == page]
    rows = [row for row in ledger_tables.rows(ledger.BEYOND, results) if row.where in titles]
    return ledger_tables.excerpt(ledger.BEYOND.reference, rows)


def of_record(make, name, results):
    """What a function makes of the record of an experiment, or "Not run."."""
    if not (Path(results) / name / records.RECORD).exists():
        return "Not run."
    return make(records.load(Path(results) / name)[0])


def shown(name, results):
    """All pictures of an experiment, and the link to its record, for a page in docs/beyond; "Not run." without any."""

    def made(record):
        folder = f"../../results/{name}"
        told = pictures.told(registry.get(name), record)
        images = [f"![{said.translate(ROUND)}]({folder}/{stem}.png)" for stem, _, said in told]
        return "\n\n".join([*images, f"Numbers and settings are in the [record]({folder}/{records.RECORD})."])

    return of_record(made, name, results)


def questions(results):
    """How many goals of each question beyond the paper hold."""
    return ledger_tables.summary(
        ledger_tables.rows(ledger.BEYOND, results), {registry.get(name).TITLE: page for name, page in QUESTIONS.items()}
    )


def totals(of, results):
    """How many claims of a ledger hold, section by section, each with a link to its table on the same page."""
    rows = ledger_tables.rows(of, results)
    return ledger_tables.summary(rows, {title: "#" + _anchor(title) for title in ledger_tables.sections(rows)})


def example(results):
    """One claim of the paper, to explain how a row is read."""
    rows = [row for row in ledger_tables.rows(ledger.PAPER, results) if (row.where, row.claim.text) == EXAMPLE]
    return ledger_tables.claims(ledger.PAPER.reference, rows)


def _anchor(title):
    """What a page's heading is called in links."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def minutes():
    """What each experiment costs on two cores, one row for each script."""
    cells = [
        (f"`{script}`", *(jobs.in_words(jobs.minutes(name, budget)) for budget in ("quick", "cpu")))
        for name, script in registry.names().items()
    ]
    return ledger_tables.table(("script", "`quick`", "`cpu`"), cells)


def exported(results):
    """What exports cost in every runtime."""
    path = Path(results) / "benchmarks" / exports.NAME
    return exports.table(reading.json_object(path)) if path.exists() else "Not run."


def _task(record):
    if record["problem"] == "denoise":
        return f"removes noise, σ up to {255 * record['noise'][1]:.0f}/255; here σ = {denoise_card.SHOWN}/255"
    if given := cards.of_diffusion(record):
        (low, high), (first, last) = given["contrast"], given["time"]
        return f"inverse of any diffusion, λ {low:g} to {high:g}, T {first:g} to {last:g}; here 0.2 and 0.4, 1 % noise"
    if isinstance(record["noise"], list):  # of a network that is given σ
        low, high = (100 * sigma for sigma in record["noise"])
        return f"{record['problem']}, {low:g} to {high:g} % noise; here {captions.percent(any_noise.CARD)}"
    return f"{record['problem']}, {captions.percent(record['noise'])}"


def _row(trained, method):
    """The row of a method; for a network, means over seeds with the lowest and the highest."""
    record, iterations = trained[0], trained[0]["fixed_point_iterations"]
    minutes = [record["training_seconds"] / 60 for record in trained]
    label = {
        "degraded": "the network's input",
        "diffnet": f"DiffNet, {record['steps']:,} steps, {_range(minutes, '.0f')} min",
        "fixed_point": f"fixed point, {captions.count(iterations or 0, 'iteration')}",
    }[method]
    of = [record["results"][method] for record in trained]
    if method != "diffnet":
        of = of[:1]  # nothing is trained
    psnr, authors, ssim = ([each[kind]["mean"] for each in of] for kind in ("psnr", "authors_psnr", "ssim"))
    return (
        f"| {label} | {np.mean(psnr):.2f} ± {of[0]['psnr']['std']:.2f}{_of_seeds(psnr)} "
        f"| {np.mean(authors):.2f}{_of_seeds(authors)} | {np.mean(ssim):.5f} |"
    )


def _range(values, spec):
    low, high = (format(value, spec) for value in (min(values), max(values)))
    return low if low == high else f"{low}–{high}"


def _of_seeds(values):
    return f" ({_range(values, '.2f')})" if len(values) > 1 else ""


TABLES = {
    Path("README.md"): {"headline": front.headline},
    DOCS / "restore.md": {"presets": lambda results: presets_table()},
    DOCS / "experiments.md": {"minutes": lambda results: minutes(), "results": samples},
    DOCS / "ledgers.md": {
        "example": example,
        **{f"{name}-totals": functools.partial(totals, of) for name, of in LEDGERS.items()},
        **{name: functools.partial(claims, of) for name, of in LEDGERS.items()},
    },
    DOCS / "performance.md": {"performance": lambda results: report.table(Path(results) / "benchmarks")},
    **{DOCS / "beyond" / page: {"verdicts": functools.partial(question, page)} for page in QUESTIONS.values()},
    DOCS / "beyond" / "index.md": {"questions": questions},
    DOCS / "schemes.md": {"long-times": long_times.from_results},
    DOCS / "export.md": {"exports": exported},
    DOCS / "benchmark.md": {"benchmark": lambda results: benchmark.stored().markdown()},
    DOCS / "reproduction.md": {
        "summary": reproduction.summary,
        "failing": reproduction.failing,
        "protocols": reproduction.protocols,
        "costs": reproduction.costs,
    },
}

TABLES[DOCS / "beyond" / QUESTIONS["comparison"]]["comparison"] = functools.partial(
    of_record, comparison_figure.table, "comparison"
)
TABLES[DOCS / "beyond" / QUESTIONS["denoise"]] |= {
    "answer": functools.partial(of_record, denoise_figure.answer, "denoise"),
    "pictures": functools.partial(shown, "denoise"),
    "methods": functools.partial(of_record, denoise_figure.table, "denoise"),
    "search": functools.partial(of_record, denoise_figure.search_table, "denoise"),
    "stencils": functools.partial(shown, "denoise-stencils"),
}
TABLES[DOCS / "beyond" / QUESTIONS["inverse-any"]] |= {
    "pictures": functools.partial(shown, "inverse-any"),
    "settings": functools.partial(of_record, given_figure.table, "inverse-any"),
    "search": functools.partial(of_record, given_figure.search_table, "inverse-any"),
    "wrong": functools.partial(of_record, given_figure.wrong_table, "inverse-any"),
    "noiseless": functools.partial(of_record, given_figure.noiseless_table, "inverse-any"),
}
TABLES[DOCS / "beyond" / QUESTIONS["longer-times"]] |= {
    "recompute": recompute.table,
    "picture": functools.partial(shown, "longer-times"),
}
TABLES[DOCS / "beyond" / QUESTIONS["diffusion-estimates"]] |= {
    "pictures": functools.partial(shown, "diffusion-estimates"),
    "errors": functools.partial(of_record, diffusion_figure.table, "diffusion-estimates"),
    "times": functools.partial(of_record, diffusion_figure.times, "diffusion-estimates"),
    "together": functools.partial(of_record, diffusion_figure.together, "diffusion-estimates"),
    "noise": functools.partial(of_record, diffusion_figure.of_noise, "diffusion-estimates"),
    "others": functools.partial(of_record, diffusion_figure.others, "diffusion-estimates"),
}
TABLES[DOCS / "beyond" / QUESTIONS["denoise-colour"]] |= {
    "denoisers": functools.partial(of_record, colour_figure.table, "denoise-colour"),
    "cameras": functools.partial(of_record, colour_figure.camera_table, "denoise-colour"),
    "left": functools.partial(of_record, colour_figure.left_table, "denoise-colour"),
}


def pages():
    """All pages that show a table or a picture of the records, with their tables: path → those of `TABLES`."""
    return {path: TABLES.get(path, {}) for path in (Path("README.md"), *sorted(DOCS.rglob("*.md")))}


if __name__ == "__main__":
    for path, tables in pages().items():
        files.write_text(path, described(refreshed(path.read_text(), "results", tables), "results"))
