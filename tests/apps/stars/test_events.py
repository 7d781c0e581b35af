"""Which good nights stars tells of, and that it tells of each once."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest

from apps.stars.models import SiteHour, ToldNight
from apps.stars.pruning import prune
from apps.stars.refresh import refresh_hours
from contracts.stars import GoodNightAhead
from monolith import atomic
from monolith.events import outbox
from monolith.testing.events import Events
from tests.apps.stars.clear_on import ClearOn
from tests.apps.stars.sites import NOW, make_site

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_stars")]

HOUR = timedelta(hours=1)


def refresh(*clear: int, now: datetime = NOW) -> None:
    refresh_hours(provider=ClearOn(*clear), now=now, force=True)


def nights(events: Events) -> list[date]:
    return [event.night for event in events.published(GoodNightAhead)]


def test_a_good_night_ahead_is_told_with_its_hours_and_under_its_site(events: Events) -> None:
    site = make_site()
    refresh(22)
    (event,) = events.published(GoodNightAhead)
    hours = SiteHour.objects.filter(clear_dark=True).order_by("starts_at")
    assert (event.site, event.name, event.night) == (site.slug, site.name, date(2026, 11, 22))
    assert (event.starts_at, event.ends_at) == (hours[0].starts_at, hours[len(hours) - 1].starts_at + HOUR)
    assert event.clear_dark_hours == len(hours) == 12
    assert event.score == round(sum(hour.score for hour in hours) / len(hours))
    (envelope,) = events.envelopes(GoodNightAhead)
    assert (envelope.key, envelope.producer) == (site.slug, "stars")


def test_a_night_is_told_of_once_however_often_the_forecast_says_so(events: Events) -> None:
    make_site()
    refresh(22)
    refresh(22)
    refresh()  # clouds
    refresh(22, 23)
    assert nights(events) == [date(2026, 11, 22), date(2026, 11, 23)]


def test_a_night_is_told_of_when_it_is_one_of_the_next_three(events: Events) -> None:
    make_site()
    refresh(21, 24)
    assert nights(events) == [date(2026, 11, 21)]
    refresh(21, 24, now=NOW + timedelta(days=1))
    assert nights(events) == [date(2026, 11, 21), date(2026, 11, 24)]


def test_a_night_with_one_clear_dark_hour_left_is_none(events: Events) -> None:
    make_site()
    refresh(21, now=datetime(2026, 11, 22, 5, 30, tzinfo=UTC))  # dark until 06:29
    assert nights(events) == []
    assert SiteHour.objects.filter(clear_dark=True).count() == 1


def test_each_site_is_told_of(events: Events) -> None:
    sites = [make_site("North"), make_site("South")]
    refresh(22)
    assert {event.site for event in events.published(GoodNightAhead)} == {site.slug for site in sites}


def test_what_is_undone_was_not_told_and_is_told_the_next_time(events: Events) -> None:
    make_site()
    with suppress(RuntimeError), atomic():
        refresh(22)
        raise RuntimeError("undone")
    assert (nights(events), SiteHour.objects.count(), ToldNight.objects.count()) == ([], 0, 0)
    refresh(22)
    assert nights(events) == [date(2026, 11, 22)]


def test_what_cannot_be_told_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(drafts: object) -> None:
        raise RuntimeError("no outbox")

    make_site()
    monkeypatch.setattr(outbox, "add", refuse)
    with pytest.raises(RuntimeError, match="no outbox"):
        refresh(22)
    assert (SiteHour.objects.count(), ToldNight.objects.count()) == (0, 0)


def test_what_was_told_is_forgotten_with_the_night() -> None:
    make_site()
    refresh(21, 22)
    assert ToldNight.objects.count() == 2
    prune(now=NOW + timedelta(days=2))
    assert [told.night for told in ToldNight.objects.all()] == [date(2026, 11, 22)]
