"""Where the command `train` puts its network, and what the model card of a preset says that it made."""

from __future__ import annotations

import dataclasses
import inspect
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffnet_tf.base import checks
from diffnet_tf.base.types import PathLike
from diffnet_tf.commands import train_given
from diffnet_tf.files import model_card, model_files, provenance
from diffnet_tf.networks import cards, hub

if TYPE_CHECKING:
    from diffnet_tf import data
    from diffnet_tf.training import recipes

# Of model files that are not written. A folder may have a dot in its name.
OTHERS = (".h5", ".hdf5", ".npz", ".onnx", ".pt", ".pth", ".ckpt", ".tflite", ".zip")


def is_file(path: PathLike) -> bool:
    """Whether a network is, or is to be, a .keras file; otherwise it is a preset."""
    return Path(path).suffix == model_files.SUFFIX


def scale(problem: str) -> str:
    """What the images of a training are divided by: σ is a share of white, the λ of diffusion one of the maximum."""
    return "white" if problem == "denoise" else "maximum"


def card(
    arguments: Namespace,
    train: data.GrayImages,
    held_out: data.GrayImages,
    recipe: recipes.Recipe,
    measured: list[dict[str, float]],
) -> dict[str, Any]:
    """The model card of the trained network, as far as the command knows it."""
    from diffnet_tf.physics import diffusion

    defaults = inspect.signature(diffusion.perona_malik).parameters
    settings = {name: defaults[name].default for name in ("steps", "dt", "contrast", "boundary")}
    count, height, width, channels = held_out.shape
    kind, noise = "RGB" if channels == 3 else "gray", f"{100 * train_given.highest(arguments):g} % noise"
    noise = f"up to {noise}" if train_given.several_sigmas(arguments) else noise
    if arguments.problem == "inverse":
        does = f"It undoes Perona–Malik diffusion (four steps of 0.1, λ = 0.2) of {kind} images with {noise}."
    elif arguments.problem == "denoise":
        does = f"It removes white Gaussian noise from {kind} images with {noise}."
    else:
        does = f"It computes Perona–Malik diffusion (four steps of 0.1, λ = 0.2) of {kind} images."
    only_noise = arguments.problem == "denoise"
    what, others = "the diffusion and the noise", "Other diffusions and stronger noise"
    what, others = ("the noise", "Other noise and stronger noise") if only_noise else (what, others)
    one = "a white of 1" if only_noise else "a maximum of 1"
    start = arguments.init and (arguments.init if hub.SCHEME in arguments.init else Path(arguments.init).name)
    folder = f"the folder {Path(arguments.directory).resolve().name!r}"
    given = train_given.card(arguments) if train_given.wanted(arguments) else {}
    return {
        "description": does,
        "author": "unknown",
        "license": "unknown",
        "data": f"{len(train):,} images of {folder if arguments.source == 'folder' else arguments.source}.",
        "limits": f"It was trained for {what} on this card, and for images that are scaled to {one}. {others} give "
        "wrong results. It was tested on images from the same source as the images of the training.",
        "problem": arguments.problem,
        "noise": list(arguments.noise) if isinstance(arguments.noise, tuple) else arguments.noise,
        **({"scale": scale(arguments.problem)} if only_noise else {"diffusion": {"name": "perona_malik", **settings}}),
        "training": {
            "source": arguments.source,
            "training_images": len(train),
            "start": start,
            "recipe": dataclasses.asdict(recipe),
            "steps": arguments.steps,
            "seed": arguments.seed,
            "versions": provenance.versions(),
        },
        "quality": {
            "measure": "PSNR of each image in dB, range 1",
            "data": f"{count} image{'s' * (count != 1)} of {width}×{height} pixels held out from training",
            "input": measured[0],
            "output": measured[-1],
        },
        **given,
    }


def check_folder(out: Path, force: bool) -> None:
    """Check that a preset can be written to a folder."""
    if out.suffix.lower() in OTHERS or checks.did_you_mean(out.suffix.lower(), [model_files.SUFFIX]):
        raise ValueError(
            f"--out {out} ends in {out.suffix!r}; expected a name ending in .keras, or a folder for a preset."
        )
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; expected a name ending in .keras, or a folder for a preset.")
    model_card.check_text("name", out.resolve().name)
    checks.can_be_written(out / model_card.NAME, force)
    cards.check_free(out)
