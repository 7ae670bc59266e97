"""Model cards of presets: what each network does, and how well; and where a preset is. Does not need Keras.

| preset | card | weights |
|---|---|---|
| of the package, by its name | weights/NAME.json | weights/NAME.npz |
| in a folder | README.md | weights.npz |
| on the Hugging Face Hub, hf://USER/NAME | README.md | weights.npz |
"""

import dataclasses
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffnet_tf.base import checks
from diffnet_tf.base.choices import PRESETS, SCALES
from diffnet_tf.base.types import PathLike
from diffnet_tf.files import model_card, reading, sealed
from diffnet_tf.networks import hub

FOLDER = Path(__file__).resolve().parent / "weights"
ADVICE = "install the package again"
WEIGHTS = "weights.npz"
_GIVEN = ("contrast", "time")  # of a diffusion, which a network may be given
REQUIRED = ("description", "author", "license", "data", "limits")  # of a card to share
_KINDS = {"problem": str, "diffusion": dict, "images": dict, "training": dict, "quality": dict, "command": str}


def list_presets() -> list[str]:
    """The names of the presets, the trained networks that come with the package."""
    return [name for name in PRESETS if (FOLDER / f"{name}.json").exists()]


def card(name: PathLike) -> dict[str, Any]:
    """The model card of a preset, a dict of plain values.

    Its keys, if it comes with the package: name; problem; noise (σ); scale (see `scale`); diffusion (that the network
    undoes or computes); images (the kind that it was trained on); network (arguments of `models.DiffNet`); sha256 (of
    the weights); training (experiment, data, recipe, steps, seed, commit); quality (test data, and PSNR in dB of inputs
    and outputs, also for rounded inputs); limits; command (to train it again).

    Other people's cards also have description, author, license and data, all texts, and may leave out some of the
    others; see `save_to_preset`.

    Args:
        name: one of `list_presets()`, a folder, or "hf://USER/NAME"; see `from_preset`.

    Raises:
        ValueError: if the name is unknown, or the card is damaged.
        OSError: if the folder does not exist, or the card cannot be fetched.
    """
    return read(place(name))


# ---- Where a preset is -----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the files of a preset are.

    Attributes:
        card: its card.
        file: its weights; they are fetched first if the preset is on the hub.
        advice: what to do if the files are damaged: for messages.
        repo: where on the hub it is, if it is there.
    """

    card: Path
    file: Path
    advice: str
    repo: hub.Repository | None = None

    def weights(self, most: int) -> Path:
        """The file with the weights, of at most so many bytes."""
        return hub.fetch(self.repo, WEIGHTS, most)[0] if self.repo else self.file


def place(name: PathLike) -> Place:
    """Where a preset is. The names of the package come first: write ./inverse for a folder that is named like one.

    Raises:
        ValueError, OSError: see `card`.
    """
    if isinstance(name, str) and name.startswith(hub.SCHEME):
        path, repo = hub.fetch(hub.repository(name), model_card.NAME, model_card.LARGEST)
        return Place(path, path.with_name(WEIGHTS), f"ask the author of {name}", repo)
    if isinstance(name, str) and name in list_presets():
        return Place(FOLDER / f"{name}.json", FOLDER / f"{name}.npz", ADVICE)
    if not isinstance(name, (str, os.PathLike)):
        raise checks.InputTypeError(f"preset={name!r:.200} is a {type(name).__name__}; expected a name or a folder.")
    folder = Path(name).expanduser()
    if not os.fspath(name) or not folder.is_dir():
        raise _not_found(name, folder)
    return Place(folder / model_card.NAME, folder / WEIGHTS, "copy or download the folder again")


def _not_found(name: PathLike, folder: Path) -> Exception:
    """The error for what is neither a name nor a folder."""
    text = os.fspath(name)
    if folder.is_file():
        return ValueError(f"preset={text!r} is a file; expected a folder with {model_card.NAME} and {WEIGHTS}.")
    if not isinstance(name, str) or os.sep in text or (os.altsep and os.altsep in text):
        return FileNotFoundError(f"{text} does not exist; expected a folder with {model_card.NAME} and {WEIGHTS}.")
    return ValueError(
        f"preset={text!r}; expected one of {', '.join(map(repr, list_presets()))}, a folder with a preset, or "
        f"hf://USER/NAME.{checks.did_you_mean(text, list_presets())}"
    )


def read(where: Place) -> dict[str, Any]:
    """Read the card of a preset; raises the errors of `card`."""
    needed = {"network": dict}
    if where.card.suffix == ".json":
        values = sealed.manifest(where.card, needed, "a model card", advice=where.advice)
    else:
        if not where.card.exists():
            raise FileNotFoundError(f"{where.card} does not exist; expected a preset, {model_card.NAME} and {WEIGHTS}.")
        content = reading.regular(where.card, model_card.LARGEST, where.advice)
        with reading.decoding(where.card, "a model card", where.advice):
            values = model_card.read(content)
        values = sealed.check(where.card, values, needed, "a model card", where.advice)
    if fault := faults(values):
        raise ValueError(f"{where.card} has {fault}: {where.advice}.")
    return values


def complete(given: Mapping[str, Any], name: str, noise_map: bool, diffusion: bool = False) -> dict[str, Any]:
    """The card of a preset to share, without what is added when it is written.

    Args:
        given: what its author says; see `presets.save_to_preset`.
        name: the name if the author gives none.
        noise_map: whether the network is given σ.
        diffusion: whether the network is given λ and T.

    Raises:
        TypeError, ValueError: if something is missing, or does not fit.
    """
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise checks.InputTypeError(f"card is a {type(given).__name__}; expected a dict whose keys are texts.")
    if missing := [key for key in REQUIRED if not given.get(key)]:
        raise ValueError(
            f"card lacks {', '.join(map(repr, missing))}; expected texts for description (what the network does), "
            "author, license (such as 'cc-by-4.0'), data (what it was trained on) and limits (where it fails)."
        )
    values = {"name": name, **{key: value for key, value in given.items() if key not in ("network", "sha256")}}
    if isinstance(values.get("noise"), tuple):
        values["noise"] = list(values["noise"])
    if noise_map and not isinstance(values.get("noise"), list):
        raise ValueError(
            "card lacks 'noise', the range [low, high] of σ on which the network with a noise map was trained."
        )
    kept = values.get("diffusion")
    if diffusion and not (isinstance(kept, dict) and all(isinstance(kept.get(name), (list, tuple)) for name in _GIVEN)):
        raise ValueError(
            "card lacks 'diffusion' with 'contrast' and 'time', the ranges [low, high] of the network's training."
        )
    if fault := faults(values):
        raise ValueError(f"card has {fault}.")
    if diffusion:
        ranges = {name: list(values["diffusion"][name]) for name in _GIVEN}
        values["diffusion"] = {**values["diffusion"], **ranges}
    return values


def check_free(folder: Path) -> None:
    """Check that a folder has no README.md and weights.npz but those of a preset, which may be replaced.

    Raises:
        FileExistsError: if it has.
    """
    path, file = folder / model_card.NAME, folder / WEIGHTS
    if path.exists() or path.is_symlink():
        try:
            model_card.read(reading.regular(path, model_card.LARGEST))
        except Exception:
            raise FileExistsError(f"{path} exists and is not the card of a preset; give another folder.") from None
    elif file.exists() or file.is_symlink():
        raise FileExistsError(f"{file} exists without a card of a preset; give another folder, or remove it.")


def faults(values: dict[str, Any]) -> str:
    """What is wrong with a value of a card that the package uses, in words; "" if all are as expected."""
    for key, kind in _KINDS.items():
        if key in values and not isinstance(values[key], kind):
            return f"{key}={values[key]!r:.50}; expected a {kind.__name__}"
    images = values.get("images", {})
    if images and not (isinstance(images.get("kind"), str) and _is_level(images.get("between") or 0.0)):
        return f"images={images!r:.50}; expected a dict with kind, a text, and perhaps between, a share of the pixels"
    if values.get("scale", SCALES[0]) not in SCALES:
        return f"scale={values['scale']!r:.50}; expected {' or '.join(map(repr, SCALES))}"
    for name in _GIVEN:
        ends = values.get("diffusion", {}).get(name)
        if isinstance(ends, (list, tuple)) and not (len(ends) == 2 and _is_range(ends[0], ends[1])):
            return f"diffusion with {name}={ends!r:.50}; expected a number, or a range [low, high] above 0"
    noise = values.get("noise", 0.0)
    levels = list(noise) if isinstance(noise, (list, tuple)) else [noise, noise]
    if len(levels) != 2 or not all(_is_level(level) for level in levels) or levels[0] > levels[1]:
        return f"noise={noise!r:.50}; expected σ as a share of white, in [0, 1), or a range [low, high]"
    return ""


def _is_range(low: Any, high: Any) -> bool:
    numbers = [value for value in (low, high) if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return len(numbers) == 2 and 0 < low <= high < math.inf


def _is_level(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1 and math.isfinite(value)


# ---- What a card says ------------------------------------------------------------------------------------------------


def noise(described: dict[str, Any]) -> tuple[float, float]:
    """The lowest and the highest σ of the noise that a network was trained on; (0, 0) if its card does not say."""
    levels = described.get("noise") or 0.0
    low, high = levels if isinstance(levels, (list, tuple)) else (levels, levels)
    return low, high


def of_diffusion(described: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """The lowest and the highest λ and T ("contrast", "time") of a network that is given them; {} for others."""
    kept = described.get("diffusion", {})
    return {name: (kept[name][0], kept[name][1]) for name in _GIVEN if isinstance(kept.get(name), list)}


def scale(described: dict[str, Any]) -> str:
    """What the network sees as 1: "maximum", the maximum of each image, or "white", as the dtype of the image says.

    White is 1.0 for floats, and the largest value of the dtype for integers. Cards that do not say are "maximum".
    """
    return str(described.get("scale", SCALES[0]))


def task(described: dict[str, Any]) -> str:
    """What a preset does, in words: "undoes Perona–Malik diffusion, 1 % noise"."""
    what = {
        "inverse": "undoes Perona–Malik diffusion",
        "forward": "does Perona–Malik diffusion",
        "deconvolution": "undoes isotropic diffusion",
        "denoise": "removes white Gaussian noise",
    }.get(described.get("problem", ""))
    if what is None:
        return str(described.get("description", "")).partition("\n")[0]
    low, high = noise(described)
    if given := of_diffusion(described):
        what += " with " + " and ".join(
            f"{symbol} from {given[name][0]:g} to {given[name][1]:g}"
            for name, symbol in zip(_GIVEN, "λT")
            if name in given
        )
    if described["problem"] == "denoise":
        return f"{what}, σ {f'from {255 * low:.0f} to' if low != high else 'of'} {255 * high:.0f}/255"
    if low != high:
        return f"{what}, {100 * low:.3g} to {100 * high:.3g} % noise"
    return f"{what}, {100 * high:g} % noise" if high else f"{what}, no noise"


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
