"""Why a sentence was not taken."""

import enum
from dataclasses import dataclass
from typing import Final

# A sentence has at most 82 characters by IEC 61162-1, its TAG block as many again; a message up to nine of them.
KEPT_CHARACTERS: Final = 1000


class Reason(enum.StrEnum):
    """Every reason for which a sentence is rejected; the values are what people see and store."""

    NOT_A_SENTENCE = "not a sentence"  # no !..VDM or !..VDO frame to be found
    TOO_LONG = "too long"
    TAG_BLOCK = "bad TAG block"  # unterminated, no checksum, or a wrong one
    TAG_TIME = "bad TAG time"
    CHECKSUM = "bad checksum"
    FRAGMENT = "bad fragment numbers"
    PAYLOAD = "bad payload"  # not six-bit text, or too short for its type
    TYPE = "type not tracked"  # valid, but says nothing about a vessel's place or identity
    MMSI = "bad MMSI"
    NO_POSITION = "no position"  # latitude 91 or longitude 181: "not available"
    POSITION_RANGE = "position out of range"
    TIME_AHEAD = "time ahead of the clock"
    TIME_OLD = "time older than what is kept"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A message that was not taken: the line it started on, its sentences joined by newlines, and why."""

    line: int
    reason: Reason
    text: bytes
    sentences: int = 1

    @property
    def kept_text(self) -> str:
        """The sentences as stored: printable, bounded."""
        text = self.text[:KEPT_CHARACTERS].decode("ascii", errors="backslashreplace")
        return text.replace("\x00", "\\x00")[:KEPT_CHARACTERS]
