"""The pictures of an experiment: one, or several that answer a question each. NumPy and Matplotlib only.

`draw`, `caption` and `alt` of an experiment give a figure and two texts, or for several pictures a dict each, by the
stems of their files; the first one's is `MAIN`.
"""

from pathlib import Path

from diffnet_tf import figures
from experiments.lib import captions, records

MAIN = Path(records.FIGURE).stem


def save(experiment, folder):
    """Draw all pictures of an experiment from the record in a folder, its budget below them: a list of their paths."""
    folder = Path(folder)
    record, arrays = records.load(folder)
    paths = []
    for stem, figure in _by_stem(experiment.draw(record, arrays)).items():
        if stamp := budget(experiment, record):
            figures.below(figure, stamp, color="0.4")
        paths.append(folder / f"{stem}.png")
        figures.save(figure, paths[-1])
    return paths


def budget(experiment, record):
    """The line below a picture that names the budget and its steps; "" where a budget changes nothing."""
    if not hasattr(experiment, "BUDGETS") or "budget" not in record:
        return ""
    if "/" in record["budget"]:  # as `verdicts.budgets` joins them
        return "Several budgets."
    steps = f", {captions.count(record['steps'], 'step')}" if isinstance(record.get("steps"), int) else ""
    return f"Budget {record['budget']}{steps}." if steps[2:] != record["budget"] else f"Budget {record['budget']}."


def told(experiment, record):
    """The texts of each picture: a list of (stem, caption, alt text)."""
    texts, alts = (_by_stem(of(record)) for of in (experiment.caption, experiment.alt))
    return [(stem, texts[stem], alts[stem]) for stem in texts]


def text(experiment, record):
    """All captions, one on each line."""
    return "\n".join(caption for _, caption, _ in told(experiment, record))


def _by_stem(found):
    return found if isinstance(found, dict) else {MAIN: found}
