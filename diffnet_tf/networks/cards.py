"""The model cards of the presets: what each network does, and how well. Does not need Keras."""

from pathlib import Path
from typing import Any

from diffnet_tf.base import checks
from diffnet_tf.base.choices import PRESETS
from diffnet_tf.files import sealed

FOLDER = Path(__file__).resolve().parent / "weights"
ADVICE = "install the package again"


def list_presets() -> list[str]:
    """The names of the presets, the trained networks that come with the package."""
    return [name for name in PRESETS if (FOLDER / f"{name}.json").exists()]


def card(name: str) -> dict[str, Any]:
    """The model card of a preset, a dict of plain values.

    Its keys: problem; noise (σ); diffusion (that the network undoes or computes); images (the kind that it was trained
    on); network (arguments of `models.DiffNet`); sha256 (of the weights); training (experiment, data, recipe, steps,
    seed, commit); quality (test data, and PSNR in dB of inputs and outputs, also for rounded inputs); limits; command
    (to train it again).

    Raises:
        ValueError: if the name is unknown, or the card is damaged.
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
    """The mean PSNR in dB of a preset for images rounded to 8 bits, from its card; 0 if the card does not say."""
    try:
        return float(described["quality"]["rounded"]["8 bits"]["mean"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0.0


def best_of_eight_bits(described: dict[str, Any]) -> tuple[float, str]:
    """The same for the best preset for the problem and diffusion of this card, and the name of that preset."""
    cards = [card(name) for name in list_presets()]
    same = [other for other in cards if all(other.get(k) == described.get(k) for k in ("problem", "diffusion"))]
    return max((of_eight_bits(other), other["name"]) for other in [described, *same])
