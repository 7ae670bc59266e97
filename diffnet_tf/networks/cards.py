"""The cards of the networks that come with the package: what each does, and how well. Keras is not needed."""

from pathlib import Path
from typing import Any

from diffnet_tf.base import checks
from diffnet_tf.base.choices import PRESETS
from diffnet_tf.files import sealed

FOLDER = Path(__file__).resolve().parent / "weights"
ADVICE = "install the package again"


def list_presets() -> list[str]:
    """The names of the presets that this installation holds."""
    return [name for name in PRESETS if (FOLDER / f"{name}.json").exists()]


def card(name: str) -> dict[str, Any]:
    """The model card of a preset: a dict of plain values.

    Its keys: problem, noise, diffusion (what was undone or learned), images (the kind that it knows), network (the
    arguments of `models.DiffNet`), sha256, training (experiment, data, recipe, steps, seed, commit), quality (data, and
    per-image PSNR in dB of the input and of the output, also of inputs that were rounded), limits, command (what
    trains it anew).

    Raises:
        ValueError: for an unknown name, or a file that is no card.
    """
    checks.one_of(name, "preset", tuple(list_presets()))
    return sealed.manifest(FOLDER / f"{name}.json", {"network": dict}, "a model card", advice=ADVICE)


def task(described: dict[str, Any]) -> str:
    """What a preset does, in words: "undoes Perona–Malik diffusion, 1 % noise"."""
    what = {
        "inverse": "undoes Perona–Malik diffusion",
        "forward": "does Perona–Malik diffusion",
        "deconvolution": "undoes isotropic diffusion",
    }[described["problem"]]
    return f"{what}, {100 * described['noise']:g} % noise" if described["noise"] else f"{what}, no noise"


def of_eight_bits(described: dict[str, Any]) -> float:
    """The mean PSNR in dB that a preset reaches on images that were rounded to 8 bits; 0 if it is not on the card."""
    try:
        return float(described["quality"]["rounded"]["8 bits"]["mean"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0.0


def best_of_eight_bits(described: dict[str, Any]) -> tuple[float, str]:
    """That of the best preset for the same problem and diffusion, and its name."""
    cards = [card(name) for name in list_presets()]
    same = [other for other in cards if all(other.get(k) == described.get(k) for k in ("problem", "diffusion"))]
    return max((of_eight_bits(other), other["name"]) for other in [described, *same])
