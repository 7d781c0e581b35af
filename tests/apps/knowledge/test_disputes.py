"""Disputes: a doubt marks its note, and settling the last one takes the mark away."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError

from apps.knowledge.content import content_of
from apps.knowledge.disputes import raise_dispute, settle_dispute
from apps.knowledge.errors import DisputeNotFoundError, DisputeSettledError, NoteNotFoundError
from apps.knowledge.models import Dispute, DisputeStatus, Note, PublicNote, Verification
from apps.knowledge.services import create_note, edit_note, remove_note, show_note
from monolith import atomic

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_knowledge")]

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def tide(in_knowledge: None) -> Note:
    return create_note(
        content=content_of(title="Tide", body="Two a day."), verification=Verification.VERIFIED
    )


def doubt() -> Dispute:
    return raise_dispute(slug="tide", claim="Two a day.", reason="Not everywhere.", raised_by="ada", now=NOW)


def settle(dispute: Dispute, outcome: DisputeStatus) -> Dispute:
    assert outcome in (DisputeStatus.UPHELD, DisputeStatus.REJECTED)
    return settle_dispute(
        number=dispute.pk, outcome=outcome, settled_by="bob", resolution="Looked it up.", now=NOW
    )


def verification() -> str:
    return Note.objects.get().verification


def test_a_doubt_marks_the_note() -> None:
    dispute = doubt()
    assert (dispute.status, dispute.revision, dispute.raised_by) == ("open", 1, "ada")
    assert verification() == "disputed"


def test_a_doubt_is_about_the_revision_that_was_doubted() -> None:
    edit_note(slug="tide", revision=1, body="One a day.")
    assert doubt().revision == 2


def test_readers_of_a_public_note_see_that_it_is_disputed() -> None:
    show_note(slug="tide")
    doubt()
    assert PublicNote.objects.get().verification == "disputed"


@pytest.mark.parametrize(
    ("outcome", "then"), [(DisputeStatus.UPHELD, "unverified"), (DisputeStatus.REJECTED, "verified")]
)
def test_settling_takes_the_mark_away(outcome: DisputeStatus, then: str) -> None:
    dispute = settle(doubt(), outcome)
    dispute.refresh_from_db()
    assert (dispute.status, dispute.settled_by, dispute.settled_at, dispute.resolution) == (
        outcome,
        "bob",
        NOW,
        "Looked it up.",
    )
    assert verification() == then


def test_the_mark_stays_until_the_last_dispute_is_settled() -> None:
    first, second = doubt(), doubt()
    settle(first, DisputeStatus.REJECTED)
    assert verification() == "disputed"
    settle(second, DisputeStatus.UPHELD)
    assert verification() == "unverified"


def test_what_is_settled_stays_settled() -> None:
    dispute = settle(doubt(), DisputeStatus.UPHELD)
    with pytest.raises(DisputeSettledError, match="upheld"):
        settle(dispute, DisputeStatus.REJECTED)
    assert verification() == "unverified"


def test_disputes_go_with_their_note() -> None:
    dispute = doubt()
    remove_note(slug="tide", revision=1)
    with pytest.raises(DisputeNotFoundError, match=str(dispute.pk)):
        settle(dispute, DisputeStatus.UPHELD)


def test_there_is_nothing_to_doubt_in_a_note_that_is_not_there() -> None:
    with pytest.raises(NoteNotFoundError):
        raise_dispute(slug="ebb", claim="It is.", reason="It is not.", raised_by="ada", now=NOW)


def test_the_database_wants_to_know_who_settled() -> None:
    doubt()
    with pytest.raises(IntegrityError, match="settled_by_somebody"), atomic():
        Dispute.objects.update(status=DisputeStatus.UPHELD)
