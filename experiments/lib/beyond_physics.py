"""What the records of `generalisation` and `physics` say: checks as in `beyond_verdicts`. NumPy only."""

from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.evaluation import statistics
from experiments.lib import records
from experiments.lib.verdicts import NOT_REPRODUCED, PARTIAL, REPRODUCED, Check, Finding, provenance

BEST = 150.0  # dB: the rounding of float32. What is better, or perfect, counts as this.
SEEDS = 3  # without as many trainings of both, a difference between networks is one of chance, too
BORDER = 1.0  # dB that the border of a crop may cost
BLIND = 1.0  # dB that not knowing λ may cost


# ---- Generalisation --------------------------------------------------------------------------------------------------


def ahead(preset: str) -> Check:
    """A preset is ahead of the fixed point on every picture of every kind, each the mean of its crops."""

    def check(root: Path) -> Finding:
        record, arrays = records.load(root / "generalisation")
        ours, theirs = (np.minimum(arrays[f"{preset}_{name}"], BEST) for name in ("diffnet", "fixed_point"))
        gains: dict[str, dict[str, list[float]]] = {}  # of the crops of every picture of a group
        for crop, gain in zip(record["crops"], ours - theirs):
            gains.setdefault(crop["group"], {}).setdefault(crop["picture"], []).append(float(gain))
        texts, holds = [], 0
        for group, pictures in gains.items():
            means = [float(np.mean(values)) for values in pictures.values()]
            ahead = sum(mean > 0 for mean in means)
            holds += ahead == len(means)
            texts.append(
                f"{group} {np.mean(means):+.1f}" + f" (ahead on {ahead} of {len(means)})" * (ahead < len(means))
            )
        verdict = REPRODUCED if holds == len(texts) else PARTIAL if 2 * holds >= len(texts) else NOT_REPRODUCED
        return Finding(f"dB: {', '.join(texts)}", verdict, sum(map(len, gains.values())), **provenance(record))

    return check


def large(root: Path) -> Finding:
    """Whole pictures of 512×512 are restored as well as their crops of 96×96."""
    record, _ = records.load(root / "generalisation")
    gaps = [row["diffnet_whole"] - row["diffnet_crops"] for rows in record["large"].values() for row in rows]
    verdict = REPRODUCED if max(map(abs, gaps)) <= BORDER else NOT_REPRODUCED
    text = f"{min(gaps):+.2f} to {max(gaps):+.2f} dB, {len(record['large'])} presets"
    return Finding(text, verdict, len(gaps), **provenance(record))


def other(setting: str) -> Check:
    """The preset still gains on diffusions that it was not trained on: "contrast" or "steps"."""

    def check(root: Path) -> Finding:
        record, _ = records.load(root / "generalisation")
        rows = record[setting]
        gains = {row["value"]: row["diffnet"]["psnr"]["mean"] - row["degraded"]["psnr"]["mean"] for row in rows}
        holds = sum(gain > 0 for gain in gains.values())
        verdict = REPRODUCED if holds == len(gains) else PARTIAL if 2 * holds >= len(gains) else NOT_REPRODUCED
        text = ", ".join(f"{gain:+.1f} at {value:g}" for value, gain in gains.items())
        return Finding(f"dB: {text}", verdict, record["test_images"], **provenance(record))

    return check


# ---- Further physics -------------------------------------------------------------------------------------------------


def compared(ours: str, theirs: str) -> Check:
    """A network is ahead of another on the same images, by more than their spread explains: "partial" of one seed."""

    def check(root: Path) -> Finding:
        record, arrays = records.load(root / "physics")
        (_, mine), (_, other) = (_psnr(record, arrays, name) for name in (ours, theirs))
        difference, low, high = statistics.paired(mine[0], other[0])
        seeds = min(len({run["seed"] for run in record["runs"] if run["name"] == name}) for name in (ours, theirs))
        verdict = NOT_REPRODUCED if low <= 0 else REPRODUCED if seeds >= SEEDS else PARTIAL
        text = f"{difference:+.2f} dB ({low:+.2f} to {high:+.2f}): {mine[0].mean():.2f} against {other[0].mean():.2f}"
        text += f"; {seeds} seed{'s' * (seeds > 1)}"
        return Finding(text, verdict, mine.shape[1], **provenance(record, budget=_steps(record, ours, theirs)))

    return check


def longer(reference: str) -> Check:
    """At every T the network that is best on validation images is ahead of a classical inverse.

    Args:
        reference: "fixed-point" or "stepwise".
    """

    def check(root: Path) -> Finding:
        record, arrays = records.load(root / "physics")
        runs = [run for run in record["runs"] if run["part"] == "time"]
        found = {}
        for time in sorted({run["time"] for run in runs}):
            learned = [run for run in runs if run["time"] == time and run["method"] == "DiffNet"]
            if learned and f"psnr_time-{time:g}-{reference}" in arrays:
                best = max(learned, key=lambda run: run["validation_psnr"])
                found[time] = (arrays[f"psnr_{best['name']}"][0], arrays[f"psnr_time-{time:g}-{reference}"][0])
        if not found:
            raise FileNotFoundError("no run of both")
        holds = sum(statistics.paired(mine, told)[1] > 0 for mine, told in found.values())
        verdict = REPRODUCED if holds == len(found) else PARTIAL if holds else NOT_REPRODUCED
        text = ", ".join(
            f"T = {time:g}: {mine.mean():.1f} against {told.mean():.1f} dB" for time, (mine, told) in found.items()
        )
        images = arrays[f"psnr_{runs[0]['name']}"].shape[-1]
        return Finding(
            text, verdict, images, **provenance(record, budget=_steps(record, *(run["name"] for run in runs)))
        )

    return check


def blind(reference: str) -> Check:
    """Where λ is what another network was trained on, one network for every λ is within a decibel of that."""

    def check(root: Path) -> Finding:
        record, arrays = records.load(root / "physics")
        (levels, mine), (_, other) = (_psnr(record, arrays, f"contrast-{name}") for name in ("blind", reference))
        gaps = dict(zip(levels, (mine - other).mean(axis=1)))
        verdict = REPRODUCED if gaps[0.2] >= -BLIND else NOT_REPRODUCED
        text = ", ".join(f"{gap:+.1f} at {level:g}" for level, gap in gaps.items())
        budget = _steps(record, "contrast-blind", f"contrast-{reference}")
        return Finding(f"dB: {text}", verdict, mine.shape[1], **provenance(record, budget=budget))

    return check


def _psnr(record: dict[str, Any], arrays: dict[str, Array], name: str) -> tuple[list[float], Array]:
    """λ of the test images and PSNR of every image, (levels, n), of a run."""
    for run in record["runs"]:
        if run["name"] == name:
            return [result["contrast"] for result in run["results"]], np.atleast_2d(arrays[f"psnr_{name}"])
    raise FileNotFoundError(f"no run {name}")


def _steps(record: dict[str, Any], *names: str) -> str:
    """The budgets of the trainings among these runs."""
    budgets = {run["budget"] for run in record["runs"] if run["name"] in names and run["method"] == "DiffNet"}
    return "/".join(sorted(budgets))
