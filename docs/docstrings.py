"""An extension of Griffe, which reads docstrings for the reference: examples become code, names become links.

Docstrings are written for `help()` first. They show examples as doctests, and name a function of another module as
`data.pairs`. Markdown would make a quotation of the former and plain code of the latter.
"""

import re

import griffe

DOCTEST = re.compile(r"^(>>> .*(?:\n(?!\s*$).*)*)", re.MULTILINE)
NAME = re.compile(r"(?<![`\[])`((?:\w+\.)*\w+)(?:\(\))?`(?![`\]])")
TOGETHER = re.compile(r"^ +\w+(?:, \w+)+: ", re.MULTILINE)  # names that are explained together
SHORT = ("evaluation.", "networks.", "physics.", "restoration.", "training.")  # rooms whose modules have short names


class Docstrings(griffe.Extension):
    """Rewrites docstrings when all have been read, since a name may stand before what it names."""

    def on_package(self, *, pkg, **_):
        """Go through the modules, classes and functions of the package."""
        self.known = {}
        for path, target in _named(pkg):
            path = path.removeprefix(f"{pkg.name}.")
            for name in (path, path.partition(".")[2] if path.startswith(SHORT) else path):
                self.known[name] = self.known[f"dn.{name}"] = target
        for found in _documented(pkg):
            # Griffe takes what follows a space for a type.
            value = TOGETHER.sub(lambda match: match[0].replace(", ", ",\N{NO-BREAK SPACE}"), found.docstring.value)
            parts = DOCTEST.split(value)  # text, example, text, …
            parts[::2] = [NAME.sub(lambda match, at=found: self._linked(match, at), text) for text in parts[::2]]
            parts[1::2] = [f"```pycon\n{example}\n```" for example in parts[1::2]]
            found.docstring.value = "".join(parts)

    def _linked(self, match, found):
        """The name with a link to what it names; the name alone where that is not in the reference."""
        here = found.module.path.partition(".")[2]
        target = self.known.get(match[1]) or self.known.get(f"{here}.{match[1]}")
        if target is None or target in (found.path, found.module.path):
            return match[0]
        return f'<autoref identifier="{target}" optional>{match[0]}</autoref>'


def _documented(parent):
    """Everything below a module or class that has a docstring of its own."""
    for member in parent.members.values():
        if not member.is_alias:
            if member.docstring:
                yield member
            if member.is_module or member.is_class:
                yield from _documented(member)


def _named(pkg):
    """(path, path of what it names): the same, or where a module takes its public name from."""
    for found in _documented(pkg):
        yield found.path, found.path
        if found.is_module:
            yield from ((member.path, member.target_path) for member in found.members.values() if member.is_alias)
    for found in _documented(pkg):  # `data.pairs` is the function, not the module that it stands in
        if found.is_function and found.parent.name == found.name:
            yield found.parent.path, found.path
