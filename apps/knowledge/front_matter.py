"""The block of YAML at the head of a Markdown file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

import yaml
from frontmatter.default_handlers import YAMLHandler

from apps.knowledge.errors import NoteFileError
from apps.knowledge.models import Verification, Visibility

MAX_CHARACTERS: Final = 20_000
_FENCE: Final = "---"


class _Loader(yaml.SafeLoader):
    """Plain data only, and no aliases: a few lines of them unfold into gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read; write the value out")
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """What a file says about itself; None and empty mean that it does not say."""

    title: str = ""
    slug: str = ""
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    visibility: Visibility | None = None
    verification: Verification | None = None
    observed_at: datetime | None = None


def read_front_matter(text: str) -> tuple[FrontMatter, str]:
    """Return what the head of a file says and the text below it. Keys that are not known are left alone.

    Raises NoteFileError when there is a head that cannot be read: its text must not be taken for the note's.
    """
    if text.split("\n", 1)[0].rstrip() != _FENCE:
        return FrontMatter(), text
    try:
        head, body = YAMLHandler().split(text)
    except ValueError as error:
        raise NoteFileError("The front matter has no end; close it with a line of '---'.") from error
    return _front_matter(_mapping(head)), body.lstrip("\r\n")


def _mapping(head: str) -> Mapping[Any, Any]:
    if len(head) > MAX_CHARACTERS:
        raise NoteFileError(f"The front matter has {len(head)} characters; {MAX_CHARACTERS} are read.")
    try:
        # It takes plain values only; ValueError is what it raises for a date such as 2026-02-30.
        found = YAMLHandler().load(head, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise NoteFileError(f"The front matter is no YAML: {' '.join(str(error).split())[:300]}") from error
    if not isinstance(found, Mapping | None):
        raise NoteFileError("The front matter is not a list of 'key: value' lines.")
    return found or {}


def _front_matter(values: Mapping[Any, Any]) -> FrontMatter:
    return FrontMatter(
        title=_line(values, "title"),
        slug=_line(values, "slug"),
        tags=_lines(values, "tags"),
        aliases=_lines(values, "aliases"),
        visibility=_choice(values, "visibility", Visibility),
        verification=_choice(values, "verification", Verification),
        observed_at=_moment(values, "observed_at"),
    )


def _line(values: Mapping[Any, Any], key: str) -> str:
    value = values.get(key)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float | date):
        raise NoteFileError(f"'{key}' in the front matter is not text; put it in quotes.")
    return " ".join(str(value).split())


def _lines(values: Mapping[Any, Any], key: str) -> tuple[str, ...]:
    value = values.get(key)
    items = value.split(",") if isinstance(value, str) else value or []
    if not isinstance(items, list):
        raise NoteFileError(f"'{key}' in the front matter is not a list; write [one, two].")
    return tuple(filter(None, (_line({key: item}, key) for item in items)))


def _choice[C: (Visibility, Verification)](values: Mapping[Any, Any], key: str, known: type[C]) -> C | None:
    value = _line(values, key)
    if value and value not in known.values:
        raise NoteFileError(
            f"'{key}' in the front matter is '{value[:80]}'; use one of {', '.join(known.values)}."
        )
    return known(value) if value else None


def _moment(values: Mapping[Any, Any], key: str) -> datetime | None:
    value = values.get(key)
    if value is None:
        return None
    try:
        if not isinstance(value, date):
            value = datetime.fromisoformat(str(value))
        if not isinstance(value, datetime):
            value = datetime.combine(value, time.min)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NoteFileError(f"'{key}' in the front matter is no date; write 2026-05-01T12:00:00Z.") from error
