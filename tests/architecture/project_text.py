"""A small project as one text: a comment, then `-- path --` before the text of each file (Go's txtar format)."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_HEADING: Final = re.compile(r"^-- (\S+) --\n", re.MULTILINE)


def parse(text: str) -> tuple[str, dict[str, str]]:
    """Return the comment and the files by path."""
    comment, *rest = _HEADING.split(text)
    return comment, dict(zip(rest[::2], rest[1::2], strict=True))


def form(comment: str, files: Mapping[str, str]) -> str:
    """Return the text that `parse` reads."""
    return comment + "".join(f"-- {path} --\n{text}" for path, text in files.items())


def write(files: Mapping[str, str], directory: Path) -> None:
    """Make the files below `directory`."""
    for path, text in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
