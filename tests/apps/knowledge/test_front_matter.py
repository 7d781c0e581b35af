"""The head of a file: what is read of it, and what is refused instead of taken for text."""

from datetime import UTC, datetime

import pytest

from apps.knowledge.errors import NoteFileError
from apps.knowledge.front_matter import MAX_CHARACTERS, FrontMatter, read_front_matter
from apps.knowledge.models import Verification, Visibility


def test_everything_that_a_file_can_say() -> None:
    text = """---
title: The relay
slug: relay
tags: [events, "Two words"]
aliases:
  - Mover
visibility: public
verification: verified
observed_at: 2026-05-01T12:00:00+02:00
sources: [not, ours]
---

# Text
"""
    said, body = read_front_matter(text)
    assert said == FrontMatter(
        title="The relay",
        slug="relay",
        tags=("events", "Two words"),
        aliases=("Mover",),
        visibility=Visibility.PUBLIC,
        verification=Verification.VERIFIED,
        observed_at=datetime(2026, 5, 1, 10, tzinfo=UTC),
    )
    assert body == "# Text\n"


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("No head.", "No head."),
        ("", ""),
        ("---\n---\nText", "Text"),
        ("---\r\ntitle: x\r\n---\r\nText", "Text"),
        ("----\nA rule.\n", "----\nA rule.\n"),
        (" ---\nA rule.\n", " ---\nA rule.\n"),
        ("---\ntitle: x\n---\nA\n\n---\n\nB", "A\n\n---\n\nB"),
    ],
)
def test_the_text_is_what_is_below_the_head(text: str, body: str) -> None:
    assert read_front_matter(text)[1] == body


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tags: one, two", ("one", "two")),
        ("tags: [1, 2026-01-01]", ("1", "2026-01-01")),
        ("tags:", ()),
        ("tags: []", ()),
        ("tags: [one, null, '']", ("one",)),
    ],
)
def test_lists_are_read_as_people_write_them(line: str, expected: tuple[str, ...]) -> None:
    assert read_front_matter(f"---\n{line}\n---\n")[0].tags == expected


@pytest.mark.parametrize(
    "value", ["2026-05-01", "'2026-05-01'", "2026-05-01 00:00:00", "2026-04-30T22:00:00-02:00"]
)
def test_a_day_is_its_first_moment_in_utc(value: str) -> None:
    assert read_front_matter(f"---\nobserved_at: {value}\n---\n")[0].observed_at == datetime(
        2026, 5, 1, tzinfo=UTC
    )


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("title: [", "no YAML"),
        ("title: a: b", "no YAML"),
        ("title: x\n\ttags: y", "no YAML"),
        ("- one\n- two", "not a list of 'key: value'"),
        ("just words", "not a list of 'key: value'"),
        ("x: !!python/object/apply:os.system [ls]", "no YAML"),
        ("x: !!python/name:os.system", "no YAML"),
        (BOMB, "aliases"),
        ("x: " + "[" * 9_000, "no YAML"),
        ("x: " + "9" * 5_000, "no YAML"),
        ("observed_at: 2026-02-30", "no YAML"),
        ("observed_at: soon", "no date"),
        ("observed_at: [1]", "no date"),
        ("title: [a]", "'title'"),
        ("title: true", "'title'"),
        ("slug: {a: 1}", "'slug'"),
        ("tags: {a: 1}", "'tags'"),
        ("tags: [[a]]", "'tags'"),
        ("visibility: everyone", "private, public"),
        ("visibility: Public", "private, public"),
        ("verification: maybe", "unverified, verified, disputed"),
        ("x: " + "y" * MAX_CHARACTERS, f"{MAX_CHARACTERS} are read"),
        ("x: \x07", "no YAML"),
    ],
    ids=lambda value: value[:30],
)
def test_a_head_that_cannot_be_read_is_refused_with_the_reason(head: str, reason: str) -> None:
    with pytest.raises(NoteFileError, match=reason):
        read_front_matter(f"---\n{head}\n---\nText")


def test_a_head_without_an_end_is_refused() -> None:
    with pytest.raises(NoteFileError, match="close it"):
        read_front_matter("---\ntitle: x\n\nText")
