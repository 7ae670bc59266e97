"""List the presets, the trained networks that come with the package, or show the card of any preset."""

import json
import textwrap
from argparse import ArgumentParser, Namespace
from typing import Any

from diffnet_tf.base.choices import PRESETS
from diffnet_tf.networks import cards

WIDTH = 100  # columns of the terminal


def add_arguments(parser: ArgumentParser) -> None:
    """Define the command's options."""
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="?",
        help=f"show the card of this preset: {', '.join(PRESETS)}, a folder with a preset, or hf://USER/NAME (default: "
        "list all presets)",
    ).completer = lambda **_: PRESETS  # type: ignore[attr-defined]
    parser.add_argument("--json", action="store_true", help="print the card, or all cards, as JSON")


def run(arguments: Namespace) -> int:
    """Print the list or a card. Returns the exit status."""
    listed = {name: cards.card(name) for name in ([arguments.name] if arguments.name else cards.list_presets())}
    if arguments.json:
        print(json.dumps(listed[arguments.name] if arguments.name else listed, indent=1, ensure_ascii=False))
    elif arguments.name:
        print("\n".join(_lines(listed[arguments.name])))
    else:
        width = max(map(len, listed))
        for name, card in listed.items():
            before, after = (card["quality"][side]["mean"] for side in ("input", "output"))
            print(f"{name:<{width}}  {cards.task(card)}: {before:.1f} → {after:.1f} dB")
        print("\nTo see the card of a preset: presets NAME. To use a preset: restore IN OUT --preset NAME")
    return 0


def _lines(values: dict[str, Any], indent: int = 0) -> list[str]:
    """A card as lines of text: one for each value, with nested values indented."""
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
