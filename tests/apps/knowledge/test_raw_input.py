"""Raw input is named by its content: the same text is one row, however often it comes."""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError

from apps.knowledge.content import content_of
from apps.knowledge.errors import RawInputNotFoundError, RawInputRefusedError
from apps.knowledge.models import MAX_RAW, RawInput
from apps.knowledge.raw_input import Receipt, discard_raw, ingest_raw, use_raw
from apps.knowledge.services import create_note, remove_note
from monolith import atomic

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_knowledge")]

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def ingest(text: str, *, by: str = "ada", now: datetime = NOW) -> Receipt:
    return ingest_raw(text=text, received_from=by, now=now)


def test_a_text_is_kept_under_its_checksum() -> None:
    receipt = ingest_raw(
        text="Ebb und Flut\n", received_from="ada", now=NOW, media_type="text/plain", origin="a mail"
    )
    assert receipt == Receipt(sha256=hashlib.sha256(b"Ebb und Flut\n").hexdigest(), is_new=True)
    raw = RawInput.objects.get()
    assert (raw.sha256, raw.content, raw.media_type, raw.origin) == (
        receipt.sha256,
        "Ebb und Flut\n",
        "text/plain",
        "a mail",
    )
    assert (raw.received_from, raw.received_at, raw.status) == ("ada", NOW, "waiting")


def test_the_same_text_is_the_same_row_and_stays_as_it_was() -> None:
    first = ingest("tide")
    again = ingest("tide", by="bob", now=NOW + timedelta(days=1))
    assert (again.sha256, again.is_new) == (first.sha256, False)
    assert RawInput.objects.values_list("received_from", "received_at").get() == ("ada", NOW)


def test_another_text_is_another_row_down_to_a_space() -> None:
    assert ingest("tide").sha256 != ingest("tide ").sha256
    assert RawInput.objects.count() == 2


def test_what_was_discarded_stays_so_when_it_comes_again() -> None:
    sha256 = ingest("spam").sha256
    assert discard_raw(sha256=sha256).status == "discarded"
    assert not ingest("spam").is_new
    assert RawInput.objects.values_list("status", flat=True).get() == "discarded"


def test_what_was_used_points_to_its_note_for_as_long_as_there_is_one() -> None:
    note = create_note(content=content_of(title="Tide", body=""))
    raw = use_raw(sha256=ingest("tide").sha256, note=note.pk)
    assert (raw.status, raw.note_id) == ("used", note.pk)
    remove_note(slug="tide", revision=1)
    raw.refresh_from_db()
    assert (raw.status, raw.note) == ("used", None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("a\x00b", "NUL"),
        ("a\ud800b", "surrogate"),
        ("a" * (MAX_RAW + 1), "parts"),
    ],
    ids=["nothing", "blank", "NUL", "surrogate", "long"],
)
def test_what_is_no_text_is_refused(text: str, reason: str) -> None:
    with pytest.raises(RawInputRefusedError, match=reason):
        ingest(text)
    assert not RawInput.objects.exists()


def test_the_longest_text_is_kept() -> None:
    assert ingest("é" * MAX_RAW).is_new


def test_an_unknown_checksum_is_not_found() -> None:
    with pytest.raises(RawInputNotFoundError, match="0" * 64):
        discard_raw(sha256="0" * 64)
    with pytest.raises(RawInputNotFoundError):
        use_raw(sha256="0" * 64, note=uuid4())


def test_the_database_holds_content_and_checksum_together() -> None:
    ingest("tide")
    with pytest.raises(IntegrityError, match="knowledge_raw_is_its_content"), atomic():
        RawInput.objects.update(content="ebb")
