"""libpq password files: one `host:port:database:user:password` line per role.

Format: PostgreSQL documentation, "The Password File". A colon or backslash inside a field is escaped by a backslash;
`*` in one of the first four fields matches anything; the first line that matches is used.
"""

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

ANY: Final = "*"

# Four fields, and the rest is the password: libpq lets colons stand in it.
_LINE: Final = re.compile(4 * r"((?:\\.|[^:\\])*):" + "(.*)")


class Line(NamedTuple):
    """One entry of a password file, unescaped."""

    host: str
    port: str
    database: str
    role: str
    password: str

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What the entry is for."""
        return self[:4]

    @property
    def wildcards(self) -> int:
        """How many of host, port and database are for any."""
        return self[:3].count(ANY)

    def serves(self, host: str | None, port: str | None, database: str | None) -> bool:
        """Say whether the entry is for this place; None is any place."""
        asked = zip((host, port, database), self[:3], strict=True)
        return all(wanted is None or field in (wanted, ANY) for wanted, field in asked)

    def __str__(self) -> str:
        return ":".join(_escape(field) for field in self)


def generate_password() -> str:
    """Return a new random password of 32 characters."""
    return secrets.token_urlsafe(24)


def entries(
    path: Path, *, host: str | None = None, port: str | None = None, database: str | None = None
) -> dict[str, str]:
    """Return the passwords in a password file by role, for one place or for any; empty when there is no file."""
    found: dict[str, str] = {}
    for line in filter(None, map(_parsed, _lines(path))):
        if line.serves(host, port, database):
            found.setdefault(line.role, line.password)
    return found


def set_entry(
    path: Path, *, role: str, password: str, host: str = ANY, port: str = ANY, database: str = ANY
) -> None:
    """Add or change one role's password, leaving every other line and comment as it is.

    A line for a particular place stands before one for any place, or libpq would never come to it.
    Raises ValueError when a field has a line break.
    """
    new = Line(host, port, database, role, password)
    kept: list[str] = []
    position = None
    for text in _lines(path):
        line = _parsed(text)
        if line and line.place == new.place:
            position = len(kept) if position is None else position
            continue
        if position is None and line and line.role == role and line.wildcards > new.wildcards:
            position = len(kept)
        kept.append(text)
    kept.insert(len(kept) if position is None else position, str(new))
    write_private(path, "".join(f"{text}\n" for text in kept))


def write_passfile(path: Path, passwords: Mapping[str, str]) -> None:
    """Write a password file with exactly these roles, at once and readable by its owner alone.

    Host, port and database are wildcards, so the file survives a change of port; in exchange libpq would offer these
    passwords to any server that this process is pointed at. Raises ValueError when a field has a line break.
    """
    lines = [Line(ANY, ANY, ANY, role, password) for role, password in sorted(passwords.items())]
    write_private(path, "".join(f"{line}\n" for line in lines))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, replacing the old one at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _lines(path: Path) -> list[str]:
    # Not splitlines(): a password may hold one of the other characters that it takes for a line's end.
    if not path.exists() or not (text := path.read_bytes().decode(errors="surrogateescape")):
        return []
    return text.removesuffix("\n").split("\n")


def _parsed(text: str) -> Line | None:
    match = None if text.startswith("#") else _LINE.fullmatch(text.rstrip("\r"))
    return Line(*(re.sub(r"\\(.)", r"\1", field) for field in match.groups())) if match else None


def _escape(value: str) -> str:
    if "\n" in value or "\r" in value or "\0" in value:
        raise ValueError("a role or password with a line break does not fit a password file; choose another")
    return value.replace("\\", "\\\\").replace(":", "\\:")
