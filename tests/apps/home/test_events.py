"""What home tells of services, and what it shows of the notes that knowledge tells of."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.test import Client

from apps.home.models import ProbeLatch, ProbeSample, RecentNote, Service, SloSnapshot
from apps.home.pruning import prune
from apps.home.rollup import roll_up
from apps.home.samples.postgres import PostgresSamples
from contracts.home import SloBreached, SloRecovered
from contracts.knowledge import NoteChanged, NoteTombstoned, Verification
from monolith import atomic, entering
from monolith.contracts import Event
from monolith.events import outbox, publish_all
from monolith.testing.events import Events

pytestmark = pytest.mark.django_db(databases="__all__")

START: Final = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
STORE: Final = PostgresSamples()


def probed(*good: bool, first: datetime = START) -> datetime:
    """Record one probe a minute of a service that is expected to do well in an hour; return the last moment."""
    service, _ = Service.objects.get_or_create(
        slug="web", defaults={"name": "Web", "path": "/", "module": "hikes", "window_minutes": 60}
    )
    ProbeSample.objects.bulk_create(
        ProbeSample(
            service=service,
            at=first + n * MINUTE,
            good=each,
            failure="" if each else "timeout",
            latency_ms=9.0,
        )
        for n, each in enumerate(good)
    )
    return first + (len(good) - 1) * MINUTE


def test_a_breach_is_told_of_once_and_its_end_once(events: Events) -> None:
    with entering("home"):
        breached_at = probed(*[True] * 15, *[False] * 5)
        roll_up(store=STORE, now=breached_at)
        roll_up(store=STORE, now=breached_at + MINUTE)
        recovered_at = probed(*[True] * 70, first=breached_at + 2 * MINUTE)
        roll_up(store=STORE, now=recovered_at)
        roll_up(store=STORE, now=recovered_at + MINUTE)
    (breach,) = events.published(SloBreached)
    assert (breach.service, breach.name, breach.module, breach.at) == ("web", "Web", "hikes", breached_at)
    assert (breach.availability_pct, breach.target_pct, breach.window_minutes) == (75.0, 99.5, 60)
    assert breach.budget_left_minutes == -4.7
    (recovery,) = events.published(SloRecovered)
    assert (recovery.service, recovery.at, recovery.breached_at) == ("web", recovered_at, breached_at)
    assert (recovery.availability_pct, recovery.window_minutes) == (100.0, 60)
    assert [(each.key, each.producer) for each in events.envelopes()] == [("web", "home")] * 2


def test_a_roll_up_that_is_undone_was_not_told_and_is_told_the_next_time(events: Events) -> None:
    with entering("home"):
        now = probed(*[False] * 10)
        with suppress(RuntimeError), atomic():
            roll_up(store=STORE, now=now)
            raise RuntimeError("undone")
        assert not SloSnapshot.objects.exists()
        assert not ProbeLatch.objects.exists()
        assert events.published(SloBreached) == []
        roll_up(store=STORE, now=now)
    assert len(events.published(SloBreached)) == 1


def test_a_crossing_that_cannot_be_told_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(drafts: object) -> None:
        raise RuntimeError("no outbox")

    monkeypatch.setattr(outbox, "add", refuse)
    with entering("home"):
        with pytest.raises(RuntimeError, match="no outbox"):
            roll_up(store=STORE, now=probed(*[False] * 10))
        assert not SloSnapshot.objects.exists()
        assert not ProbeLatch.objects.exists()


def test_an_objective_that_is_met_is_not_told_of(events: Events) -> None:
    with entering("home"):
        roll_up(store=STORE, now=probed(*[True] * 20))
    assert events.envelopes() == []


def changed(slug: str, minute: int, *, title: str = "", is_public: bool = True) -> NoteChanged:
    return NoteChanged(
        slug=slug,
        title=title or slug.title(),
        revision=abs(minute) + 1,
        is_public=is_public,
        verification=Verification.VERIFIED,
        changed_at=START + minute * MINUTE,
    )


def removed(slug: str, minute: int) -> NoteTombstoned:
    return NoteTombstoned(slug=slug, title=slug.title(), revision=minute, removed_at=START + minute * MINUTE)


@pytest.fixture
def tell(events: Events) -> Callable[..., None]:
    """Let knowledge tell, and home hear of it."""

    def publish(*told: Event) -> None:
        with entering("knowledge"), atomic():
            publish_all(told)
        events.deliver()

    return publish


def known() -> list[str]:
    with entering("home"):
        return [note.title for note in RecentNote.objects.filter(is_removed=False)]


def test_notes_that_changed_are_known_newest_first_by_their_last_words(tell: Callable[..., None]) -> None:
    tell(changed("tide", 0), changed("moon", 1), changed("tide", 2, title="Tides"))
    assert known() == ["Tides", "Moon"]


def test_a_removed_note_is_not_shown_and_a_new_one_of_its_name_is(tell: Callable[..., None]) -> None:
    tell(changed("tide", 0), removed("tide", 1))
    assert known() == []
    tell(changed("tide", 2, title="Another tide"))
    assert known() == ["Another tide"]


def test_a_removal_that_overtakes_a_change_is_not_undone_by_it(tell: Callable[..., None]) -> None:
    """They come by two subscribers, and one does not wait for the other."""
    tell(removed("tide", 1))
    tell(changed("tide", 0))
    assert known() == []


def test_today_shows_the_notes_that_changed_on_its_day(
    tell: Callable[..., None], events: Events, client: Client, django_user_model: Any
) -> None:
    events.jobs.travel(to=START)
    client.force_login(django_user_model.objects.create_superuser("keeper", "", "secret"))
    tell(*(changed(f"note-{n}", n) for n in range(12)), changed("yesterday", -24 * 60), removed("note-3", 99))
    shown = client.get("/api/home/calendar/today").json()
    assert shown["notes_changed"] == 11
    assert [note["slug"] for note in shown["notes"]] == [
        f"note-{n}" for n in (11, 10, 9, 8, 7, 6, 5, 4, 2, 1)
    ]
    assert shown["notes"][0] == {
        "slug": "note-11",
        "title": "Note-11",
        "revision": 12,
        "is_public": True,
        "changed_at": "2026-03-02T10:41:00Z",
    }


def test_what_was_told_of_notes_is_pruned(tell: Callable[..., None]) -> None:
    tell(changed("old", 0), changed("new", 60 * 24))
    with entering("home"):
        assert prune(store=STORE, now=START + timedelta(days=7, hours=1)).notes == 1
    assert known() == ["New"]
