"""What the records say to each claim of the paper: one function a kind of claim, from a results folder to a `Finding`.

Each raises FileNotFoundError where there is no record. NumPy and the standard library only.
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from diffnet_tf.base.types import Array
from diffnet_tf.evaluation import statistics
from experiments.lib import records

REPRODUCED, PARTIAL, NOT_REPRODUCED, NOT_RUN = "reproduced", "partial", "not reproduced", "not run"
BATCH = 16  # of the authors' PSNR
PARAMETERS = {"DiffNet": 101_310, "FilterEstimator": 20_261, "UNet": 34_512_705}

Record = dict[str, Any]
Check = Callable[[Path], "Finding"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What the records say to a claim: our value with its spread and number n of samples, verdict and provenance."""

    ours: str
    verdict: str
    n: int | None = None
    budget: str = ""
    data: str = ""
    commit: str = ""


def interval(psnr: Array, low: Array, high: Array, draws: int = 2_000) -> tuple[float, float, float]:
    """The authors' PSNR, mean over batches, and its bootstrap interval over images.

    Args:
        psnr: PSNR of every image, range 1: (n,).
        low, high: extremes of every target image, (n,).
        draws: bootstrap samples.

    Returns:
        (value in dB, lower end, upper end).
    """
    error, low, high = 10.0 ** (-np.asarray(psnr, float) / 10.0), np.asarray(low, float), np.asarray(high, float)

    def value(chosen: Array) -> float:
        batches = [chosen[i : i + BATCH] for i in range(0, len(chosen), BATCH)]
        ranges = np.array([high[b].max() - low[b].min() for b in batches])
        return np.mean(20.0 * np.log10(ranges) - 10.0 * np.log10([error[b].mean() for b in batches]))

    return statistics.bootstrap(value, len(error), draws=draws)


def provenance(record: Record, **more: str) -> dict[str, Any]:
    """Where a finding comes from: budget, data and commit of a record, or others in their place.

    Of an experiment of many trainings the commit is that of the trainings, not that of gathering them.
    """
    data = f"{record['data']} → {record['test_data']}" if record["source"] != "none" else ""
    commits = [run["commit"][:7] for run in record.get("runs", ()) if run.get("commit")] or [record["commit"] or ""]
    first, *others = dict.fromkeys(commits)
    commit = first[:7] + (f" and {len(others)} more" if others else "")
    return {"budget": record["budget"], "data": data, "commit": commit, **more}


def at_most(record: Record, verdict: str) -> str:
    """A verdict on test images: "reproduced" becomes "partial" where they are not STL-10's, by their folder's name."""
    named = record["data"] if record["test_data"] == "its test split" else record["test_data"]
    return PARTIAL if verdict == REPRODUCED and "stl10" not in f"{named}".lower() else verdict


def parameters(name: str, network: str) -> Check:
    """The number of parameters of a network, exactly."""

    def check(root: Path) -> Finding:
        record, _ = records.load(root / name)
        verdict = REPRODUCED if record["parameters"] == PARAMETERS[network] else NOT_REPRODUCED
        return Finding(f"{record['parameters']:,}", verdict, **provenance(record, budget=""))

    return check


def parameter_ratio(root: Path) -> Finding:
    """DiffNet's parameters in per cent of the U-Net's, to two digits."""
    record, _ = records.load(root / "fig08")
    ratio = record["parameters"]["diffnet"] / record["parameters"]["unet"]
    verdict = REPRODUCED if f"{100 * ratio:.2f}" == "0.29" else NOT_REPRODUCED
    unet = record["parameters"]["unet"]
    return Finding(f"{100 * ratio:.2f} % of {unet:,}", verdict, **provenance(record, budget="", data=""))


def psnr(name: str, paper: float) -> Check:
    """A mean PSNR of the test set: at least the paper's, on images of STL-10."""

    def check(root: Path) -> Finding:
        record, arrays = records.load(root / name)
        value, lower, upper = interval(arrays["psnr_diffnet"], arrays["target_low"], arrays["target_high"])
        verdict = NOT_REPRODUCED if upper < paper else REPRODUCED
        words = ", equal within uncertainty" if lower <= paper <= upper else ""
        per_image = record["results"]["diffnet"]["psnr"]
        ours = f"{value:.2f} dB ({lower:.2f}–{upper:.2f}){words}; "
        ours += f"per image {per_image['mean']:.2f} ± {per_image['std']:.2f}"
        return Finding(ours, at_most(record, verdict), per_image["n"], **provenance(record))

    return check


def one_image(name: str) -> Check:
    """Figures 8 and 9: both networks on one image, which is not the paper's."""

    def check(root: Path) -> Finding:
        record, arrays = records.load(root / name)
        ours = ", ".join(
            f"{label} {arrays[f'psnr_{method}'][record['image']]:.2f} dB"
            for method, label in (("diffnet", "DiffNet"), ("unet", "U-Net"))
        )
        return Finding(f"another image: {ours}", PARTIAL, 1, **provenance(record))

    return check


def deconvolution(root: Path) -> Finding:
    """Figure 5: train and test PSNR, on other disks than the paper's."""
    record, _ = records.load(root / "fig05")
    train, test = (record["results"][split]["authors_psnr"] for split in ("train", "test"))
    verdict = PARTIAL if min(train["mean"], test["mean"]) >= record["paper_psnr"] else NOT_REPRODUCED
    ours = f"train {train['mean']:.2f}, test {test['mean']:.2f} ± {test['std']:.2f} dB, on our own disks"
    return Finding(ours, verdict, test["n"], **provenance(record))


def opposite_signs(root: Path) -> Finding:
    """The share of pixels where the centre filter has the opposite sign of the others."""
    record, _ = records.load(root / "fig05")
    shares = record["opposite_signs"]
    verdict = REPRODUCED if min(shares) >= 0.9 else PARTIAL if max(shares) >= 0.9 else NOT_REPRODUCED
    ours = f"in {', '.join(f'{100 * share:.0f}' for share in shares)} % of the pixels at edges, layer by layer"
    return Finding(ours, verdict, len(shares), **provenance(record))


def difference(problem: str, noise: float, paper: float) -> Check:
    """DiffNet's PSNR minus the U-Net's with all training images is within 1 dB of the paper's.

    Networks that were given less time than the paper's say little about their best: then "partial", either way.
    """

    def check(root: Path) -> Finding:
        record, _ = records.load(root / "fig10")
        found: dict[str, dict[int, list[Record]]] = {}
        for run in record["runs"]:
            if run["task"] == {"problem": problem, "noise": noise}:
                found.setdefault(run["network"], {}).setdefault(run["size"], []).append(run)
        most = max((size for sizes in found.values() for size in sizes), default=0)
        if any(most not in found.get(network, {}) for network in ("DiffNet", "UNet")):
            raise FileNotFoundError("no run of both networks with all images")
        ours, theirs = (found[network][most] for network in ("DiffNet", "UNet"))
        mean, other = (np.mean([run["results"]["authors_psnr"]["mean"] for run in runs]) for runs in (ours, theirs))
        difference, budgets = mean - other, {run["budget"] for run in (*ours, *theirs)}
        close = abs(difference - paper) <= 1.0
        verdict = PARTIAL if budgets != {"paper"} else REPRODUCED if close else NOT_REPRODUCED
        steps = ", ".join(f"{runs[0]['steps']:,}" for runs in (ours, theirs))
        text = f"{difference:+.1f} dB ({mean:.2f} − {other:.2f}; steps: {steps}), {most:,} images"
        used = {**record, "runs": [*ours, *theirs]}
        return Finding(text, verdict, len(ours), **provenance(used, budget="/".join(sorted(budgets))))

    return check


def few_images(root: Path) -> Finding:
    """DiffNet without noise: 300 to 1,000 images do as well as all to 0.5 dB, and fewer do not."""
    record, _ = records.load(root / "fig10")
    runs = [
        run
        for run in record["runs"]
        if run["network"] == "DiffNet" and run["task"] == {"problem": "inverse", "noise": 0.0}
    ]
    sizes: dict[int, list[float]] = {}
    for run in runs:
        sizes.setdefault(run["size"], []).append(run["results"]["psnr"]["mean"])
    few = [size for size in sizes if 300 <= size <= 1_000]
    if not few or max(sizes) <= 1_000:
        raise FileNotFoundError("no runs with 300 to 1,000 images and with more")
    means = {size: float(np.mean(values)) for size, values in sorted(sizes.items())}
    enough = {size: mean >= means[max(sizes)] - 0.5 for size, mean in means.items()}
    budgets = {run["budget"] for run in runs}
    # After few steps, more images could not yet have paid.
    long = budgets <= {"cpu", "paper"} and not enough[min(sizes)]
    verdict = NOT_REPRODUCED if not all(enough[size] for size in few) else REPRODUCED if long else PARTIAL
    ours = ", ".join(f"{mean:.2f} dB with {size:,}" for size, mean in means.items())
    ours += "; even the fewest are enough" if enough[min(sizes)] else ""
    seeds = min(len(sizes[size]) for size in few)
    return Finding(ours, verdict, seeds, **provenance({**record, "runs": runs}, budget="/".join(sorted(budgets))))


def mean_free(root: Path) -> Finding:
    record, _ = records.load(root / "fig11")
    means = [float(np.mean(level)) for level in record["mean_modulus"]]
    # Two claims in one: that it grows, and that there is next to none to begin with.
    grows, mean_free = means == sorted(means), means[0] < 0.1 * means[-1]
    verdict = REPRODUCED if grows and mean_free else PARTIAL if grows else NOT_REPRODUCED
    ours = ", ".join(f"{value:.2g}" for value in means)
    return Finding(f"mean modulus of δt Σ ζ: {ours} for 0, 0.1, 1 % noise", verdict, 1, **_weights(record))


def wider_edges(root: Path) -> Finding:
    """Figure 12: the width of the edges in the centre filters grows with the noise, on average and in every layer."""
    record, arrays = records.load(root / "fig12")
    layers = np.array([[edge_width(image) for image in level] for level in arrays["filters"]])  # (noise, layer)
    widths, wider = layers.mean(axis=1), layers[-1] > layers[0]
    verdict = NOT_REPRODUCED if (np.diff(widths) < 0).any() else REPRODUCED if wider.all() else PARTIAL
    ours = ", ".join(f"{width:.2f}" for width in widths)
    text = f"edge width {ours} pixels for 0, 0.1, 1 % noise; wider in {wider.sum()} of {len(wider)} layers"
    return Finding(text, at_most(record, verdict), 1, **_weights(record))


def edge_width(image: Array) -> float:
    """How wide the lines and spots of an image are, in pixels: standard deviation over root mean square slope."""
    slope = np.mean([np.mean(np.diff(image, axis=axis) ** 2) for axis in (0, 1)])
    return float(image.std() / np.sqrt(slope))


def _weights(record: Record) -> dict[str, str]:
    budgets = "/".join(sorted({source["budget"] for source in record["weights"]}))
    return provenance(record, budget=budgets, data=f"{record['weights'][0]['data']} → {record['test_data']}")


def smoothing(root: Path) -> Finding:
    """Figure 13: smoothing and noise are in the same order."""
    record, _ = records.load(root / "fig13")
    correlation = record["rank_correlation"]
    verdict = REPRODUCED if correlation is not None and correlation >= 0.9 else NOT_REPRODUCED
    return Finding(
        f"rank correlation {correlation:.2f}", at_most(record, verdict), len(record["levels"]), **provenance(record)
    )


def training_time(root: Path) -> Finding:
    """Minutes to the paper's PSNR on two cores, per image: half a decibel more, the difference to the authors' unit."""
    paths = sorted((root / "benchmarks" / "recipes").glob("fast-63.72dB-?.json"))
    if not paths:
        raise FileNotFoundError("no trainings")
    runs = [json.loads(path.read_text()) for path in paths]
    minutes = [run["seconds"] / 60 for run in runs]
    psnr = min(run["test_psnr"]["mean"] for run in runs)
    verdict = REPRODUCED if psnr >= 63.72 + 0.5 and max(minutes) <= 75 else NOT_REPRODUCED
    time = f"{np.median(minutes):.1f} min ({min(minutes):.1f}–{max(minutes):.1f}) of 2 CPU cores"
    ours = f"{time} to {psnr:.2f} dB per image"
    first = runs[0]
    return Finding(
        ours, verdict, len(runs), "benchmark", f"{first['data']} → {first['test_data']}", (first["commit"] or "")[:7]
    )
