"""One Python file as facts: what it imports, names, calls and says in strings. Rules read these, not the tree."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

GAP: Final = "{}"
"""Stands in a text for what is known only when the code runs."""

# What the bases of messages are called in full.
EVENTS: Final = frozenset({"monolith.contracts.Event", "monolith.contracts.messages.Event"})
COMMANDS: Final = frozenset({"monolith.contracts.Command", "monolith.contracts.messages.Command"})


class Import(NamedTuple):
    """One imported name."""

    name: str  # in full: `a.b` of `import a.b`, `a.b.c` of `from a.b import c`
    origin: str  # what is imported from: `a.b` of both
    line: int


class Use(NamedTuple):
    """A name that is or begins with an imported one, as long as it is written: `django.db.transaction.atomic`."""

    name: str
    line: int
    column: int


class Text(NamedTuple):
    """A string of the code, put together from its pieces."""

    value: str
    line: int
    in_lines: bool  # its line breaks are line breaks of the file

    def line_of(self, offset: int) -> int:
        """Return the line of the file that a character of the text stands in."""
        return self.line + (self.value.count("\n", 0, offset) if self.in_lines else 0)


class Argument(NamedTuple):
    """What a call is given, as far as the file says it."""

    text: str | None  # of a string, or of a name that this file gives one
    name: str  # of what is imported, in full; empty for all else


class Call(NamedTuple):
    """A call, or a look-up in brackets."""

    name: str  # in full where it begins with an imported name, else empty
    method: str  # the last part of what is called
    arguments: tuple[Argument, ...]
    keywords: Mapping[str, Argument]
    line: int
    column: int

    def argument(self, position: int, keyword: str) -> Argument | None:
        """Return what is given for a parameter."""
        if keyword in self.keywords:
            return self.keywords[keyword]
        return self.arguments[position] if position < len(self.arguments) else None


class Definition(NamedTuple):
    """A function or a class at the top level of a file."""

    name: str
    decorators: tuple[str, ...]  # in full where imported, else empty
    line: int
    end: int  # its last line

    def holds(self, line: int) -> bool:
        """Say whether a line is in its body or among its parameters."""
        return self.line <= line <= self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The facts of one file."""

    path: str  # relative to the project
    name: str  # dotted
    imports: tuple[Import, ...]
    uses: tuple[Use, ...]
    calls: tuple[Call, ...]
    items: tuple[Call, ...]  # `environ["HOME"]` as a call with one argument
    texts: tuple[Text, ...]  # no docstrings
    constants: Mapping[str, str]  # strings that names of the file stand for
    lines: Mapping[str, int]  # of classes, functions and assignments: `Site`, `Site.name`
    bases: Mapping[str, tuple[str, ...]]  # of the file's classes, in full where imported
    definitions: Mapping[str, Definition]
    hidden: tuple[Definition, ...]  # those that a later one of the same name took the place of

    def binds(self, name: str) -> bool:
        """Say whether the file has something of that name, its own or imported."""
        return name in self.lines or any(found.name.endswith(f".{name}") for found in self.imports)
