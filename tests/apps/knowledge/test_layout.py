"""The picture of the graph: the same every time, readable, and silent about private notes."""

from io import StringIO
from itertools import combinations
from math import dist, isfinite

import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.knowledge.content import content_of
from apps.knowledge.forces import Place, places_of
from apps.knowledge.layout import LayoutReport, layout_notes
from apps.knowledge.models import Note, PublicNote
from apps.knowledge.services import create_note, remove_note, show_note

in_database = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_knowledge")]


def named(count: int) -> list[str]:
    return [f"note-{number}" for number in range(count)]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def distances(places: list[Place], pairs: list[tuple[int, int]]) -> list[float]:
    return [dist(places[one], places[other]) for one, other in pairs]


def test_the_same_graph_gets_the_same_places() -> None:
    links = [(0, 1), (1, 2), (2, 0), (3, 4)]
    places = places_of(named(5), links)
    assert places == places_of(named(5), [(other, one) for one, other in reversed(links)] * 2)


def test_linked_notes_are_nearer_than_others() -> None:
    links = [(number, number // 3) for number in range(1, 40)]
    places = places_of(named(40), links)
    others = [pair for pair in combinations(range(40), 2) if pair[::-1] not in links]
    assert mean(distances(places, links)) < mean(distances(places, others)) / 2


def test_no_two_notes_are_in_one_place() -> None:
    hub = [(0, number) for number in range(1, 60)]
    places = places_of(named(60), hub)
    assert min(distances(places, list(combinations(range(60), 2)))) > 0.2


def test_groups_that_no_link_connects_lie_apart() -> None:
    groups = [list(combinations(range(start, start + 6), 2)) for start in (0, 6)]
    places = places_of(named(12), [pair for group in groups for pair in group])
    across = [(one, other) for one in range(6) for other in range(6, 12)]
    assert mean(distances(places, across)) > 2 * mean(distances(places, groups[0] + groups[1]))


def test_notes_without_links_stay_in_the_picture() -> None:
    assert max(abs(number) for place in places_of(named(30), []) for number in place) < 30


@given(
    links=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30),
    names=st.lists(st.text(max_size=5), min_size=8, max_size=8, unique=True),
)
@settings(max_examples=20, deadline=None)
def test_every_graph_has_a_finite_picture(names: list[str], links: list[tuple[int, int]]) -> None:
    places = places_of(names, links)
    assert len(places) == 8
    assert all(isfinite(number) and abs(number) < 1000 for place in places for number in place)


def test_nothing_and_a_single_note_have_a_picture() -> None:
    assert places_of([], []) == []
    assert places_of(["alone"], [(0, 0)]) == [pytest.approx((0, 0), abs=0.1)]


@pytest.fixture
def vault(in_knowledge: None) -> None:
    """Five notes in a ring; the first three are public."""
    slugs = named(5)
    for slug, following in zip(slugs, [*slugs[1:], slugs[0]], strict=True):
        create_note(slug=slug, content=content_of(title=slug, body=f"[[{following}]] [[nowhere]]"))
    for slug in slugs[:3]:
        show_note(slug=slug)


class TestOfNotes:
    pytestmark = [*in_database, pytest.mark.usefixtures("vault")]

    def test_every_note_gets_a_place(self) -> None:
        assert layout_notes() == LayoutReport(notes=5, moved=5)
        assert len(set(Note.objects.values_list("x", "y"))) == 5
        assert len(set(PublicNote.objects.values_list("x", "y"))) == 3

    def test_a_graph_that_did_not_change_is_not_written(self) -> None:
        layout_notes()
        before = list(Note.objects.order_by("pk").values())
        assert layout_notes() == LayoutReport(notes=5, moved=0)
        assert list(Note.objects.order_by("pk").values()) == before

    def test_private_notes_leave_the_public_picture_as_it_is(self) -> None:
        layout_notes()
        before = list(PublicNote.objects.order_by("pk").values())
        create_note(content=content_of(title="Secret", body="[[note-0]] [[note-1]] [[note-2]]"))
        remove_note(slug="note-4", revision=1)
        assert layout_notes().moved
        assert list(PublicNote.objects.order_by("pk").values()) == before

    def test_a_note_that_was_retired_keeps_no_public_place(self) -> None:
        layout_notes()
        Note.objects.filter(slug="note-1").update(visibility="private")
        layout_notes()
        assert Note.objects.values_list("public_x", "public_y").get(slug="note-1") == (0, 0)

    def test_the_command_says_what_it_did(self) -> None:
        output = StringIO()
        call_command("layout_notes", stdout=output)
        assert output.getvalue() == "5 of 5 notes moved\n"


@pytest.mark.django_db(databases="__all__")
@pytest.mark.usefixtures("in_knowledge")
def test_an_empty_vault_has_an_empty_picture() -> None:
    assert layout_notes() == LayoutReport(notes=0, moved=0)
