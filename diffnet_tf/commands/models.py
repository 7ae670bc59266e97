"""The network that a command works with: a preset, or one that was trained and saved."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from diffnet_tf.files import model_files
from diffnet_tf.networks import presets

if TYPE_CHECKING:
    import keras


def add_arguments(parser: ArgumentParser, what: str) -> None:
    """Define --preset and --weights, one of which has to be given."""
    chosen = parser.add_mutually_exclusive_group(required=True)
    names = ", ".join(presets.list_presets())
    chosen.add_argument("--preset", metavar="NAME", help=f"{what} one that comes with the package: {names}")
    chosen.add_argument("--weights", metavar="MODEL", help=f"{what} one of your own, a .keras file")


def chosen(arguments: Namespace) -> "keras.Model":
    """The network that the arguments name.

    Raises:
        FileNotFoundError, ValueError: when there is none such.
    """
    return presets.from_preset(arguments.preset) if arguments.preset else model_files.load(arguments.weights)
