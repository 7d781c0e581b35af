"""What agents can do in channels, as whom, and that nothing happens twice."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from apps.chat import deliveries, summaries, trust
from apps.chat.channels import make_channel, set_archived
from apps.chat.models import Channel, Delivery, Message, ModerationEvent, Reminder, State
from apps.compliance import services as compliance
from apps.compliance.models import Grant, Rule
from monolith import entering
from monolith.contracts import forget_decisions
from monolith.testing.jobs import Jobs
from monolith.testing.placement import modules_to_place
from monolith.tools.calls import call_tool
from monolith.tools.errors import ToolCancelled
from monolith.tools.progress import Progress
from monolith.tools.registry import tools
from monolith.tools.tokens import Identity
from tests.apps.chat.notes import ASKED, write_notes
from tests.tool_calls import all_items, answer, confirmed, guest, refusal

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("granted", "channel")]


@pytest.fixture
def granted() -> Iterator[None]:
    """Let the token helper do everything of chat, and no other."""
    forget_decisions()
    with entering("compliance"):
        compliance.make_rule(Rule(action="chat.*", right="chat.use", reason="test"), by="user:1")
        compliance.make_grant(Grant(subject="token:helper", right="chat.use", reason="test"), by="user:1")
    yield
    forget_decisions()


@pytest.fixture
def helper() -> Identity:
    return guest(name="helper")


class TestTalking:
    def test_words_are_said_once_as_the_token(self, helper: Identity) -> None:
        words = {"idempotency_key": "one", "channel": "help", "text": "Good morning."}

        first = answer(helper, "chat_post_message", **words)
        again = answer(helper, "chat_post_message", **words)

        assert (first["is_new"], again["is_new"]) == (True, False)
        assert first["message"] == again["message"]
        assert first["message"]["author"] == "token:helper"
        assert "says something else" in refusal(
            helper, "chat_post_message", **words | {"text": "Good night."}
        )
        with entering("chat"):
            assert Message.objects.count() == 1

    def test_messages_come_in_pages_newest_first(self, helper: Identity) -> None:
        for number in range(5):
            said = {"idempotency_key": f"k{number}", "channel": "help", "text": f"Number {number} is said."}
            answer(helper, "chat_post_message", **said)

        found = all_items(helper, "chat_list_messages", channel="help", limit=2, author="token:helper")

        assert [message["text"] for message in found] == [f"Number {n} is said." for n in (4, 3, 2, 1, 0)]
        assert all_items(helper, "chat_list_messages", channel="help", kind="notice") == []
        one = answer(helper, "chat_get_message", channel="help", message=found[0]["id"])
        assert one == found[0]
        assert "chat_list_channels" in refusal(helper, "chat_list_messages", channel="none")

    def test_channels_are_made_once_and_listed(self, helper: Identity) -> None:
        new = {"slug": "harbour", "title": "Harbour"}
        first = answer(helper, "chat_make_channel", **new)
        assert answer(helper, "chat_make_channel", **new) == first
        assert first["answers_from"] == "public"
        assert "There is a channel" in refusal(helper, "chat_make_channel", **new | {"title": "Another"})
        assert [c["slug"] for c in all_items(helper, "chat_list_channels", limit=1)] == ["harbour", "help"]
        with entering("chat"):
            set_archived(slug="help", archived=True)
        words = {"idempotency_key": "x", "channel": "help", "text": "Hello?"}
        assert "archived" in refusal(helper, "chat_post_message", **words)
        assert [c["slug"] for c in all_items(helper, "chat_list_channels", archived=True)] == ["help"]

    def test_summaries_are_made_of_what_was_said(self, helper: Identity) -> None:
        assert "Nothing was said" in refusal(helper, "chat_make_summary", channel="help")
        said = {"idempotency_key": "k", "channel": "help", "text": "Ships sail at dawn from the harbour."}
        answer(helper, "chat_post_message", **said)

        made = answer(helper, "chat_make_summary", channel="help")

        assert made["count"] == 1
        assert all_items(helper, "chat_list_summaries", channel="help") == [made]
        assert summaries.FEWEST > 1


class TestAsking:
    def test_the_answer_comes_with_citations_and_once(self, helper: Identity) -> None:
        write_notes()
        asked = {"idempotency_key": "q", "channel": "help", "text": ASKED}

        first = answer(helper, "chat_ask_question", **asked)

        assert first["answer"]["state"] == "answered"
        assert first["answer"]["citations"][0]["number"] == 1
        assert "[1]" in first["answer"]["text"]
        assert first["answer"]["reply_to"] == first["question"]
        assert answer(helper, "chat_ask_question", **asked) == first
        with entering("chat"):
            assert Message.objects.count() == 2

    def test_what_the_notes_do_not_say_is_declined(self, helper: Identity) -> None:
        asked = {"idempotency_key": "q", "channel": "help", "text": "Who won the chess championship?"}

        assert answer(helper, "chat_ask_question", **asked)["answer"]["state"] == "declined"

    def test_it_tells_how_far_it_is(self, helper: Identity) -> None:
        write_notes()
        told: list[tuple[float, str]] = []
        progress = Progress(lambda done, _, message: told.append((done, message)))

        call_tool(
            helper, "chat_ask_question", {"idempotency_key": "q", "channel": "help", "text": ASKED}, progress
        )

        assert told[0][1].endswith("passages found")
        assert told[-1][0] > 0

    def test_when_nobody_waits_any_more_a_job_writes_the_answer(self, helper: Identity, jobs: Jobs) -> None:
        write_notes()
        progress = Progress(lambda *_: progress.mark_cancelled())
        asked = {"idempotency_key": "q", "channel": "help", "text": ASKED}

        told = call_tool(helper, "chat_ask_question", asked, progress)

        assert told.outcome == "cancelled"
        require_written_by_a_job(jobs)
        with pytest.raises(ToolCancelled):
            progress.report(1)

    def test_a_statement_that_is_ended_leaves_the_answer_to_a_job(
        self, helper: Identity, jobs: Jobs, pytestconfig: pytest.Config
    ) -> None:
        if "knowledge" in modules_to_place(pytestconfig):
            pytest.skip("the statement that a cancelled call ends is one of this process")
        write_notes()
        progress = Progress()
        cancelling = threading.Thread(target=progress.cancel)

        def hang(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if "SELECT" in sql and not progress.is_cancelled:
                cancelling.start()
                with transaction.atomic(using="knowledge"):  # the test's own transaction outlives it
                    execute("SELECT pg_sleep(20)", None, many, context)
            return execute(sql, params, many, context)

        asked = {"idempotency_key": "q", "channel": "help", "text": ASKED}
        with connections["knowledge"].execute_wrapper(hang):
            told = call_tool(helper, "chat_ask_question", asked, progress)

        cancelling.join(20)
        assert told.outcome == "cancelled"
        require_written_by_a_job(jobs)


class TestDeliveries:
    def test_words_are_taken_once(self, helper: Identity) -> None:
        asked = {"idempotency_key": "d", "sender": "channel", "target": "help", "text": "It is done."}

        first = answer(helper, "chat_request_delivery", **asked)
        again = answer(helper, "chat_request_delivery", **asked)

        assert (first["is_new"], again["is_new"]) == (True, False)
        assert first["delivery"]["requested_by"] == "token:helper"
        number = first["delivery"]["id"]
        assert answer(helper, "chat_get_delivery", delivery=number) == first["delivery"]
        assert all_items(helper, "chat_list_deliveries", status="pending") == [first["delivery"]]
        assert "chat_list_deliveries" in refusal(helper, "chat_get_delivery", delivery=number + 1)
        unknown = asked | {"idempotency_key": "e", "sender": "webhook", "target": "nowhere"}
        assert "knows no 'nowhere'" in refusal(helper, "chat_request_delivery", **unknown)

    def test_a_person_confirms_what_is_decided_and_it_is_decided_once(self, helper: Identity) -> None:
        now = timezone.now()
        with entering("chat"):
            queued = deliveries.queue(
                dedupe_key="x", sender="channel", target="help", text="Maybe.", requested_by="system", now=now
            )
            claimed = deliveries.claim(queued.delivery.pk, now=now)
            assert claimed is not None
            Delivery.objects.filter(pk=claimed.pk).update(status="uncertain", fence=None)

        told = confirmed(helper, "chat_decide_delivery", delivery=claimed.pk, arrived=True)
        again = confirmed(helper, "chat_decide_delivery", delivery=claimed.pk, arrived=True)

        assert told.content is not None, told.text
        assert (told.content["status"], told.content["decided_by"]) == ("posted", "token:helper")
        assert again.outcome == "refused"
        assert "only an uncertain one" in again.text


class TestReminders:
    def test_each_token_has_its_own_and_the_same_one_is_stored_once(self, helper: Identity) -> None:
        due = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        asked = {"channel": "help", "text": "Water the plants.", "due_at": due}

        first = answer(helper, "chat_add_reminder", **asked)

        assert answer(helper, "chat_add_reminder", **asked) == first
        assert all_items(helper, "chat_list_reminders", status="waiting") == [first]
        other = guest(name="other")
        assert all_items(other, "chat_list_reminders") == []
        assert "no reminder" in refusal(other, "chat_cancel_reminder", reminder=first["id"])
        assert answer(helper, "chat_cancel_reminder", reminder=first["id"])["status"] == "cancelled"
        assert "cancelled" in refusal(helper, "chat_cancel_reminder", reminder=first["id"])
        assert answer(helper, "chat_add_reminder", **asked)["id"] != first["id"]
        assert "is over" in refusal(helper, "chat_add_reminder", **asked | {"due_at": "2020-01-01T00:00:00Z"})


class TestWhoMay:
    def test_a_token_has_its_own_trust(self, helper: Identity) -> None:
        assert answer(helper, "chat_get_trust") == {"whose": "token:helper", "score": 100, "locked": False}

        told = confirmed(helper, "chat_set_trust", whose="token:helper", score=10, reason="It shouts.")

        assert told.content == {"whose": "token:helper", "score": 10, "locked": True}
        words = {"idempotency_key": "x", "channel": "help", "text": "Hello?"}
        assert "trust of token:helper is 10" in refusal(helper, "chat_post_message", **words)
        with entering("chat"):
            assert trust.trust_of("token:helper") == 10
            assert ModerationEvent.objects.filter(by="token:helper", reasons=["It shouts."]).exists()

    def test_a_token_of_a_tenant_is_refused_by_every_tool(self) -> None:
        of_north = guest(name="helper", tenant="north")
        due = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        keyed = {"idempotency_key": "k", "channel": "help", "text": "Hello."}
        arguments: dict[str, dict[str, Any]] = {
            "chat_list_messages": {"channel": "help"},
            "chat_get_message": {"channel": "help", "message": 1},
            "chat_list_summaries": {"channel": "help"},
            "chat_get_delivery": {"delivery": 1},
            "chat_make_channel": {"slug": "mine", "title": "Mine"},
            "chat_post_message": keyed,
            "chat_ask_question": keyed,
            "chat_make_summary": {"channel": "help"},
            "chat_request_delivery": {
                "idempotency_key": "k",
                "sender": "channel",
                "target": "help",
                "text": "Hello.",
            },
            "chat_add_reminder": {"channel": "help", "text": "Hello.", "due_at": due},
            "chat_cancel_reminder": {"reminder": 1},
            "chat_decide_delivery": {"delivery": 1, "arrived": True},
            "chat_set_trust": {"whose": "user:1", "score": 0, "reason": "No."},
        }
        for name in (name for name, tool in tools().items() if tool.module == "chat"):
            told = (confirmed if tools()[name].tag == "restricted" else call_tool_of)(
                of_north, name, **arguments.get(name, {})
            )
            assert (told.outcome, told.text) == (
                "refused",
                "Chat belongs to no tenant; use a token without one.",
            ), name

    def test_what_the_gate_does_not_let_a_token_do_does_not_happen(self) -> None:
        nobody = guest(name="nobody")
        due = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        attempts: dict[str, dict[str, Any]] = {
            "chat_make_channel": {"slug": "mine", "title": "Mine"},
            "chat_post_message": {"idempotency_key": "k", "channel": "help", "text": "Hello."},
            "chat_ask_question": {"idempotency_key": "k", "channel": "help", "text": "Why?"},
            "chat_make_summary": {"channel": "help"},
            "chat_request_delivery": {
                "idempotency_key": "k",
                "sender": "channel",
                "target": "help",
                "text": "Hello.",
            },
            "chat_add_reminder": {"channel": "help", "text": "Hello.", "due_at": due},
            "chat_decide_delivery": {"delivery": 1, "arrived": True},
            "chat_set_trust": {"whose": "user:1", "score": 0, "reason": "No."},
        }
        for name, arguments in attempts.items():
            told = (confirmed if tools()[name].tag == "restricted" else call_tool_of)(
                nobody, name, **arguments
            )
            assert told.outcome == "refused", told
            assert "token:nobody may not chat." in told.text
        own = {"chat_cancel_reminder"}  # of one's own reminders only: nobody else's words
        writing = {name for name, tool in tools().items() if tool.module == "chat" and tool.tag != "read"}
        assert writing == attempts.keys() | own
        with entering("chat"):
            for model in (Message, Delivery, Reminder):
                assert not model._default_manager.exists()
            assert Channel.objects.count() == 1
            make_channel(slug="free", title="Free")


def require_written_by_a_job(jobs: Jobs) -> None:
    with entering("chat"):
        assert Message.objects.get(kind="answer").state == State.ANSWERING
    assert [(run.task, run.result) for run in jobs.run_due()] == [("apps.chat.tasks.answer", "answered")]


def call_tool_of(identity: Identity, name: str, /, **arguments: Any) -> Any:
    return call_tool(identity, name, arguments)
