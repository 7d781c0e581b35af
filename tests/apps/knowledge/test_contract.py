"""What knowledge promises other modules, and what it asks of compliance."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.compliance import services as compliance
from apps.compliance.models import Grant, Rule
from apps.knowledge import api, publishing, services
from apps.knowledge.content import content_of
from apps.knowledge.errors import NoteNotFoundError, PublishingRefusedError
from apps.knowledge.models import Note, PublicNote, RawInput, SearchAudit
from contracts.knowledge import NoteNotFound, RawInputRefused, SearchMode, Visible
from monolith import entering
from monolith.contracts import TransportFailure, acting, forget_decisions
from monolith.contracts.call import Call
from monolith.contracts.dispatcher import dispatcher
from monolith.contracts.transports.json_round_trip import JsonRoundTrip

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_knowledge")]


@pytest.fixture
def wiki(in_knowledge: None) -> None:
    for title, body, public in (
        ("Relay", "It moves rows to [[Outbox]] and [[Plan]].\n\n## Retries\n\nWith back-off.", True),
        ("Outbox", "Rows wait.", True),
        ("Plan", "It moves rows no more. See [[Relay]].", False),
    ):
        note = services.create_note(content=content_of(title=title, body=body, tags=["events"]))
        if public:
            services.show_note(slug=note.slug)


@pytest.fixture
def granted() -> Iterator[None]:
    forget_decisions()
    rule = Rule(action="knowledge.publish", right="knowledge.publish", resource="*", reason="test")
    grant = Grant(subject="user:1", right="knowledge.publish", resource="relay", reason="test")
    with entering("compliance"):
        compliance.make_rule(rule, by="command:test")
        compliance.make_grant(grant, by="command:test")
    yield
    forget_decisions()


@pytest.mark.usefixtures("wiki")
class TestProvided:
    @pytest.mark.parametrize("mode", SearchMode)
    def test_search_sees_public_notes_unless_told_otherwise(self, mode: SearchMode) -> None:
        found = api.search(text="what moves rows", mode=mode)
        assert {hit.slug for hit in found.hits} == {"relay", "outbox"}
        assert not SearchAudit.objects.exists()
        with acting(actor="user:7"):
            found = api.search(text="what moves rows", mode=mode, visible=Visible.ALL, limit=2)
        assert "plan" in {hit.slug for hit in found.hits}
        assert SearchAudit.objects.get().asked_by == "user:7"

    def test_a_hit_can_be_quoted_without_fetching_its_note(self) -> None:
        hit = api.search(text="retries with back-off").hits[0]
        assert (hit.slug, hit.section, hit.anchor, hit.passage) == (
            "relay",
            "Retries",
            "section-retries",
            "With back-off.",
        )

    def test_a_note_comes_as_text_and_as_html_without_what_the_reader_may_not_see(self) -> None:
        note = api.get_note(slug="relay")
        assert note.text == "It moves rows to Outbox and Plan.\n\nWith back-off."
        assert 'href="outbox"' in note.html
        assert 'href="plan"' not in note.html
        assert 'href="plan"' in api.get_note(slug="relay", visible=Visible.ALL).html
        assert (note.tags, note.verification) == (["events"], "unverified")

    @pytest.mark.parametrize("slug", ["plan", "nowhere"])
    def test_a_private_note_is_not_there(self, slug: str) -> None:
        with pytest.raises(NoteNotFound) as raised:
            api.get_note(slug=slug)
        assert raised.value.slug == slug

    @pytest.mark.parametrize("visible", Visible)
    def test_many_notes_cost_as_many_statements_as_one(self, visible: Visible) -> None:
        with CaptureQueriesContext(connections["knowledge"]) as asked:
            notes = api.get_notes(slugs=["plan", "relay", "nowhere", "outbox"], visible=visible)
        assert [note.slug for note in notes] == [
            slug for slug in ("plan", "relay", "outbox") if visible is Visible.ALL or slug != "plan"
        ]
        assert len(asked) == 3

    def test_raw_input_is_kept_by_its_content(self) -> None:
        with acting(actor="user:7"):
            first = api.ingest_raw(idempotency_key="a", text="heard")
        again = api.ingest_raw(idempotency_key="b", text="heard", origin="elsewhere")
        assert first.sha256 == again.sha256 == hashlib.sha256(b"heard").hexdigest()
        assert (first.is_new, again.is_new) == (True, False)
        assert RawInput.objects.get().received_from == "user:7"
        with pytest.raises(RawInputRefused, match="empty"):
            api.ingest_raw(idempotency_key="c", text="  ")


class Away:
    """Nobody answers."""

    is_remote = True

    def carry(self, call: Call) -> Any:
        raise TransportFailure(call.operation.label, "nobody answers at 127.0.0.1:9")


@pytest.mark.usefixtures("wiki", "granted")
class TestAskedOfCompliance:
    def shown(self) -> list[str]:
        return list(PublicNote.objects.order_by("slug").values_list("slug", flat=True))

    def test_each_note_needs_its_own_yes(self) -> None:
        Note.objects.update(visibility="private")
        publishing.publish_note(slug="relay", subject="user:1")
        for slug, subject in (("plan", "user:1"), ("outbox", "user:2")):
            with pytest.raises(PublishingRefusedError, match="missing"):
                publishing.publish_note(slug=slug, subject=subject)
        assert self.shown() == ["relay"]

    def test_a_gate_that_cannot_be_asked_denies(self) -> None:
        Note.objects.update(visibility="private")
        with (
            dispatcher().placing("compliance", Away()),
            pytest.raises(PublishingRefusedError, match="the compliance gate could not be asked"),
        ):
            publishing.publish_note(slug="relay", subject="user:1")
        assert self.shown() == []
        publishing.publish_note(slug="relay", subject="user:1")
        assert self.shown() == ["relay"]

    def test_the_gate_is_asked_outside_of_transactions_for_notes_that_exist(self) -> None:
        Note.objects.update(visibility="private")
        carrier = dispatcher()
        with carrier.placing("compliance", JsonRoundTrip(carrier._transports["compliance"])):  # as if remote
            publishing.publish_note(slug="relay", subject="user:1")
        with carrier.placing("compliance", Away()), pytest.raises(NoteNotFoundError):
            publishing.publish_note(slug="nowhere", subject="user:1")
