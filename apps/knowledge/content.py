"""What people write in a note, and what of it is refused."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from apps.knowledge.errors import NoteRefusedError
from apps.knowledge.models import MAX_BODY, TITLE_LENGTH, Note
from apps.knowledge.names import key_of, slug_of

MAX_TAGS: Final = 30
MAX_ALIASES: Final = 30
TAG_LENGTH: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A note's words, made comparable: two that are equal are the same note text."""

    title: str
    body: str = ""
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    observed_at: datetime | None = None

    @property
    def hash(self) -> str:
        """SHA-256 in hexadecimal, over every field."""
        seen = self.observed_at.isoformat() if self.observed_at else None
        parts = [self.title, self.body, self.tags, self.aliases, seen]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def content_of(
    *,
    title: str,
    body: str,
    tags: Iterable[str] = (),
    aliases: Iterable[str] = (),
    observed_at: datetime | None = None,
) -> Content:
    """Return what was written in its stored form. Raises NoteRefusedError naming the field that cannot be stored."""
    return Content(
        title=_line("title", title),
        body=_body(body),
        tags=_tags(tags),
        aliases=_several("aliases", [_line("aliases", alias) for alias in aliases], MAX_ALIASES),
        observed_at=observed_at.astimezone(UTC) if observed_at else None,
    )


def written(note: Note) -> Content:
    """Return what a stored note says."""
    return Content(
        title=note.title,
        body=note.body,
        tags=tuple(note.tags),
        aliases=tuple(note.aliases),
        observed_at=note.observed_at,
    )


def checked_slug(slug: str) -> str:
    """Return a slug that can stand in an address. Raises NoteRefusedError."""
    if not slug:
        raise NoteRefusedError(
            "slug", "The name has no letter from a to z and no digit; send a slug with it."
        )
    if slug != slug_of(slug):
        raise NoteRefusedError("slug", f"'{slug}' is no slug; '{slug_of(slug) or 'a-name'}' would be one.")
    return slug


def _body(body: str) -> str:
    text = body.replace("\r\n", "\n").replace("\r", "\n")
    if "\x00" in text:
        raise NoteRefusedError("body", "The body has a NUL character; it is not text.")
    if len(text) > MAX_BODY:
        raise NoteRefusedError(
            "body", f"The body has {len(text)} characters; split it into notes of {MAX_BODY}."
        )
    return text


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    keys = tuple(filter(None, (key_of(tag) for tag in tags)))
    if any(len(key) > TAG_LENGTH for key in keys):
        raise NoteRefusedError("tags", f"A tag has more than {TAG_LENGTH} characters.")
    return _several("tags", keys, MAX_TAGS)


def _several(field: str, items: Iterable[str], limit: int) -> tuple[str, ...]:
    distinct = tuple(dict.fromkeys(items))
    if len(distinct) > limit:
        raise NoteRefusedError(field, f"A note has at most {limit} {field}, not {len(distinct)}.")
    return distinct


def _line(field: str, text: str) -> str:
    line = " ".join(text.split())
    if not line or len(line) > TITLE_LENGTH or not line.isprintable():
        raise NoteRefusedError(
            field, f"{field}: one line of 1 to {TITLE_LENGTH} printable characters is needed."
        )
    return line
