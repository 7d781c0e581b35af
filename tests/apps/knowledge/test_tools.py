"""What agents can do with notes, and what they cannot."""

from datetime import UTC, datetime

import pytest

from apps.compliance import services as compliance
from apps.compliance.models import Grant, Rule
from apps.knowledge import gaps, raw_input, services
from apps.knowledge.content import content_of
from apps.knowledge.models import Dispute, Note, RawInput, SearchAudit
from monolith import entering
from monolith.contracts import forget_decisions
from monolith.tools import decisions
from monolith.tools.calls import call_tool
from monolith.tools.models import Decision
from tests.tool_calls import all_items, answer, confirmed, guest, refusal

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def notes() -> None:
    """A public and a private note."""
    with entering("knowledge"):
        services.create_note(
            content=content_of(
                title="Open Sea", body="Ships sail the sea. See [[Harbour]].", tags=["sea", "ships"]
            )
        )
        services.show_note(slug="open-sea")
        services.create_note(
            content=content_of(
                title="Hidden Cove", body="A secret cove by the sea. [[Open Sea]]", tags=["sea"]
            )
        )


@pytest.mark.usefixtures("notes")
class TestReading:
    def test_a_search_finds_private_notes_too_and_says_which_are_public(self) -> None:
        me = guest("read:knowledge")

        found = answer(me, "knowledge_search_notes", text="sea")
        public = answer(me, "knowledge_search_notes", text="sea", visible="public")

        assert {hit["slug"]: hit["visibility"] for hit in found["hits"]} == {
            "open-sea": "public",
            "hidden-cove": "private",
        }
        assert [hit["slug"] for hit in public["hits"]] == ["open-sea"]
        assert (found["found"], public["found"]) == (2, 1)
        tagged = answer(me, "knowledge_search_notes", text="sea", tag="ships", mode="text", limit=1)
        assert [hit["slug"] for hit in tagged["hits"]] == ["open-sea"]

    def test_the_record_of_calls_is_the_only_one_of_a_search(self) -> None:
        answer(guest("read:knowledge"), "knowledge_search_notes", text="secret cove")

        with entering("knowledge"):
            assert not SearchAudit.objects.exists()

    def test_a_note_comes_in_parts_with_its_links(self) -> None:
        me = guest("read:knowledge")

        note = answer(me, "knowledge_get_note", slug="open-sea")
        rest = answer(me, "knowledge_get_note", slug="open-sea", body_start=6)

        assert note["body"].startswith("Ships sail")
        assert rest["body"] == note["body"][6:]
        assert note["body_length"] == len(note["body"])
        assert note["links"] == [{"kind": "link", "name": "Harbour", "slug": None}]
        assert note["backlinks"] == [{"kind": "link", "name": "Hidden Cove", "slug": "hidden-cove"}]
        assert "hidden-cove" in refusal(me, "knowledge_get_note", slug="hidden-cove", visible="public")

    def test_lists_come_in_pages_that_leave_nothing_out(self) -> None:
        me = guest("read:knowledge")

        assert [note["slug"] for note in all_items(me, "knowledge_list_notes", limit=1)] == [
            "hidden-cove",
            "open-sea",
        ]
        assert all_items(me, "knowledge_list_tags", limit=1) == [
            {"tag": "sea", "notes": 2},
            {"tag": "ships", "notes": 1},
        ]
        private = all_items(me, "knowledge_list_notes", visibility="private", tag="sea", text="cove")
        assert [note["slug"] for note in private] == ["hidden-cove"]
        for made_up in (
            "bm9uZQ",
            "W10",
            "WyJub25lIiwieCJd",
            "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwieCJd",
            "a",
        ):
            told = call_tool(me, "knowledge_list_notes", {"after": made_up})
            assert told.outcome in ("refused", "succeeded"), told
        assert "no `next`" in refusal(me, "knowledge_list_notes", after="bm9uZQ")
        assert "no `next`" in refusal(me, "knowledge_list_notes", after="WyJub25lIiwieCJd")

    def test_gaps_are_what_is_worth_writing(self) -> None:
        with entering("knowledge"):
            gaps.discover_gaps(now=datetime.now(UTC))

        found = answer(guest("read:knowledge"), "knowledge_list_gaps")

        assert [(gap["key"], gap["mentions"]) for gap in found["items"]] == [("harbour", 1)]

    def test_rows_that_are_equal_but_for_their_last_field_are_none_left_out(self) -> None:
        links = "[[Cliff]] [[Beach]] [[Delta]] [[Atoll]]"
        with entering("knowledge"):
            services.create_note(content=content_of(title="Coast", body=links))
            gaps.discover_gaps(now=datetime.now(UTC))

        found = all_items(guest("read:knowledge"), "knowledge_list_gaps", limit=2)

        assert [gap["key"] for gap in found] == ["atoll", "beach", "cliff", "delta", "harbour"]


class TestProposing:
    def test_a_proposal_waits_for_a_person_and_is_one_however_often_it_comes(self) -> None:
        me = guest("propose:knowledge", "read:knowledge", name="scout")
        words = {
            "title": "Harbour: a place",
            "body": "Where ships rest.",
            "tags": ["sea"],
            "origin": "a walk",
        }

        first = answer(me, "knowledge_propose_note", **words)
        again = answer(me, "knowledge_propose_note", **words)

        assert (first["is_new"], again["is_new"]) == (True, False)
        assert first["status"] == "waiting"
        with entering("knowledge"):
            raw = RawInput.objects.get()
            assert not Note.objects.exists()
            assert raw.content.startswith("---\ntitle: 'Harbour: a place'\n")
            assert raw.received_from == "token:scout"
            raw_input.discard_raw(sha256=raw.sha256)
        (listed,) = all_items(me, "knowledge_list_proposals")
        assert (listed["status"], listed["note_slug"]) == ("discarded", None)
        assert answer(me, "knowledge_list_proposals", status="waiting")["items"] == []

    def test_any_text_may_be_proposed(self) -> None:
        me = guest("propose:knowledge")

        kept = answer(me, "knowledge_ingest_raw", idempotency_key="one", text="Some words.")

        assert kept["is_new"]
        assert answer(me, "knowledge_ingest_raw", idempotency_key="one", text="Some words.") == kept

    def test_what_could_be_no_note_is_refused(self) -> None:
        assert "printable" in refusal(guest(), "knowledge_propose_note", title="\u200b", body="x")


class TestWriting:
    def test_a_note_is_written_once_and_private(self) -> None:
        me = guest("execute:knowledge")

        first = answer(me, "knowledge_create_note", title="Harbour", body="Rest.", tags=["sea"])
        again = answer(me, "knowledge_create_note", title="Harbour", body="Rest.", tags=["sea"])

        assert (first["slug"], first["visibility"]) == ("harbour", "private")
        assert again == first
        assert "already" in refusal(me, "knowledge_create_note", title="Harbour", body="Another one.")

    @pytest.mark.usefixtures("notes")
    def test_a_private_note_is_edited_on_the_revision_that_was_read(self) -> None:
        me = guest("execute:knowledge")

        edited = answer(me, "knowledge_edit_note", slug="hidden-cove", revision=1, body="Found.")

        assert (edited["revision"], edited["body"], edited["tags"]) == (2, "Found.", ["sea"])
        assert "revision 2" in refusal(me, "knowledge_edit_note", slug="hidden-cove", revision=1, body="?")
        assert "knowledge_list_notes" in refusal(me, "knowledge_edit_note", slug="none", revision=1)

    @pytest.mark.usefixtures("notes")
    def test_a_public_note_is_not_changed(self) -> None:
        assert "is public" in refusal(guest(), "knowledge_edit_note", slug="open-sea", revision=1, body="!")
        with entering("knowledge"):
            assert Note.objects.get(slug="open-sea").body.startswith("Ships")

    @pytest.mark.usefixtures("notes")
    def test_the_same_doubt_is_raised_once(self) -> None:
        doubt = {"slug": "open-sea", "claim": "Ships sail", "reason": "Some have engines."}
        me = guest("execute:knowledge", name="doubter")

        first = answer(me, "knowledge_dispute_note", **doubt)

        assert answer(me, "knowledge_dispute_note", **doubt) == first
        with entering("knowledge"):
            assert Dispute.objects.get().raised_by == "token:doubter"
            assert Note.objects.get(slug="open-sea").verification == "disputed"


@pytest.mark.usefixtures("notes")
class TestPublishing:
    def test_it_takes_a_person_and_the_gate(self) -> None:
        forget_decisions()
        me = guest("restricted:knowledge", name="editor")

        denied = confirmed(me, "knowledge_publish_note", slug="hidden-cove", revision=1)

        assert denied.outcome == "refused"
        assert "may not be published; missing" in denied.text
        with entering("knowledge"):
            assert Note.objects.get(slug="hidden-cove").visibility == "private"

        with entering("compliance"):
            compliance.make_rule(Rule(action="knowledge.publish", right="knowledge.publish"), by="user:1")
            compliance.make_grant(Grant(subject="token:editor", right="knowledge.publish"), by="user:1")
        forget_decisions()
        published = confirmed(me, "knowledge_publish_note", slug="hidden-cove", revision=1)

        assert published.content is not None, published.text
        assert published.content["visibility"] == "public"
        forget_decisions()

    def test_another_token_is_not_let_in_by_that_grant(self) -> None:
        forget_decisions()
        with entering("compliance"):
            compliance.make_rule(Rule(action="knowledge.publish", right="knowledge.publish"), by="user:1")
            compliance.make_grant(Grant(subject="token:editor", right="knowledge.publish"), by="user:1")

        denied = confirmed(guest(name="intruder"), "knowledge_publish_note", slug="hidden-cove", revision=1)

        assert denied.outcome == "refused"
        assert "token:intruder" in denied.text
        forget_decisions()

    def test_what_was_confirmed_is_not_edited_before_it_is_shown(self) -> None:
        forget_decisions()
        with entering("compliance"):
            compliance.make_rule(Rule(action="knowledge.publish", right="knowledge.publish"), by="user:1")
            compliance.make_grant(Grant(subject="token:editor", right="knowledge.publish"), by="user:1")
        me = guest("execute:knowledge", "restricted:knowledge", name="editor")
        asked = {"slug": "hidden-cove", "revision": 1}

        assert call_tool(me, "knowledge_publish_note", asked).outcome == "undecided"
        question = Decision.objects.get(status=Decision.Status.PENDING)
        assert question.arguments == asked
        assert decisions.decide(question.pk, approved=True, by="user:1")
        answer(me, "knowledge_edit_note", slug="hidden-cove", revision=1, body="Something else.")
        told = refusal(me, "knowledge_publish_note", **asked)

        assert told.startswith("'hidden-cove' is at revision 2, and this was asked of revision 1.")
        assert "knowledge_get_note" in told
        assert call_tool(me, "knowledge_publish_note", asked | {"revision": 2}).outcome == "undecided"
        with entering("knowledge"):
            assert Note.objects.get(slug="hidden-cove").visibility == "private"
        forget_decisions()
