"""List the networks that come with the package, or show the model card of one."""

import json
import textwrap
from argparse import ArgumentParser, Namespace
from typing import Any

from diffnet_tf.base.choices import PRESETS
from diffnet_tf.networks import cards

WIDTH = 100  # columns of the terminal


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument("name", metavar="NAME", nargs="?", choices=PRESETS, help="show the model card of this preset")
    parser.add_argument("--json", action="store_true", help="print the card (or all cards) as JSON")


def run(arguments: Namespace) -> int:
    """Print the list or a card. Returns the exit status."""
    shown = {name: cards.card(name) for name in ([arguments.name] if arguments.name else cards.list_presets())}
    if arguments.json:
        print(json.dumps(shown[arguments.name] if arguments.name else shown, indent=1, ensure_ascii=False))
    elif arguments.name:
        print("\n".join(_lines(shown[arguments.name])))
    else:
        width = max(map(len, shown))
        for name, card in shown.items():
            before, after = (card["quality"][side]["mean"] for side in ("input", "output"))
            print(f"{name:<{width}}  {_task(card)}: {before:.1f} → {after:.1f} dB")
        print("\nTo see the card of a preset: presets NAME. To use a preset: restore IN OUT --preset NAME")
    return 0


def _task(card: dict[str, Any]) -> str:
    task = {
        "inverse": "undoes Perona–Malik diffusion",
        "forward": "applies Perona–Malik diffusion",
        "deconvolution": "undoes isotropic diffusion",
    }[card["problem"]]
    return f"{task}, {100 * card['noise']:g} % noise" if card["noise"] else f"{task}, no noise"


def _lines(values: dict[str, Any], indent: int = 0) -> list[str]:
    """Format a card as text: one line for each value, nested values indented."""
    lines, blank = [], " " * indent
    for key, value in values.items():
        if isinstance(value, dict):
            lines += [f"{blank}{key}:", *_lines(value, indent + 2)]
            continue
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        wrapped = textwrap.wrap(text, max(40, WIDTH - indent - 2), break_long_words=False) or [""]
        first = f"{blank}{key}: {wrapped[0]}"
        lines += [first, *(f"{blank}  {line}" for line in wrapped[1:])]
    return lines
