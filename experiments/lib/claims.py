"""The paper's claims, each checked against the records of what was run. NumPy and the standard library only.

A claim about a PSNR is judged in the paper's unit, the authors' PSNR over batches of 16 images, with a bootstrap
interval over the test images: when it contains the paper's number, the two are equal within uncertainty.

| verdict | meaning |
|---|---|
| reproduced | on images of STL-10, ours is at least the paper's, or equal within uncertainty |
| partial | it holds on other test images than STL-10's, only in part, or after too few steps to tell |
| not reproduced | it was run and does not hold |
| not run | no record |
"""

import dataclasses
from pathlib import Path

from diffnet_tf.base.types import PathLike
from experiments.lib import verdicts
from experiments.lib.verdicts import NOT_REPRODUCED, NOT_RUN, PARTIAL, REPRODUCED, Check, Finding, edge_width, interval

__all__ = [
    "CLAIMS",
    "NOT_REPRODUCED",
    "NOT_RUN",
    "PARTIAL",
    "REPRODUCED",
    "VERDICTS",
    "Claim",
    "Finding",
    "edge_width",
    "findings",
    "interval",
]

VERDICTS = (REPRODUCED, PARTIAL, NOT_REPRODUCED, NOT_RUN)


@dataclasses.dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    Attributes:
        where: figure or section.
        text: what is claimed.
        paper: the paper's value, as text.
        command: what makes the record.
        check: (results folder) → `Finding`; raises FileNotFoundError where there is no record.
    """

    where: str
    text: str
    paper: str
    command: str
    check: Check


def findings(root: PathLike, claims: "tuple[Claim, ...] | None" = None) -> list[tuple[Claim, Finding]]:
    """Claims, the paper's if no others are given, with what the records under a results folder say to each."""
    found = []
    for claim in CLAIMS if claims is None else claims:
        try:
            found.append((claim, claim.check(Path(root))))
        except FileNotFoundError:
            found.append((claim, Finding("", NOT_RUN)))
    return found


def _run(module: str, budget: str = "cpu") -> str:
    return f"python -m experiments.{module}" + (f" --budget {budget}" if budget else "")


CLAIMS = (
    Claim(
        "Sec. 4.3",
        "parameters of a 4-layer estimator",
        "20,261",
        _run("fig03_estimator", ""),
        verdicts.parameters("fig03", "FilterEstimator"),
    ),
    Claim(
        "Sec. 5", "parameters of DiffNet", "101,310", _run("fig02_diffnet", ""), verdicts.parameters("fig02", "DiffNet")
    ),
    Claim(
        "Sec. 5",
        "DiffNet's parameters against the U-Net's",
        "0.29 % of 34,512,705",
        _run("fig08_one_image"),
        verdicts.parameter_ratio,
    ),
    Claim(
        "Fig. 4–5",
        "deconvolution of disks, train and test PSNR",
        "86.24 dB",
        _run("fig05_deconvolution_layers"),
        verdicts.deconvolution,
    ),
    Claim(
        "Sec. 5.1", "centre filter of opposite sign", "yes", _run("fig05_deconvolution_layers"), verdicts.opposite_signs
    ),
    Claim("Fig. 6", "inverse, no noise: test PSNR", "63.72 dB", _run("fig06_samples"), verdicts.psnr("fig06", 63.72)),
    Claim("Sec. 5", "training time of DiffNet", "75 min of a GPU", "make bench-recipes", verdicts.training_time),
    Claim("Fig. 7", "inverse, 1 % noise: test PSNR", "34.21 dB", _run("fig07_samples"), verdicts.psnr("fig07", 34.21)),
    Claim(
        "Fig. 8",
        "the ship, no noise",
        "DiffNet 65.34, U-Net 61.08 dB",
        _run("fig08_one_image"),
        verdicts.one_image("fig08"),
    ),
    Claim(
        "Fig. 9",
        "the ship, 1 % noise",
        "DiffNet 34.96, U-Net 35.27 dB",
        _run("fig09_one_image"),
        verdicts.one_image("fig09"),
    ),
    Claim(
        "Fig. 10",
        "forward: DiffNet − U-Net",
        "≈ +4 dB",
        _run("fig10_training_size"),
        verdicts.difference("forward", 0.0, 4.0),
    ),
    Claim(
        "Fig. 10",
        "inverse, no noise: DiffNet − U-Net",
        "≈ +3 dB",
        _run("fig10_training_size"),
        verdicts.difference("inverse", 0.0, 3.0),
    ),
    Claim(
        "Fig. 10",
        "inverse, 1 % noise: DiffNet − U-Net",
        "≈ 0 dB",
        _run("fig10_training_size"),
        verdicts.difference("inverse", 0.01, 0.0),
    ),
    Claim(
        "Fig. 10",
        "DiffNet is at its best with few images",
        "500–1,000 images",
        _run("fig10_training_size"),
        verdicts.few_images,
    ),
    Claim(
        "Fig. 11",
        "mean-free without noise, smoothing grows with it",
        "yes",
        _run("fig11_filter_sums", ""),
        verdicts.mean_free,
    ),
    Claim(
        "Fig. 12",
        "edges in the centre filters widen with noise",
        "yes",
        _run("fig12_centre_filters", ""),
        verdicts.wider_edges,
    ),
    Claim("Fig. 13", "smoothing increases with noise up to 10 %", "yes", _run("fig13_smoothing"), verdicts.smoothing),
)
