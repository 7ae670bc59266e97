"""Options shared by the commands that apply a network to images: the network, and the meaning of pixel values."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from diffnet_tf.base import command_line
from diffnet_tf.base.choices import PRESETS
from diffnet_tf.files import image_files
from diffnet_tf.networks import cards

if TYPE_CHECKING:
    import keras


def add_arguments(parser: ArgumentParser) -> None:
    """Define --preset and --weights, one of which is required, --max-pixels and --force."""
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument(
        "--preset",
        metavar="NAME",
        help=f"use a network that comes with the package ({', '.join(PRESETS)}), a preset in a FOLDER, or one on the "
        "Hugging Face Hub, hf://USER/NAME",
    ).completer = lambda **_: PRESETS  # type: ignore[attr-defined]
    chosen.add_argument("--weights", metavar="MODEL", help="use your own network, a .keras file")
    parser.add_argument(
        "--max-pixels",
        type=int,
        default=image_files.MAX_PIXELS,
        help="refuse PNG, JPEG and compressed TIFF files with more pixels",
    )
    parser.add_argument("--force", action="store_true", help="replace existing output files")


def add_values(parser: ArgumentParser) -> None:
    """Define --white, --black and --nodata: what the pixel values mean."""
    parser.add_argument(
        "--white",
        metavar="VALUE",
        type=level,
        help="pixel value that the network sees as 1, or a percentile such as 99.9%%; maximum for the maximum of the "
        "image; full for 255 or 65535 in 8 or 16 bits, and 1.0 in floats (default: the maximum of the image; full for "
        "presets with scale: white on their card, such as those that remove noise)",
    )
    parser.add_argument(
        "--black",
        metavar="VALUE",
        type=level,
        help="pixel value that the network sees as 0, or a percentile (default: 0); for CT images in Hounsfield units, "
        "for example, --black=-160 --white=240",
    )
    parser.add_argument(
        "--nodata",
        metavar="VALUE",
        type=float,
        help="value that marks missing pixels, for example --nodata=-9999 or --nodata nan; missing pixels are filled "
        "in for the network and restored afterwards (default: as the file says, else none)",
    )


def add_noise(parser: ArgumentParser) -> None:
    """Define --noise."""
    parser.add_argument(
        "--noise",
        metavar="SIGMA",
        type=number_or_auto,
        help="σ of the noise as a share of white, such as 0.01 or 25/255, or auto to estimate it; only for networks "
        "that are given σ, such as inverse-any-noise (default: auto for these)",
    )


def add_diffusion(parser: ArgumentParser) -> None:
    """Define --contrast, --time and --diffusivity."""
    parser.add_argument(
        "--contrast",
        metavar="LAMBDA",
        type=number_or_auto,
        help="contrast λ of the diffusion to undo, as a share of white, or auto to estimate it; only for networks that "
        "are given it (default: none; these need it)",
    )
    parser.add_argument(
        "--time",
        metavar="T",
        type=number_or_auto,
        help="time T of the diffusion to undo in pixels², or auto to estimate it; only for networks that are given it "
        "(default: none; these need it)",
    )
    parser.add_argument(
        "--diffusivity",
        metavar="NAME",
        help="diffusivity of the diffusion to undo, such as perona_malik_2; only for networks that know several "
        "(default: their first one)",
    )


def number_or_auto(text: str) -> float | str:
    """Convert a number, see `command_line.number_or_fraction`, to a float, unless it is to be estimated."""
    return text if text == "auto" else command_line.number_or_fraction(text, ", or auto")


def scale(arguments: Namespace) -> str | None:
    """The scale of the network that the arguments name, see `cards.scale`; None for a .keras file: it has no card."""
    return cards.scale(cards.card(arguments.preset)) if arguments.preset else None


def level(text: str) -> float | str:
    """Convert to a float if possible; other text, such as a percentile, is checked later."""
    try:
        return float(text)
    except ValueError:
        return text


def chosen(arguments: Namespace) -> keras.Model:
    """Load the network that the arguments name.

    Raises:
        FileNotFoundError, ValueError: if it does not exist or cannot be loaded.
    """
    from diffnet_tf.files import model_files
    from diffnet_tf.networks import presets

    return presets.from_preset(arguments.preset) if arguments.preset else model_files.load(arguments.weights)
