"""NMEA 0183 framing: TAG blocks, checksums and messages that span several sentences.

Source: IEC 61162-1 and, for readers without it, https://gpsd.gitlab.io/gpsd/AIVDM.html.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from apps.ships.rejection import Reason, Rejection

MAX_LINE: Final = 512  # bytes; what `checksum` folds at most, three times the standard's 164 with a TAG block
# Parts of one message are sent back to back; a part whose partners did not come within so many sentences is
# given up. Higher finds more partners in a feed merged from many receivers, and pairs more strangers.
PARTNERS_WITHIN: Final = 2000
# 100,000,000,000 seconds is the year 5138, as milliseconds it is 1973: larger numbers are milliseconds.
_MILLISECONDS_FROM: Final = 100_000_000_000
_BAD_TIME: Final = -1

_SENTENCE: Final = re.compile(
    rb"(?:\\(?P<tag>[^\\*]*)\*(?P<tag_sum>[0-9A-Fa-f]{2})\\)?"
    rb"!(?P<body>[A-Z]{2}VD[MO],(?P<total>[1-9]),(?P<number>[1-9]),(?P<sequence>[0-9]?),(?P<channel>[AB12]?),"
    rb"(?P<payload>[0-W`-w]+),(?P<fill>[0-5]))\*(?P<sum>[0-9A-Fa-f]{2})"
)
_TAG_TIME: Final = re.compile(rb"(?:^|,)c:([^,]*)")
_TAG_GROUP: Final = re.compile(rb"(?:^|,)g:\d+-\d+-(\d+)")
_FRAME: Final = re.compile(
    rb"![A-Z]{2}VD[MO],([^,]*),([^,]*),([^,]*),([^,]*),([^,]*),([^,*]*)\*([0-9A-Fa-f]{2})"
)


class Message(NamedTuple):
    """One AIS message put together from its sentences."""

    line: int  # of its first sentence, from 1
    at: int  # milliseconds since 1970
    payload: bytes  # six-bit armoured
    fill: int  # bits of padding at its end
    text: bytes  # its sentences, joined by newlines
    sentences: int


@dataclass(slots=True)
class _Parts:
    """The sentences of a message that have come so far."""

    line: int
    by_number: dict[int, tuple[bytes, bytes, int]]  # text, payload, fill
    at: int | None


class Framer:
    """Turns the lines of one source into messages; keeps the parts that still wait for their partners.

    `line` counts the lines taken, `incomplete` the sentences given up, `duplicates` the parts that came twice.
    """

    def __init__(self, *, line: int = 0) -> None:
        self.line = line
        self.incomplete = 0
        self.duplicates = 0
        self._waiting: dict[tuple[bytes, ...], _Parts] = {}

    def take(self, raw: bytes, *, received: int) -> Message | Rejection | None:
        """Take the next line, without its line end; None when its message still waits for other parts.

        `received`, in milliseconds since 1970, is the message's time when no TAG block tells one.
        """
        self.line += 1
        match = _SENTENCE.fullmatch(raw)
        if match is None or len(raw) > MAX_LINE:
            return Rejection(self.line, _diagnosis(raw), raw)
        tag, tag_sum, body, total, number, sequence, channel, payload, fill, checksum_ = match.groups()
        if checksum(body) != int(checksum_, 16):
            return Rejection(self.line, Reason.CHECKSUM, raw)
        at = None
        if tag is not None:
            if checksum(tag) != int(tag_sum, 16):
                return Rejection(self.line, Reason.TAG_BLOCK, raw)
            at = _tag_time(tag)
            if at == _BAD_TIME:
                return Rejection(self.line, Reason.TAG_TIME, raw)
        if total == b"1" == number:
            return Message(self.line, received if at is None else at, payload, int(fill), raw, 1)
        if number > total:
            return Rejection(self.line, Reason.FRAGMENT, raw)
        group = _TAG_GROUP.search(tag or b"")
        key = (body[:5], sequence, channel, total, group[1] if group else b"")
        return self._part(key, int(total), int(number), (raw, payload, int(fill)), at=at, received=received)

    def give_up(self) -> None:
        """Count every part that still waits as incomplete: its source has ended."""
        for key in list(self._waiting):
            self._abandon(key)

    def _part(
        self,
        key: tuple[bytes, ...],
        total: int,
        number: int,
        part: tuple[bytes, bytes, int],
        *,
        at: int | None,
        received: int,
    ) -> Message | None:
        self._abandon_old()
        parts = self._waiting.get(key)
        if parts is not None and number in parts.by_number:
            if parts.by_number[number][1:] == part[1:]:
                self.duplicates += 1  # heard by two receivers
                return None
            self._abandon(key)  # the sequence number is in use again: its old message will not be completed
            parts = None
        if parts is None:
            parts = self._waiting[key] = _Parts(self.line, {}, None)
        parts.by_number[number] = part
        parts.at = at if parts.at is None else parts.at
        if len(parts.by_number) < total:
            return None
        del self._waiting[key]
        ordered = [parts.by_number[index] for index in range(1, total + 1)]
        return Message(
            line=parts.line,
            at=received if parts.at is None else parts.at,
            payload=b"".join(payload for _, payload, _ in ordered),
            fill=ordered[-1][2],
            text=b"\n".join(text for text, _, _ in ordered),
            sentences=total,
        )

    def _abandon_old(self) -> None:
        for key, parts in list(self._waiting.items()):
            if parts.line >= self.line - PARTNERS_WITHIN:
                return  # in the order in which they came
            self._abandon(key)

    def _abandon(self, key: tuple[bytes, ...]) -> None:
        self.incomplete += len(self._waiting.pop(key).by_number)


def checksum(data: bytes) -> int:
    """Return the exclusive or of all bytes, at most MAX_LINE of them.

    Folds one large integer in half until a byte is left, in about half the time of a loop over the bytes.
    """
    value = int.from_bytes(data)
    if len(data) > 64:
        value ^= value >> 2048
        value ^= value >> 1024
        value ^= value >> 512
    value ^= value >> 256
    value ^= value >> 128
    value ^= value >> 64
    value ^= value >> 32
    value ^= value >> 16
    return (value ^ value >> 8) & 0xFF


def with_checksum(body: str) -> str:
    """Return `body` followed by `*` and its checksum."""
    return f"{body}*{checksum(body.encode()):02X}"


def tagged(sentence: str, *, at: int, source: str = "") -> str:
    """Return `sentence` behind a TAG block that says when, in milliseconds since 1970, and by whom it was heard.

    Whole seconds are written as seconds, as receivers do.
    """
    time = at // 1000 if at % 1000 == 0 else at
    fields = [f"s:{source}"] if source else []
    return f"\\{with_checksum(','.join([*fields, f'c:{time}']))}\\{sentence}"


def _tag_time(tag: bytes) -> int | None:
    """Return the TAG block's time in milliseconds since 1970; None when it tells none, _BAD_TIME when unreadable."""
    match = _TAG_TIME.search(tag)
    if match is None:
        return None
    digits = match[1]
    if not digits.isdigit() or len(digits) > 15:
        return _BAD_TIME
    value = int(digits)
    return value if value >= _MILLISECONDS_FROM else value * 1000


def _diagnosis(raw: bytes) -> Reason:
    """Say what is wrong with a line that is not a whole, well-formed sentence."""
    if len(raw) > MAX_LINE:
        return Reason.TOO_LONG
    if raw.startswith(b"\\"):
        _, tag, raw = [*raw.split(b"\\", 2), b"", b""][:3]
        if not re.fullmatch(rb"[^*]*\*[0-9A-Fa-f]{2}", tag):
            return Reason.TAG_BLOCK
    frame = _FRAME.fullmatch(raw)
    if frame is None:
        return Reason.NOT_A_SENTENCE
    total, number, sequence, _, payload, fill, checksum_ = frame.groups()
    if checksum(raw[1 : raw.rindex(b"*")]) != int(checksum_, 16):
        return Reason.CHECKSUM  # a field that makes no sense most likely broke on the air
    if not re.fullmatch(rb"[0-W`-w]+", payload) or not re.fullmatch(rb"[0-5]", fill):
        return Reason.PAYLOAD
    if not all(re.fullmatch(rb"[1-9]", field) for field in (total, number)) or not re.fullmatch(
        rb"[0-9]?", sequence
    ):
        return Reason.FRAGMENT
    return Reason.NOT_A_SENTENCE
