"""What commands that apply a network to images share: the network, and what the values of images are."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from diffnet_tf.base.choices import PRESETS
from diffnet_tf.files import image_files

if TYPE_CHECKING:
    import keras


def add_arguments(parser: ArgumentParser) -> None:
    """Define --preset and --weights, one of which has to be given, --max-pixels and --force."""
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument(
        "--preset", metavar="NAME", help=f"the network: one that comes with the package: {', '.join(PRESETS)}"
    )
    chosen.add_argument("--weights", metavar="MODEL", help="the network: one of your own, a .keras file")
    parser.add_argument(
        "--max-pixels", type=int, default=image_files.MAX_PIXELS, help="largest PNG, JPEG or compressed TIFF"
    )
    parser.add_argument("--force", action="store_true", help="replace files that exist")


def add_values(parser: ArgumentParser) -> None:
    """Define --white, --black and --nodata: what the values of an image are."""
    parser.add_argument(
        "--white",
        metavar="VALUE",
        type=level,
        help="the image's value that the network gets as 1, or a percentile as 99.9%%; the maximum if not given",
    )
    parser.add_argument(
        "--black",
        metavar="VALUE",
        type=level,
        help="the same of 0; 0 if not given. With --black=-160 --white=240 Hounsfield units are an image",
    )
    parser.add_argument(
        "--nodata",
        metavar="VALUE",
        type=float,
        help="the value of missing pixels, a number (--nodata=-9999) or nan: filled for the network, put back after",
    )


def level(text: str) -> float | str:
    """A number, or what is no number: a percentile, and what is checked later."""
    try:
        return float(text)
    except ValueError:
        return text


def chosen(arguments: Namespace) -> keras.Model:
    """The network that the arguments name.

    Raises:
        FileNotFoundError, ValueError: when there is none such.
    """
    from diffnet_tf.files import model_files
    from diffnet_tf.networks import presets

    return presets.from_preset(arguments.preset) if arguments.preset else model_files.load(arguments.weights)
