"""What agents can do with walks."""

import pytest

from apps.hikes.models import PublicWalk, Walk
from monolith import entering
from tests.apps.hikes.test_services import gpx_of
from tests.tool_calls import all_items, answer, confirmed, guest, refusal

pytestmark = pytest.mark.django_db(databases="__all__")


def test_a_file_becomes_a_draft_once() -> None:
    me = guest("execute:hikes", "read:hikes")
    gpx = gpx_of("Over the hill").decode()

    first = answer(me, "hikes_upload_walk", gpx=gpx, region="Dales")

    assert answer(me, "hikes_upload_walk", gpx=gpx, name="Another") == first
    assert (first["slug"], first["published"], first["difficulty"]) == ("over-the-hill", False, "moderate")
    assert all_items(me, "hikes_list_walks", published=False) == [first]
    assert all_items(me, "hikes_list_walks", published=True) == []
    assert refusal(me, "hikes_upload_walk", gpx="<gpx>")
    edited = answer(me, "hikes_edit_walk", slug="over-the-hill", summary="Up and down.", difficulty="easy")
    assert (edited["summary"], edited["difficulty"], edited["name"]) == (
        "Up and down.",
        "easy",
        "Over the hill",
    )
    assert "hikes_list_walks" in refusal(me, "hikes_edit_walk", slug="none", summary="x")


def test_a_person_confirms_what_everyone_sees() -> None:
    me = guest()
    answer(me, "hikes_upload_walk", gpx=gpx_of("Over the hill").decode())

    published = confirmed(me, "hikes_publish_walk", slug="over-the-hill")
    assert published.content is not None, published.text
    assert published.content["published"]
    assert answer(me, "hikes_get_walk", slug="over-the-hill")["windows"] == []
    confirmed(me, "hikes_retire_walk", slug="over-the-hill")
    with entering("hikes"):
        assert not PublicWalk.objects.exists()
        assert not Walk.objects.get().published


def test_lists_come_in_pages() -> None:
    me = guest()
    for name in ("One hill", "Two hills", "Three hills"):
        answer(me, "hikes_upload_walk", gpx=gpx_of(name).decode())

    found = all_items(me, "hikes_list_walks", limit=1)

    assert [walk["slug"] for walk in found] == ["three-hills", "two-hills", "one-hill"]
