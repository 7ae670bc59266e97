"""Model cards as the Hugging Face Hub shows them: a README.md for people, from which a program reads its values too.

A card is a dict. Each of its values stands in exactly one place of the file, so that no two places can disagree:

| part of the file | values |
|---|---|
| front matter, between two lines `---` | license, for the hub; the other lines there are fixed |
| title and the text below it | name, description |
| the sections of `SECTIONS` | author, data, limits: text |
| the section "Record", one block of JSON | all others, such as the network and the SHA-256 of the weights |

The hub's own tools rewrite the front matter. So nothing but the licence is read from there, and YAML needs no parser.
Other sections may be added by hand; they are not read.
"""

import re
from collections.abc import Mapping
from typing import Any

from diffnet_tf.files import reading, writing

NAME = "README.md"
LARGEST = 2**20  # bytes
LONGEST_NAME = 100  # characters
DEPTH = 12  # of values within values
SECTIONS = {"author": "Author", "data": "Training data", "limits": "Limits"}
TEXTS = ("name", "description", "license", *SECTIONS)
_RECORD = "Record"
_HEADING = "## "
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")  # as the hub names licences
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_FRONT = """---
license: {license}
library_name: diffnet_tf
pipeline_tag: image-to-image
tags:
- image-restoration
- nonlinear-diffusion
---
"""


def text(values: Mapping[str, Any], use: str) -> str:
    """A card as the text of a README.md.

    Args:
        values: the card, with all of `TEXTS`.
        use: Python code that shows how the network is used.

    Raises:
        ValueError, TypeError: if a value cannot be written so that `read` gives it back. The message names it.
    """
    for key in TEXTS:
        check_text(key, values[key])
    sections = "".join(f"\n{_HEADING}{title}\n\n{values[key]}\n" for key, title in SECTIONS.items())
    record = {key: value for key, value in values.items() if key not in TEXTS}
    for key, value in record.items():
        _check_plain(key, value)
    return (
        f"{_FRONT.format(license=values['license'])}\n# {values['name']}\n\n{values['description']}\n{sections}"
        f"\n{_HEADING}Use\n\n```python\n{use}\n```\n"
        f"\n{_HEADING}{_RECORD}\n\nThe program reads this block.\n\n```json\n{writing.json_text(record)}```\n"
    )


def check_text(key: str, value: Any) -> None:
    """Raise a ValueError if a value of `TEXTS` cannot be written so that `read` gives it back."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"card[{key!r}] is {value!r:.50}; expected a text.")
    if value != value.strip() or any(line.startswith("#") for line in value.splitlines()) or not _printable(value):
        raise ValueError(
            f"card[{key!r}] starts or ends with a space, has a line that starts with '#', or has control characters; "
            "expected plain text or Markdown without headings."
        )
    if key == "license" and not _LICENSE.fullmatch(value):
        raise ValueError(
            f"card['license'] is {value!r:.50}; expected a name of a licence as on the Hugging Face Hub, in lower "
            "case, such as 'cc-by-4.0', 'apache-2.0' or 'other'."
        )
    if key == "name" and (len(value) > LONGEST_NAME or "\n" in value):
        raise ValueError(f"card['name'] is {value!r:.50}; expected one line of at most {LONGEST_NAME} characters.")


def _check_plain(key: str, value: Any) -> None:
    try:
        plain = reading.json_value(writing.json_text({key: value}))[key]
        _check_values(plain)
    except reading.Refused as error:
        raise ValueError(f"card[{key!r}] {error}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"card[{key!r}] cannot be written as JSON ({reading.reason(error)}); expected texts, finite numbers, lists "
            "and dicts, without arrays."
        ) from error


def read(content: bytes) -> dict[str, Any]:
    """The values of a card from the content of a README.md. Use it in a block of `reading.decoding`.

    Raises:
        reading.Refused, ValueError, RecursionError: if the content is not such a card.
    """
    lines = content.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    front, body = _parted(lines)
    title = next((i for i, line in enumerate(body) if line.startswith("# ")), None)
    if title is None or not 0 < len(body[title][2:].strip()) <= LONGEST_NAME:
        raise reading.Refused(f"has no title, a line '# NAME' of at most {LONGEST_NAME} characters.")
    sections = _sections(body[title + 1 :])
    values = {"name": body[title][2:].strip(), "description": sections[""]}
    values |= {key: sections[heading] for key, heading in SECTIONS.items() if heading in sections}
    values |= _license(front)
    if _RECORD not in sections:
        raise reading.Refused(f"has no section {_RECORD!r}; expected a model card of diffnet_tf.")
    record = _json_block(sections[_RECORD])
    if twice := sorted(record.keys() & set(TEXTS)):
        raise reading.Refused(f"has {twice[0]!r} in its record; expected it in the text.")
    values |= record
    _check_values(values)
    return values


def _parted(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines of the front matter, and all that follow."""
    if lines[0].rstrip() != "---":
        return [], lines
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        raise reading.Refused("has front matter without an end, a second line '---'.")
    return lines[1:end], lines[end + 1 :]


def _license(front: list[str]) -> dict[str, str]:
    """The licence, a plain or quoted scalar of YAML."""
    found = [line.partition(":")[2].strip().strip("'\"") for line in front if line.startswith("license:")]
    if len(found) > 1:
        raise reading.Refused("names a license twice; expected one.")
    if found and found[0] and not _LICENSE.fullmatch(found[0]):
        raise reading.Refused(f"has the license {found[0]!r:.50}; expected a name such as 'cc-by-4.0'.")
    return {"license": found[0]} if found and found[0] else {}


def _sections(lines: list[str]) -> dict[str, str]:
    """Heading → text. What stands before the first heading has the heading ""."""
    sections: dict[str, list[str]] = {"": []}
    heading = ""
    for line in lines:
        if line.startswith(_HEADING):
            heading = line[len(_HEADING) :].strip()
            if heading in sections and heading in (_RECORD, *SECTIONS.values()):
                raise reading.Refused(f"has two sections {heading!r}; expected one.")
            sections[heading] = []
        else:
            sections[heading].append(line)
    return {heading: "\n".join(content).strip() for heading, content in sections.items()}


def _json_block(section: str) -> dict[str, Any]:
    """The values of the one block of JSON in a section."""
    _, start, rest = f"\n{section}\n".partition("\n```json\n")
    block, end, others = rest.partition("\n```\n")
    if not start or not end or "```" in others:
        raise reading.Refused(f"has no single block ```json in its section {_RECORD!r}.")
    values = reading.json_value(block)
    if not isinstance(values, dict):
        raise reading.Refused(f"has a {type(values).__name__} as its record; expected an object of named values.")
    return values


def _check_values(value: Any, depth: int = 0) -> None:
    """Refuse what harms those who print a card: control characters, and values nested too deeply."""
    if depth > DEPTH:
        raise reading.Refused(f"holds values that are nested more than {DEPTH} deep.")
    if isinstance(value, str) and not _printable(value):
        raise reading.Refused(f"holds {value!r:.50} with control characters; expected plain text.")
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_values(key, depth)
            _check_values(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner, depth + 1)


def _printable(value: str) -> bool:
    """Whether a text has no characters that a terminal acts on, or that change the direction or the lines of a text."""
    return not _CONTROL.search(value)
