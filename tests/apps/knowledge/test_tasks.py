"""What knowledge does by itself, each task called as a worker calls it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.knowledge import reconcile, services, tasks
from apps.knowledge.content import content_of
from apps.knowledge.models import Gap, Note, SearchAudit

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_knowledge")]


def note(title: str, body: str = "") -> Note:
    return services.create_note(content=content_of(title=title, body=body))


def test_notes_of_an_older_version_are_derived_anew_and_old_searches_removed() -> None:
    note("One", "[[Two]]")
    note("Two")
    Note.objects.update(derivation="older", html="")
    SearchAudit.objects.create(at=timezone.now() - timedelta(days=91), query="x", found=0, took_ms=1)

    assert tasks.reconcile.call() == {"derived": 2, "left": (), "refused": {}, "searches": 1}
    assert "Two" in Note.objects.get(slug="one").html
    assert tasks.reconcile.call() == {"derived": 0, "left": (), "refused": {}, "searches": 0}


def test_when_the_time_is_up_the_next_run_goes_on() -> None:
    note("One")
    Note.objects.update(derivation="older")

    assert reconcile.reconcile_notes(now=timezone.now(), budget_s=-1).left == ("one",)
    assert tasks.reconcile.call()["derived"] == 1
    assert tasks.RECONCILE_BUDGET_S + 20 < tasks.RECONCILE_LIMIT_S


def test_names_that_are_linked_and_missing_become_gaps() -> None:
    note("One", "[[Two]]")

    assert tasks.discover_gaps.call() == {"opened": ("two",), "filled": 0, "unlinked": 0}
    assert Gap.objects.get().key == "two"
    note("Two")
    assert tasks.discover_gaps.call() == {"opened": (), "filled": 1, "unlinked": 0}


def test_notes_get_their_places() -> None:
    note("One", "[[Two]]")
    note("Two")

    assert tasks.layout.call() == {"notes": 2, "moved": 2}
    first, second = Note.objects.values_list("x", "y")
    assert first != second
    assert tasks.layout.call() == {"notes": 2, "moved": 0}
