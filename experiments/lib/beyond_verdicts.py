"""What the records say to each question beyond the paper: one function a kind of claim.

Each raises FileNotFoundError where there is no record. NumPy only.
"""

from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.evaluation import statistics
from experiments.lib import records
from experiments.lib.verdicts import NOT_REPRODUCED, PARTIAL, REPRODUCED, Check, Finding, provenance

CLOSE = 0.3  # dB
ENOUGH = {"UNet": ("paper",)}  # budgets after which a network is near its best; of others "cpu", too
COVERED = 0.02  # how far a coverage may be from the one of a calibrated ensemble


# ---- One network for all noise ---------------------------------------------------------------------------------------


def one_for_all(network: str, reference: str) -> Check:
    """A network for all levels of noise is within 0.3 dB of a specialist at each, on identical images."""

    def check(root: Path) -> Finding:
        record, arrays = records.load(root / "all-noise")
        ours, others = (_levels(record, arrays, kind) for kind in (network, reference))
        gaps = {level: float((psnr - others[level]).mean()) for level, psnr in ours.items() if level in others}
        if not gaps:
            raise FileNotFoundError("no run of both")
        close = sum(gap >= -CLOSE for gap in gaps.values())
        verdict = REPRODUCED if close == len(gaps) else PARTIAL if 2 * close >= len(gaps) else NOT_REPRODUCED
        listed = ", ".join(f"{gap:+.2f} at {100 * level:g} %" for level, gap in sorted(gaps.items()))
        budgets = {run["budget"] for run in record["runs"] if run["network"] in (network, reference)} - {"preset"}
        ours_n = len(next(iter(ours.values())))
        steps = ("/".join(f"{n:,}" for n in _steps(record, kind)) for kind in (network, reference))
        text = f"at {close} of {len(gaps)} levels; dB: {listed}; steps: {' against '.join(steps)}"
        return Finding(text, verdict, ours_n, **provenance(record, budget="/".join(sorted(budgets))))

    return check


def _steps(record: dict[str, Any], network: str) -> list[int]:
    """The numbers of steps that networks of one kind were trained for, each once."""
    return sorted({run["steps"] for run in record["runs"] if run["network"] == network})


def above_unet(network: str) -> Check:
    """A network for all levels of noise is above the U-Net that was trained for one, on identical images."""

    def check(root: Path) -> Finding:
        record, arrays = records.load(root / "all-noise")
        ours = _levels(record, arrays, network)
        unets = {unet["noise"]: unet for unet in record["unets"] if unet["noise"] in ours}
        if not unets:
            raise FileNotFoundError("no U-Net that was measured on the same images")
        found = {noise: (ours[noise], arrays[f"psnr_unet-{noise:g}"]) for noise in sorted(unets)}
        holds = [statistics.paired(mine, theirs)[1] > 0 for mine, theirs in found.values()]
        # A U-Net that was given little time says little about its best.
        long = all(unet["budget"] in ("cpu", "paper") for unet in unets.values())
        verdict = NOT_REPRODUCED if not any(holds) else REPRODUCED if long and all(holds) else PARTIAL
        budgets = {run["budget"] for run in record["runs"] if run["network"] == network}
        text = ", ".join(
            f"{mine.mean():.2f} against {theirs.mean():.2f} dB at {100 * noise:g} % "
            f"(U-Net: {unets[noise]['steps']:,} steps)"
            for noise, (mine, theirs) in found.items()
        )
        return Finding(
            text, verdict, len(next(iter(ours.values()))), **provenance(record, budget="/".join(sorted(budgets)))
        )

    return check


def _levels(record: dict[str, Any], arrays: dict[str, Array], network: str) -> dict[float, Array]:
    """σ → PSNR of every image, of the networks of one kind."""
    found: dict[float, Array] = {}
    for run in record["runs"]:
        if run["network"] == network:
            found |= dict(zip(run["levels"], arrays[f"psnr_{run['name']}"]))
    return found


# ---- Uncertainty -----------------------------------------------------------------------------------------------------


def ensemble_gain(root: Path) -> Finding:
    """The mean of the members is nearer to the truth than they are, by more than chance over the images."""
    record, arrays = records.load(root / "ensemble")
    gain = arrays["psnr_ensemble"] - arrays["psnr_members"].mean(axis=0)
    verdict = REPRODUCED if gain.mean() > 2 * gain.std() / np.sqrt(len(gain)) else NOT_REPRODUCED
    text = f"{gain.mean():+.2f} ± {gain.std():.2f} dB over a member's mean of {arrays['psnr_members'].mean():.2f}"
    return Finding(text, verdict, len(gain), **provenance(record))


def ensemble_coverage(name: str) -> Check:
    """Two spreads cover as many errors as those of a calibrated ensemble of that size: "as_it_is" or "rescaled"."""

    def check(root: Path) -> Finding:
        record, _ = records.load(root / "ensemble")
        found, nominal = record[name], record["nominal_coverage"]
        verdict = REPRODUCED if abs(found["coverage"] - nominal) <= COVERED else NOT_REPRODUCED
        text = f"{100 * found['coverage']:.1f} % for {100 * nominal:.1f} %; RMS error {found['rms_error']:.4f}, "
        text += f"spread {found['rms_spread']:.4f}"
        text += f" (× {found['factor']:.2f})" if found["factor"] != 1 else ""
        return Finding(text, verdict, record["results"]["ensemble"]["n"], **provenance(record))

    return check


def ensemble_ranks(root: Path) -> Finding:
    """Where the spread is large, so is the error: rank correlation over pixels."""
    record, _ = records.load(root / "ensemble")
    pixels, images = record["rank_correlation"], record["image_rank_correlation"]
    verdict = REPRODUCED if pixels >= 0.5 else PARTIAL if max(pixels, images) >= 0.5 else NOT_REPRODUCED
    text = f"rank correlation {pixels:.2f} over pixels, {images:.2f} over images"
    return Finding(text, verdict, record["results"]["ensemble"]["n"], **provenance(record))


# ---- The comparison --------------------------------------------------------------------------------------------------


def compared(noise: float, ours: str, *others: str) -> Check:
    """DiffNet minus others on identical pairs: every interval above 0.

    "Partial" where something trained had fewer than 3 seeds or fewer steps than budget `cpu`, the U-Net than `paper`:
    after the minutes of `cpu` it is far from its best, see Figures 8 and 9.

    Args:
        noise: σ of the task.
        ours: "DiffNet", trained as the others, or "long", the one of Figure 6 or 7.
        others: rows of the comparison; "told" or "untold" stands for the best classical one that is told the diffusion
            or is not.
    """

    def check(root: Path) -> Finding:
        record, arrays = records.load(root / "comparison")
        rows = next(task["rows"] for task in record["tasks"] if task["noise"] == noise)
        kinds = {kind: [name for name, row in rows.items() if row["kind"] == kind] for kind in ("told", "untold")}

        def values(name: str) -> Array:
            if f"psnr_{noise:g}_{name}" not in arrays:
                raise FileNotFoundError(f"no run of {name}")
            return arrays[f"psnr_{noise:g}_{name}"]

        holds, texts, trained = [], [], [name for name in (ours, *others) if name not in ("long", *kinds)]
        for other in others:
            name = max(kinds[other], key=lambda n: values(n).mean(), default=other) if other in kinds else other
            mean, low, high = statistics.paired(values(ours), values(name))
            holds.append(low > 0)
            texts.append(f"{mean:+.2f} ({low:+.2f} to {high:+.2f}) against {rows[name]['label']}")
        few = any(len(values(name)) < 3 for name in trained)
        few = few or any(rows[name]["budget"] not in ENOUGH.get(name, ("cpu", "paper")) for name in trained)
        verdict = NOT_REPRODUCED if not any(holds) else PARTIAL if few or not all(holds) else REPRODUCED
        steps = ", ".join(f"{rows[name]['label']} {rows[name]['steps']:,}" for name in trained)
        text = f"dB: {'; '.join(texts)}" + (f"; steps: {steps}" if trained else f"; {rows[ours]['steps']:,} steps")
        budget = "/".join(sorted({rows[name]["budget"] for name in trained}))
        used = {**record, "runs": [rows[name] for name in trained]}
        return Finding(text, verdict, values(ours).shape[1], **provenance(used, budget=budget or record["budget"]))

    return check
