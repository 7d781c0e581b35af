"""Names of subjects, actions, resources and rights, and the patterns that stand for many of them.

A pattern is a name, or `*`, or a name up to a separator and then `*`: `knowledge.*`, `user:*`, `source:file/*`. A star
elsewhere is refused: `user:1*` would quietly be user 10 as well.
"""

import re
from typing import Final

from django.core.exceptions import ValidationError

MAX_LENGTH: Final = 200  # as in the contract
ANYTHING: Final = "*"
SEPARATORS: Final = ".:/"

# The same in Python, in PostgreSQL's CHECK constraints and in OpenAPI.
RIGHT: Final = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$"
PATTERN: Final = r"^(\*|[^\x00-\x1f\x7f*]+|[^\x00-\x1f\x7f*]*[.:/]\*)$"
SUBJECT: Final = r"^(\*|[a-z][a-z0-9_]*:(\*|[^\x00-\x1f\x7f*]+|[^\x00-\x1f\x7f*]*[.:/]\*))$"


def patterns_matching(name: str) -> list[str]:
    """Return every pattern that `name` fits: itself, `*`, and what it begins with up to each separator."""
    beginnings = [name[: place + 1] for place, character in enumerate(name) if character in SEPARATORS]
    return [ANYTHING, *(f"{beginning}{ANYTHING}" for beginning in beginnings), name]


def pattern_problem(value: str) -> str | None:
    """Say why `value` is no pattern, with the fix; None when it is one."""
    if re.fullmatch(PATTERN, value):
        return None
    if not value:
        return "is empty; write * for anything"
    if re.search(r"[\x00-\x1f\x7f]", value):
        return "holds a control character; write it in one line of printable text"
    if "*" in value[:-1]:
        return "has a star before its end; a pattern has one star, at the end"
    return "matches every name that goes on after it; put one of . : / before the star, or write * alone"


def subject_problem(value: str) -> str | None:
    """Say why `value` is no pattern of subjects, with the fix; None when it is one."""
    if re.fullmatch(SUBJECT, value):
        return None
    return pattern_problem(value) or f"does not begin with a kind of subject; write user:{value}"


def right_problem(value: str) -> str | None:
    """Say why `value` is no right, with the fix; None when it is one."""
    if re.fullmatch(RIGHT, value):
        return None
    return "is no right; write a module, a dot and what it allows there, in lower case: ships.ingest"


def validate_pattern(value: str) -> None:
    _refuse(value, pattern_problem(value))


def validate_subject(value: str) -> None:
    _refuse(value, subject_problem(value))


def validate_right(value: str) -> None:
    _refuse(value, right_problem(value))


def _refuse(value: str, problem: str | None) -> None:
    if problem:
        raise ValidationError(f"{value!r} {problem}.")
