"""python -m diffnet_tf COMMAND: what can be done without writing code."""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

from diffnet_tf.base import command_line

COMMANDS = ("restore", "train", "inspect", "data", "make_pairs", "verify")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Returns the exit status; what was wrong with the input is one line and status 2."""
    parser = command_line.Parser(prog="python -m diffnet_tf", description="DiffNet from the command line.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    modules: dict[str, Any] = {name: importlib.import_module(f"diffnet_tf.commands.{name}") for name in COMMANDS}
    for name, module in modules.items():
        line = module.__doc__.splitlines()[0]
        module.add_arguments(commands.add_parser(name, help=line, description=line))
    try:
        with command_line.warnings_on_one_line():
            chosen = parser.parse_args(arguments)
            return modules[chosen.command].run(chosen)
    except command_line.INPUT_ERRORS as error:
        command_line.show(error)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
