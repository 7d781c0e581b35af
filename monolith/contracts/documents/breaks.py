"""What a reader of the last released version stumbles over."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

RELEASED: Final = "released"
"""The folder, beside the documents of today, of those of the last release."""


class Direction(StrEnum):
    """Who reads: a request may come to mean more, a response less, and a field may be added to both."""

    REQUEST = "request"  # the new owner reads what old callers write
    RESPONSE = "response"  # old callers read what the new owner writes


@dataclass(frozen=True, slots=True)
class Break:
    """One difference, where it is, and what to do instead."""

    place: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.place} {self.what}; {self.fix}"
