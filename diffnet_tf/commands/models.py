"""The network that a command works with: a preset, or one that was trained and saved."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from diffnet_tf import presets
from diffnet_tf.types import PathLike

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
    return presets.from_preset(arguments.preset) if arguments.preset else load(arguments.weights)


def load(path: PathLike) -> "keras.Model":
    """A network from a .keras file, in Keras's safe mode: nothing in the file is run.

    Raises:
        FileNotFoundError: for a missing file.
        ValueError: for a file that Keras cannot read or will not.
    """
    import keras

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; expected a model saved as .keras.")
    if path.suffix != ".keras":
        raise ValueError(f"{path} ends in {path.suffix or 'nothing'!r}; expected a model saved as .keras.")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises what its parts raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} cannot be loaded as a model ({reason}).") from error
