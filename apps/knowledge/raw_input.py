"""Raw input: text from outside, named by its content, until somebody makes a note of it or discards it.

Runs as knowledge: enter the module first.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.knowledge.errors import RawInputNotFoundError, RawInputRefusedError
from apps.knowledge.models import MAX_RAW, RawInput, RawStatus
from monolith import atomic


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was made of a text that came in."""

    sha256: str
    is_new: bool  # False: the same text was there before, and stays as it was


def ingest_raw(
    *, text: str, received_from: str, now: datetime, media_type: str = "text/markdown", origin: str = ""
) -> Receipt:
    """Keep a text, once however often it comes. Raises RawInputRefusedError."""
    sha256 = hashlib.sha256(_checked(text)).hexdigest()
    _, is_new = RawInput.objects.get_or_create(
        sha256=sha256,
        defaults={
            "content": text,
            "media_type": media_type,
            "origin": origin,
            "received_from": received_from,
            "received_at": now,
        },
    )
    return Receipt(sha256=sha256, is_new=is_new)


def use_raw(*, sha256: str, note: UUID) -> RawInput:
    """Say that a note was made of a raw input. Raises RawInputNotFoundError."""
    return _moved(sha256, RawStatus.USED, note)


def discard_raw(*, sha256: str) -> RawInput:
    """Say that no note will be made of a raw input; the same text stays discarded when it comes again.

    Raises RawInputNotFoundError.
    """
    return _moved(sha256, RawStatus.DISCARDED, None)


def _checked(text: str) -> bytes:
    if not text.strip():
        raise RawInputRefusedError("The text is empty; send something to make a note of.")
    if len(text) > MAX_RAW:
        raise RawInputRefusedError(f"The text has {len(text)} characters; send parts of at most {MAX_RAW}.")
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise RawInputRefusedError("The text has half a surrogate pair; send it as UTF-8.") from error
    if b"\x00" in data:
        raise RawInputRefusedError("The text has a NUL character; it is not text.")
    return data


def _moved(sha256: str, status: RawStatus, note: UUID | None) -> RawInput:
    with atomic():
        raw = RawInput.objects.select_for_update().defer("content").filter(sha256=sha256).first()
        if raw is None:
            raise RawInputNotFoundError(sha256)
        raw.status, raw.note_id = status, note
        raw.save(update_fields=["status", "note"])
    return raw
