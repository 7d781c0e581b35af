"""libpq password files: one `host:port:database:user:password` line per role.

Format: PostgreSQL documentation, "The Password File". A colon or backslash inside a field is escaped by a backslash.
"""

import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

_FIELD = re.compile(r"(?:\\.|[^:\\])*")


def generate_password() -> str:
    """Return a new random password of 32 characters."""
    return secrets.token_urlsafe(24)


def entries(path: Path) -> dict[str, str]:
    """Return the passwords in a password file by role; empty when there is no file."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = [_unescape(field) for field in _split(line)]
        if line and not line.startswith("#") and len(fields) == 5:
            found.setdefault(fields[3], fields[4])  # libpq takes the first line that matches
    return found


def set_entry(path: Path, *, role: str, password: str) -> None:
    """Add or change one role's password, leaving the others."""
    write_passfile(path, entries(path) | {role: password})


def write_passfile(path: Path, passwords: Mapping[str, str]) -> None:
    """Write a password file with exactly these roles, at once and readable by its owner alone.

    Host, port and database are wildcards, so the file survives a change of port; in exchange libpq would offer these
    passwords to any server that this process is pointed at.
    """
    lines = [f"*:*:*:{_escape(role)}:{_escape(password)}\n" for role, password in sorted(passwords.items())]
    write_private(path, "".join(lines))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, replacing the old one at once.

    Raises ValueError when the text of a password file would break its line format.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _split(line: str) -> list[str]:
    fields: list[str] = []
    position = 0
    while position <= len(line):
        match = _FIELD.match(line, position)
        if match is None:
            break
        fields.append(match.group())
        position = match.end() + 1
    return fields


def _escape(value: str) -> str:
    if "\n" in value or "\r" in value or "\0" in value:
        raise ValueError("a role or password with a line break does not fit a password file; choose another")
    return value.replace("\\", "\\\\").replace(":", "\\:")


def _unescape(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value)
