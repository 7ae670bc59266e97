"""Options that commands which apply a network to images share: the network, and the meaning of an image's values."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from diffnet_tf.base.choices import PRESETS
from diffnet_tf.files import image_files

if TYPE_CHECKING:
    import keras


def add_arguments(parser: ArgumentParser) -> None:
    """Define --preset and --weights, one of which is required, --max-pixels and --force."""
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--preset", metavar="NAME", help=f"a network that comes with the package: {', '.join(PRESETS)}")
    chosen.add_argument("--weights", metavar="MODEL", help="a network of your own, a .keras file")
    parser.add_argument(
        "--max-pixels",
        type=int,
        default=image_files.MAX_PIXELS,
        help=f"number of pixels of the largest PNG, JPEG or compressed TIFF, by default {image_files.MAX_PIXELS:,}",
    )
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def add_values(parser: ArgumentParser) -> None:
    """Define --white, --black and --nodata: the meaning of an image's values."""
    parser.add_argument(
        "--white",
        metavar="VALUE",
        type=level,
        help="the image's value that the network sees as 1, or a percentile such as 99.9%%; by default the maximum",
    )
    parser.add_argument(
        "--black",
        metavar="VALUE",
        type=level,
        help="the value that the network sees as 0; by default 0. For Hounsfield units give for example --black=-160 "
        "--white=240",
    )
    parser.add_argument(
        "--nodata",
        metavar="VALUE",
        type=float,
        help="the value of missing pixels, a number (--nodata=-9999) or nan. They are filled for the network, and get "
        "their value back in the output",
    )


def level(text: str) -> float | str:
    """A number, or the text itself: a percentile, which is checked later."""
    try:
        return float(text)
    except ValueError:
        return text


def chosen(arguments: Namespace) -> keras.Model:
    """Load the network of --preset or --weights.

    Raises:
        FileNotFoundError, ValueError: if there is no such network, or it cannot be loaded.
    """
    from diffnet_tf.files import model_files
    from diffnet_tf.networks import presets

    return presets.from_preset(arguments.preset) if arguments.preset else model_files.load(arguments.weights)
