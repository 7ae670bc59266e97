"""What the records of `learned_operator` and `locality` say: checks as in `beyond_verdicts`. NumPy only."""

from pathlib import Path

import numpy as np

from experiments.lib import records
from experiments.lib.verdicts import NOT_REPRODUCED, PARTIAL, REPRODUCED, Check, Finding, Record, provenance

IDLE = 0.01  # of the largest change: a layer that adds less to the image does nothing
FOLLOWS = 0.9  # correlation with γ
SYMMETRIC = 0.1  # ‖S − Sᵀ‖ / ‖S‖
STABLE = 1.001  # spectral radius, as exactly as it is computed
GOOD = 63.72  # dB, the paper's DiffNet without noise
LITTLE = 0.5  # dB

# ---- The learned operator --------------------------------------------------------------------------------------------


def working(preset: Record) -> list[Record]:
    """The layers of a preset that do anything, as the record has them."""
    largest = max(layer["change"]["mean"] for layer in preset["layers"])
    return [layer for layer in preset["layers"] if layer["change"]["mean"] > IDLE * largest]


def follows(preset: str, sign: int) -> Check:
    """The off-centre filters of a preset are as γ (sign 1) or −γ (−1): mean correlation of each working layer."""

    def check(root: Path) -> Finding:
        record, _ = records.load(root / "learned-operator")
        layers = working(record["presets"][preset])
        values = [layer["pearson"]["mean"] for layer in layers]
        return _of_layers(record, preset, "r", values, [sign * value >= FOLLOWS for value in values])

    return check


def symmetric(preset: str) -> Check:
    """S is symmetric, as that of a diffusion in divergence form is."""

    def check(root: Path) -> Finding:
        record, _ = records.load(root / "learned-operator")
        values = [layer["asymmetry"]["mean"] for layer in working(record["presets"][preset])]
        return _of_layers(record, preset, "‖S − Sᵀ‖ / ‖S‖", values, [value <= SYMMETRIC for value in values])

    return check


def stable(root: Path) -> Finding:
    """No layer of `forward` makes any image grow: the largest spectral radius over the images."""
    record, _ = records.load(root / "learned-operator")
    values = [layer["radius"]["max"] for layer in working(record["presets"]["forward"])]
    return _of_layers(record, "forward", "ρ at most", values, [value <= STABLE for value in values], digits=5)


def smoothing(root: Path) -> Finding:
    """Rows sum to zero without noise, and the less the more noise there is: the largest δt |Σζ| of any layer."""
    record, _ = records.load(root / "learned-operator")
    levels = sorted((found["noise"], name) for name, found in record["presets"].items() if name != "forward")
    values = [max(layer["largest_sum"]["mean"] for layer in working(record["presets"][name])) for _, name in levels]
    grows = all(a < b for a, b in zip(values, values[1:]))
    listed = ", ".join(f"{value:.3f} at {100 * noise:g} %" for value, (noise, _) in zip(values, levels))
    return Finding(listed, REPRODUCED if grows else NOT_REPRODUCED, record["images"], **provenance(record))


def _of_layers(
    record: Record, preset: str, name: str, values: list[float], holds: list[bool], digits: int = 2
) -> Finding:
    """All working layers hold, half of them, or fewer."""
    verdict = REPRODUCED if all(holds) else PARTIAL if 2 * sum(holds) >= len(holds) else NOT_REPRODUCED
    listed = ", ".join(f"{value:.{digits}f}" for value in values)
    of = f"{len(values)} of {len(record['presets'][preset]['layers'])} layers work"
    return Finding(f"{of}; {name} {listed}", verdict, record["images"], **provenance(record))


# ---- Locality --------------------------------------------------------------------------------------------------------


def local_filters(root: Path) -> Finding:
    """The best linear filters of few pixels that are told γ, for the paper's time: whether they reach its number.

    "Partial" where it takes more than 13 points, up to 69.
    """
    record, arrays = records.load(root / "locality")
    psnr = dict(zip(record["points"], np.median(arrays["local"][record["diffusion_times"].index(0.4)], axis=0)))
    text = "; ".join(f"{points} points {psnr[points]:.1f} dB" for points in (5, 9, 13, 25, 69))
    verdict = REPRODUCED if psnr[13] >= GOOD else PARTIAL if psnr[69] >= GOOD else NOT_REPRODUCED
    return Finding(f"median, T = 0.4: {text}", verdict, record["images"], **provenance(record))


def more_points(layers: int) -> Check:
    """Networks with 13 points against those with 5, trained alike: "reproduced" if they gain less than 0.5 dB."""

    def check(root: Path) -> Finding:
        record, _ = records.load(root / "locality")
        found: dict[int, dict[int, float]] = {}
        for run in record["runs"]:
            if run["layers"] == layers:
                found.setdefault(run["points"], {})[run["seed"]] = run["results"]["psnr"]["mean"]
        seeds = sorted(found.get(5, {}).keys() & found.get(13, {}).keys())
        if not seeds:
            raise FileNotFoundError("no runs of both")
        gains = [found[13][seed] - found[5][seed] for seed in seeds]
        verdict = REPRODUCED if np.mean(gains) <= LITTLE else NOT_REPRODUCED
        means = "; ".join(
            f"{points} points {np.mean(list(of.values())):.2f} dB" for points, of in sorted(found.items())
        )
        text = f"{means}: 13 − 5 {np.mean(gains):+.2f} dB ({min(gains):+.2f} to {max(gains):+.2f})"
        return Finding(text, verdict, len(seeds), **provenance(record))

    return check
