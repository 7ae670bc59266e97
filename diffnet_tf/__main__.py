# PYTHON_ARGCOMPLETE_OK
"""The command line: python -m diffnet_tf COMMAND, or diffnet-tf COMMAND."""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import diffnet_tf
from diffnet_tf.base import command_line, quiet

# Command (its module in `commands`) → its line in --help. Only the chosen command's module is imported, and Keras only
# when the command runs, so that --help appears at once.
COMMANDS = {
    "restore": "Restore an image, several, or all images in a folder, with a network.",
    "train": "Train a network on a folder of your own images, or fine-tune an existing network.",
    "inspect": "Show the stencils that a network applies to an image, layer by layer, as a table and a picture.",
    "presets": "List the networks that come with the package, or show the model card of one.",
    "data": "List the image data in a folder, what is missing, and the options that use it.",
    "benchmark": "Compare a method of your own with those of this package, on frozen pairs of images.",
    "make-pairs": "Write pairs of diffused and clean images to an NPZ or TFRecord file, for use in other frameworks.",
    "verify": "Check each claim of the paper, and each goal beyond it, against the records in a results folder.",
}
LIGHT = ("presets", "verify")  # commands that do not need Keras


@command_line.reports_errors
def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit status: 2 if the input is wrong (the message is one line), 130 after Ctrl-C."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    typed = next((word for word in command_line.completing()[1:] or given if not word.startswith("-")), "")
    name = typed.replace("_", "-")
    if name in COMMANDS and typed in given:  # make_pairs, as older versions call it
        given[given.index(typed)] = name
    program = quiet.SCRIPT if quiet.is_script() else "python -m diffnet_tf"
    parser = command_line.Parser(
        prog=program, description="Restore images with DiffNet, train networks, and look at what they learned."
    )
    parser.add_argument("--version", action="version", version=f"diffnet_tf {diffnet_tf.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    module: Any = None
    for command, line in COMMANDS.items():
        subparser = commands.add_parser(command, help=line, description=line)
        if command == name:
            with quiet.loading():
                module = importlib.import_module(f"diffnet_tf.commands.{command.replace('-', '_')}")
            module.add_arguments(subparser)
    command_line.complete(parser)
    with command_line.warnings_on_one_line():
        chosen = parser.parse_args(given)
        if name not in LIGHT:
            with quiet.loading():
                diffnet_tf._load()
        return module.run(chosen)


if __name__ == "__main__":
    sys.exit(main())
