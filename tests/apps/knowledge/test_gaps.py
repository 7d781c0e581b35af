"""Gaps follow notes and links through their whole life."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError

from apps.knowledge.content import content_of
from apps.knowledge.errors import GapClosedError, GapNotFoundError
from apps.knowledge.gaps import REVIEWABLE, GapReport, discover_gaps, review_gap
from apps.knowledge.models import Gap, GapStatus, Note
from apps.knowledge.services import create_note, remove_note
from monolith import atomic

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_knowledge")]

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
NOTHING = GapReport(opened=(), filled=0, unlinked=0)


def note(title: str, body: str = "", aliases: tuple[str, ...] = ()) -> Note:
    return create_note(content=content_of(title=title, body=body, aliases=aliases))


def remove(title: str) -> None:
    remove_note(slug=title.lower(), revision=1)


def review(key: str, decision: GapStatus, *, now: datetime = NOW) -> Gap:
    assert decision in (GapStatus.ACCEPTED, GapStatus.DISMISSED)
    return review_gap(key=key, decision=decision, reviewer="ada", comment="why", now=now)


def gap_with(status: GapStatus) -> Gap:
    """Lead the gap `tide` to a status by what leads there in real life."""
    note("Sea", "[[Tide]]")
    discover_gaps(now=NOW)
    if status in (GapStatus.ACCEPTED, GapStatus.DISMISSED):
        review("tide", status)
    if status == GapStatus.FILLED:
        note("Tide")
    if status == GapStatus.UNLINKED:
        remove("Sea")
    discover_gaps(now=NOW)
    gap = Gap.objects.get()
    assert gap.status == status
    return gap


def test_a_name_that_is_linked_and_missing_is_a_gap() -> None:
    note("Sea", "The [[Spring tide]] and the [[moon]], see [[Sea]].")
    assert discover_gaps(now=NOW) == GapReport(opened=("moon", "spring-tide"), filled=0, unlinked=0)
    assert set(Gap.objects.values_list("key", "term", "mentions", "status", "opened_at")) == {
        ("spring-tide", "Spring tide", 1, "open", NOW),
        ("moon", "moon", 1, "open", NOW),
    }


def test_links_in_code_and_links_to_aliases_are_no_gaps() -> None:
    note("Sea", "`[[code]]` and [[The deep]]")
    note("Abyss", aliases=("the deep",))
    assert discover_gaps(now=NOW) == NOTHING


def test_mentions_count_notes_and_the_term_is_the_usual_spelling() -> None:
    note("One", "[[spring tide]] [[spring tide]] [[spring tide]]")
    note("Two", "[[Spring Tide]]")
    discover_gaps(now=NOW)
    assert Gap.objects.values_list("term", "mentions").get() == ("spring tide", 2)
    note("Three", "[[Spring Tide]] [[Spring Tide]] [[Spring Tide]]")
    assert discover_gaps(now=LATER) == NOTHING
    assert Gap.objects.values_list("term", "mentions", "opened_at", "changed_at").get() == (
        "Spring Tide",
        3,
        NOW,
        NOW,
    )


def test_looking_again_changes_nothing() -> None:
    gap_with(GapStatus.OPEN)
    before = Gap.objects.values().get()
    assert discover_gaps(now=LATER) == NOTHING
    assert Gap.objects.values().get() == before


@pytest.mark.parametrize("status", REVIEWABLE)
def test_a_gap_is_filled_when_a_note_gets_its_name(status: GapStatus) -> None:
    gap = gap_with(status)
    tides = note("Tides", aliases=("Tide",))
    assert discover_gaps(now=LATER) == GapReport(opened=(), filled=1, unlinked=0)
    gap.refresh_from_db()
    assert (gap.status, gap.note_id, gap.opened_at, gap.changed_at) == ("filled", tides.pk, NOW, LATER)


def test_a_gap_is_filled_by_the_note_that_links_to_it_would_find() -> None:
    gap = gap_with(GapStatus.OPEN)
    note("A flood", aliases=("Tide",))
    tide = note("Tide")
    discover_gaps(now=LATER)
    gap.refresh_from_db()
    assert gap.note_id == tide.pk


@pytest.mark.parametrize("status", REVIEWABLE)
def test_a_gap_that_nothing_links_to_any_more_is_unlinked(status: GapStatus) -> None:
    gap = gap_with(status)
    remove("Sea")
    assert discover_gaps(now=LATER) == GapReport(opened=(), filled=0, unlinked=1)
    gap.refresh_from_db()
    assert (gap.status, gap.mentions, gap.changed_at) == ("unlinked", 0, LATER)


def test_a_filled_gap_opens_again_when_its_note_goes() -> None:
    gap = gap_with(GapStatus.ACCEPTED)
    note("Tide")
    discover_gaps(now=NOW)
    remove("Tide")
    assert discover_gaps(now=LATER) == GapReport(opened=("tide",), filled=0, unlinked=0)
    gap.refresh_from_db()
    assert (gap.status, gap.note_id, gap.opened_at, gap.reviewed_by, gap.comment) == (
        "open",
        None,
        LATER,
        "",
        "",
    )


def test_an_unlinked_gap_opens_again_when_it_is_linked_again() -> None:
    gap = gap_with(GapStatus.UNLINKED)
    note("Moon", "[[tide]]")
    assert discover_gaps(now=LATER).opened == ("tide",)
    gap.refresh_from_db()
    assert (gap.status, gap.term, gap.mentions) == ("open", "tide", 1)


@pytest.mark.parametrize("status", [GapStatus.ACCEPTED, GapStatus.DISMISSED])
def test_what_was_reviewed_stays_so_while_it_is_missing(status: GapStatus) -> None:
    gap = gap_with(status)
    note("Moon", "[[tide]]")
    assert discover_gaps(now=LATER) == NOTHING
    gap.refresh_from_db()
    assert (gap.status, gap.mentions, gap.reviewed_by) == (status, 2, "ada")


@pytest.mark.parametrize("status", REVIEWABLE)
@pytest.mark.parametrize("decision", [GapStatus.ACCEPTED, GapStatus.DISMISSED])
def test_a_review_decides_and_a_later_one_may_decide_otherwise(
    status: GapStatus, decision: GapStatus
) -> None:
    gap_with(status)
    gap = review("tide", decision, now=LATER)
    gap.refresh_from_db()
    assert (gap.status, gap.reviewed_by, gap.comment, gap.changed_at) == (decision, "ada", "why", LATER)


@pytest.mark.parametrize("status", [GapStatus.FILLED, GapStatus.UNLINKED])
def test_there_is_nothing_to_review_in_a_gap_that_is_none(status: GapStatus) -> None:
    gap_with(status)
    with pytest.raises(GapClosedError, match=f"is {status}"):
        review("tide", GapStatus.ACCEPTED)


def test_an_unknown_gap_is_not_found() -> None:
    with pytest.raises(GapNotFoundError, match="'tide'"):
        review("tide", GapStatus.ACCEPTED)


def test_the_database_wants_to_know_who_reviewed() -> None:
    gap_with(GapStatus.OPEN)
    with pytest.raises(IntegrityError, match="review_has_reviewer"), atomic():
        Gap.objects.update(status=GapStatus.DISMISSED)


def test_the_command_says_what_it_found() -> None:
    note("Sea", "[[Tide]]")
    output = StringIO()
    call_command("discover_gaps", stdout=output)
    assert output.getvalue() == "opened: tide\n1 gaps opened, 0 filled, 0 unlinked\n"
