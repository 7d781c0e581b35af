"""What staff may do, over HTTP, and that compliance is asked before somebody's words are stored."""

import json
import time
from datetime import timedelta
from typing import Any, Final

import pytest
from django.test import Client
from django.utils import timezone

from apps.chat import deliveries, trust
from apps.chat.models import Delivery, Message, ModerationEvent
from monolith import entering
from monolith.contracts import forget_decisions
from monolith.testing.jobs import Jobs
from tests.apps.chat.notes import ASKED, write_notes

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("channel")]

API: Final = "/api/chat"
HELP: Final = f"{API}/channels/help"
JSON: Final = "application/json"
FIRST_BYTES_S: Final = 0.3


def send(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, JSON)


def posted(client: Client, key: str = "a", text: str = "Hello.") -> Any:
    return send(client, f"{HELP}/messages", external_id=key, text=text)


def hang_up(response: Any) -> None:
    """End a stream before its end: by way of the test client, which then leaves the connections open."""
    response._iterator.close()


def events_of(response: Any) -> list[tuple[str, Any]]:
    """Return what a stream of server-sent events told, in order."""
    text = b"".join(response.streaming_content).decode()
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@pytest.mark.usefixtures("granted")
class TestChannelsAndMessages:
    def test_a_channel_is_made_listed_archived_and_opened_again(self, staff: Client) -> None:
        made = send(staff, f"{API}/channels", slug="ops", title="Operations")
        assert (made.status_code, made.json()["answers_from"], made.json()["kept_days"]) == (
            201,
            "public",
            365,
        )
        assert (
            send(staff, f"{API}/channels", slug="ops", title="X").json()["type"] == "/problems/channel-exists"
        )
        assert [each["slug"] for each in staff.get(f"{API}/channels").json()["items"]] == ["help", "ops"]
        archived = staff.patch(f"{API}/channels/ops", {"archived": True}, JSON)
        assert archived.json()["archived"] is True
        assert staff.get(f"{API}/channels?archived=true").json()["total"] == 1
        refused = send(staff, f"{API}/channels/ops/messages", external_id="a", text="x")
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/channel-archived")
        staff.patch(f"{API}/channels/ops", {"archived": False}, JSON)
        assert send(staff, f"{API}/channels/ops/messages", external_id="a", text="x").status_code == 201

    def test_a_message_is_posted_once(self, staff: Client) -> None:
        first, again = posted(staff), posted(staff)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json() == staff.get(f"{HELP}/messages/{first.json()['id']}").json()
        other = posted(staff, text="Other words.")
        assert (other.status_code, other.json()["type"]) == (409, "/problems/external-id-conflict")
        assert staff.get(f"{HELP}/messages").json()["total"] == 1

    def test_two_people_may_have_the_same_key(self, staff: Client, django_user_model: Any) -> None:
        assert posted(staff).status_code == 201
        other = Client()
        other.force_login(django_user_model.objects.create_user("other", is_staff=True))
        assert posted(other, text="Other words.").status_code == 201
        assert staff.get(f"{HELP}/messages").json()["total"] == 2

    def test_messages_come_newest_first_in_pages(self, staff: Client) -> None:
        ids = [posted(staff, key=str(number), text=f"Number {number}").json()["id"] for number in range(5)]
        page = staff.get(f"{HELP}/messages?limit=2&offset=1").json()
        assert ([each["id"] for each in page["items"]], page["total"]) == ([ids[3], ids[2]], 5)
        older = staff.get(f"{HELP}/messages?before={ids[1]}").json()
        assert [each["id"] for each in older["items"]] == [ids[0]]
        assert staff.get(f"{HELP}/messages?kind=answer").json()["total"] == 0

    def test_what_is_not_there_is_not_found(self, staff: Client) -> None:
        message = posted(staff).json()["id"]
        for path in (
            f"{API}/channels/none/messages",
            f"{API}/channels/announcements/messages/{message}",
            f"{HELP}/messages/{message + 1}",
            f"{API}/deliveries/1",
        ):
            assert staff.get(path).status_code == 404, path

    @pytest.mark.parametrize(
        ("path", "sent", "pointer"),
        [
            ("channels", {"slug": "Not A Slug", "title": "x"}, "#/slug"),
            ("channels", {"slug": "x", "title": "x", "kept_days": 0}, "#/kept_days"),
            ("channels/help/messages", {"external_id": "a", "text": " \n"}, "#/text"),
            ("channels/help/messages", {"external_id": "a b", "text": "x"}, "#/external_id"),
            ("channels/help/messages", {"external_id": "a", "text": "x" * 10_001}, "#/text"),
            ("channels/help/messages", {"external_id": "a", "text": "x", "author": "user:2"}, "#/author"),
            ("channels/help/ask", {"external_id": "a", "text": "x" * 501}, "#/text"),
            ("reminders", {"channel": "help", "text": "x", "due_at": "2020-01-01T00:00:00Z"}, "#/due_at"),
            ("deliveries", {"dedupe_key": "a", "sender": "webhook", "target": "x", "text": "x"}, "#/target"),
        ],
        ids=str,
    )
    def test_what_cannot_be_is_refused_by_field(
        self, staff: Client, path: str, sent: dict[str, Any], pointer: str
    ) -> None:
        answer = send(staff, f"{API}/{path}", **sent)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
        with entering("chat"):
            assert not Message.objects.exists()


@pytest.mark.usefixtures("granted")
class TestAsking:
    def test_an_answer_streams_as_events(self, staff: Client) -> None:
        write_notes()
        response = send(staff, f"{HELP}/ask", external_id="q", text=ASKED)
        assert (response.status_code, response["Content-Type"]) == (200, "text/event-stream")
        assert (response["Cache-Control"], response["X-Accel-Buffering"]) == ("no-store", "no")
        (first, ids), (second, found), *texts, (last, done) = events_of(response)
        assert (first, second, {name for name, _ in texts}, last) == ("asked", "found", {"text"}, "done")
        assert [note["slug"] for note in found["notes"]] == ["tides"]
        assert "".join(each["text"] for _, each in texts) == done["text"]
        assert (done["id"], done["state"], done["citations"][0]["slug"]) == (
            ids["answer"],
            "answered",
            "tides",
        )
        assert staff.get(f"{HELP}/messages/{ids['answer']}").json() == done

    def test_nobody_takes_the_id_that_an_answer_will_have(self, staff: Client) -> None:
        coming = posted(staff).json()["id"] + 2  # the next but one: the next is the message that takes it
        assert posted(staff, key=f"answer:{coming}", text="Ha!").status_code == 201
        asked = send(staff, f"{HELP}/ask", external_id="q", text="Nothing about that?", stream=False)
        assert (asked.status_code, asked.json()["question"]["id"]) == (202, coming)

    def test_the_same_question_again_tells_the_answer_that_is_there(self, staff: Client) -> None:
        first = events_of(send(staff, f"{HELP}/ask", external_id="q", text="Nothing about that?"))
        again = events_of(send(staff, f"{HELP}/ask", external_id="q", text="Nothing about that?"))
        assert [name for name, _ in again] == ["asked", "done"]
        assert again[-1] == first[-1]

    def test_the_same_question_again_while_it_is_answered_tells_that(self, staff: Client) -> None:
        write_notes()
        chunks = iter(send(staff, f"{HELP}/ask", external_id="q", text=ASKED).streaming_content)
        assert b"event: found" in [next(chunks), next(chunks)][1]
        (first, _), (last, told) = events_of(send(staff, f"{HELP}/ask", external_id="q", text=ASKED))
        assert (first, last, told["state"]) == ("asked", "done", "answering")
        assert b'"state":"answered"' in b"".join(chunks)

    def test_without_a_stream_a_job_answers(self, staff: Client, jobs: Jobs) -> None:
        write_notes()
        asked = send(staff, f"{HELP}/ask", external_id="q", text=ASKED, stream=False)
        assert (asked.status_code, asked.json()["answer"]["state"]) == (202, "answering")
        jobs.run_due()
        answer = staff.get(asked.json()["href"]).json()
        assert (answer["state"], answer["reply_to"]) == ("answered", asked.json()["question"]["id"])

    def test_whoever_hangs_up_has_the_answer_made_by_a_job(self, staff: Client, jobs: Jobs) -> None:
        write_notes()
        response = send(staff, f"{HELP}/ask", external_id="q", text=ASKED)
        chunks = iter(response.streaming_content)
        asked = json.loads(next(chunks).decode().partition("data: ")[2])
        assert b"event: found" in next(chunks)
        hang_up(response)
        answer = f"{HELP}/messages/{asked['answer']}"
        assert staff.get(answer).json()["state"] == "answering"
        jobs.run_due()
        assert staff.get(answer).json()["state"] == "answered"

    def test_first_bytes_and_what_was_found_come_soon(self, staff: Client) -> None:
        write_notes()
        events_of(send(staff, f"{HELP}/ask", external_id="warm", text=ASKED))  # loads the embedder
        waited = []
        for number in range(20):
            started = time.perf_counter()
            response = send(staff, f"{HELP}/ask", external_id=f"q{number}", text=f"{ASKED} {number}")
            chunks = iter(response.streaming_content)
            assert b"event: asked" in next(chunks)
            assert b"event: found" in next(chunks)
            waited.append(time.perf_counter() - started)
            hang_up(response)
        assert sorted(waited)[18] < FIRST_BYTES_S


class TestPermission:
    @pytest.mark.parametrize(
        ("path", "sent"),
        [
            ("channels", {"slug": "ops", "title": "x"}),
            ("channels/help/messages", {"external_id": "a", "text": "x"}),
            ("channels/help/ask", {"external_id": "a", "text": "x"}),
            ("channels/help/summaries", {}),
            ("deliveries", {"dedupe_key": "a", "sender": "channel", "target": "help", "text": "x"}),
            ("deliveries/1/decision", {"arrived": True}),
            ("reminders", {"channel": "help", "text": "x", "due_at": "2099-01-01T00:00:00Z"}),
        ],
    )
    def test_without_a_grant_nothing_is_written(self, staff: Client, path: str, sent: dict[str, Any]) -> None:
        forget_decisions()
        if "due_at" in sent:
            sent = sent | {"due_at": (timezone.now() + timedelta(days=1)).isoformat()}
        refused = staff.post(f"{API}/{path}", sent, JSON)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")
        assert refused.json()["missing"]
        with entering("chat"):
            assert not Message.objects.exists()
            assert not Delivery.objects.exists()
        forget_decisions()

    @pytest.mark.usefixtures("granted")
    def test_whoever_is_locked_out_is_told_and_can_still_read(self, staff: Client) -> None:
        me = staff.get(f"{API}/trust/me").json()
        assert (me["score"], me["locked"]) == (100, False)
        with entering("chat"):
            trust.set_trust(subject=me["subject"], score=39, by="user:9", reason="test", now=timezone.now())
        refused = posted(staff)
        assert (refused.status_code, refused.json()["type"], refused.json()["score"]) == (
            403,
            "/problems/locked-out",
            39,
        )
        assert send(staff, f"{HELP}/ask", external_id="q", text="x").status_code == 403
        assert staff.get(f"{HELP}/messages").status_code == 200
        assert staff.get(f"{API}/trust/me").json()["locked"] is True
        with entering("chat"):
            assert [event.kind for event in ModerationEvent.objects.all()] == ["refused", "refused", "set"]

    @pytest.mark.usefixtures("granted")
    def test_a_moderator_sets_trust_and_looks_at_it(self, staff: Client) -> None:
        changed = staff.put(f"{API}/trust/user:7", {"score": 20, "reason": "Spam."}, JSON)
        assert changed.json() == {"subject": "user:7", "score": 20, "locked": True}
        assert staff.get(f"{API}/trust?locked=true").json()["total"] == 1
        assert staff.get(f"{API}/trust?locked=false").json()["total"] == 0
        (event,) = staff.get(f"{API}/moderation?subject=user:7").json()["items"]
        assert (event["kind"], event["points"], event["reasons"]) == ("set", 80, ["Spam."])
        assert staff.put(f"{API}/trust/user:7", {"score": 101, "reason": "x"}, JSON).status_code == 422

    def test_staff_without_permission_does_not_see_everyones_trust(
        self, client: Client, django_user_model: Any
    ) -> None:
        client.force_login(django_user_model.objects.create_user("one", is_staff=True))
        assert client.get(f"{API}/trust").status_code == 403
        assert client.get(f"{API}/moderation").status_code == 403
        assert client.get(f"{API}/trust/me").status_code == 200

    def test_nobody_else_gets_in(self, client: Client) -> None:
        assert client.get(f"{API}/channels").status_code == 401
        assert send(client, f"{HELP}/ask", external_id="q", text="x").status_code in (401, 403)


@pytest.mark.usefixtures("granted")
class TestDeliveriesAndReminders:
    def test_words_are_delivered_by_a_job_once(self, staff: Client, jobs: Jobs) -> None:
        given = {"dedupe_key": "k", "sender": "channel", "target": "help", "text": "Hello."}
        first, again = send(staff, f"{API}/deliveries", **given), send(staff, f"{API}/deliveries", **given)
        assert (first.status_code, again.status_code, first.json()["status"]) == (202, 200, "pending")
        jobs.run_due()
        shown = staff.get(f"{API}/deliveries/{first.json()['id']}").json()
        assert (shown["status"], shown["attempts"]) == ("posted", 1)
        assert [each["text"] for each in staff.get(f"{HELP}/messages").json()["items"]] == ["Hello."]
        other = send(staff, f"{API}/deliveries", **given | {"text": "Bye."})
        assert other.json()["type"] == "/problems/dedupe-key-conflict"

    @pytest.mark.parametrize(("arrived", "then"), [(True, "posted"), (False, "failed")])
    def test_an_uncertain_delivery_is_decided_once(self, staff: Client, *, arrived: bool, then: str) -> None:
        with entering("chat"):
            delivery = Delivery.objects.create(
                dedupe_key="k",
                sender="webhook",
                target="x",
                text="x",
                idempotent=False,
                status="uncertain",
                next_at=timezone.now(),
            )
        assert staff.get(f"{API}/deliveries?status=uncertain").json()["total"] == 1
        path = f"{API}/deliveries/{delivery.pk}/decision"
        decided = send(staff, path, arrived=arrived).json()
        assert (decided["status"], decided["decided_by"].startswith("user:")) == (then, True)
        assert send(staff, path, arrived=arrived).json()["type"] == "/problems/too-late"
        with entering("chat"):
            assert deliveries.due(now=timezone.now() + timedelta(days=1)) == []

    def test_a_reminder_is_said_when_it_is_due(self, staff: Client, jobs: Jobs) -> None:
        due_at = timezone.now() + timedelta(minutes=3)
        made = send(staff, f"{API}/reminders", channel="help", text="Tea.", due_at=due_at.isoformat())
        assert (made.status_code, made.json()["status"], made.json()["channel"]) == (201, "waiting", "help")
        jobs.deploy("chat")
        jobs.run_for(minutes=2)
        assert staff.get(f"{HELP}/messages").json()["total"] == 0
        jobs.run_for(minutes=3)
        (message,) = staff.get(f"{HELP}/messages").json()["items"]
        assert message["text"].endswith(": Tea.")
        assert staff.get(f"{API}/reminders?status=handed_on").json()["total"] == 1

    def test_nobody_takes_a_key_that_a_reminder_will_have(self, staff: Client, jobs: Jobs) -> None:
        due_at = timezone.now() + timedelta(minutes=3)
        made = send(staff, f"{API}/reminders", channel="help", text="Tea.", due_at=due_at.isoformat()).json()
        taken = {"dedupe_key": f"reminder:{made['id']}", "sender": "channel", "target": "help", "text": "Ha!"}
        assert send(staff, f"{API}/deliveries", **taken).status_code == 202
        jobs.deploy("chat")
        jobs.run_for(minutes=5)
        texts = [each["text"] for each in staff.get(f"{HELP}/messages").json()["items"]]
        assert [text.rpartition(": ")[2] for text in texts] == ["Tea.", "Ha!"]

    def test_the_longest_key_of_a_delivery_arrives(
        self, client: Client, jobs: Jobs, django_user_model: Any
    ) -> None:
        late = django_user_model.objects.create_user("late", pk=2_000_000_000, is_staff=True)
        client.force_login(late)
        given = {"dedupe_key": "k" * 180, "sender": "channel", "target": "help", "text": "Hello."}
        delivery = send(client, f"{API}/deliveries", **given).json()
        jobs.run_due()
        assert client.get(f"{API}/deliveries/{delivery['id']}").json()["status"] == "posted"

    def test_a_reminder_is_cancelled_by_whose_it_is(
        self, staff: Client, jobs: Jobs, django_user_model: Any
    ) -> None:
        due_at = timezone.now() + timedelta(minutes=3)
        made = send(staff, f"{API}/reminders", channel="help", text="Tea.", due_at=due_at.isoformat()).json()
        path = f"{API}/reminders/{made['id']}/cancel"
        other = Client()
        other.force_login(django_user_model.objects.create_user("other", is_staff=True))
        assert other.post(path).status_code == 404
        assert other.get(f"{API}/reminders").json()["total"] == 0
        assert staff.post(path).json()["status"] == "cancelled"
        assert staff.post(path).status_code == 409
        jobs.deploy("chat")
        jobs.run_for(minutes=5)
        assert staff.get(f"{HELP}/messages").json()["total"] == 0

    def test_a_channel_is_summarised_when_asked(self, staff: Client) -> None:
        for number in range(3):
            posted(
                staff, key=str(number), text=f"The relay stopped at {number} o'clock. Nice weather {number}."
            )
        made = send(staff, f"{HELP}/summaries")
        assert (made.status_code, made.json()["count"]) == (201, 3)
        assert "The relay stopped" in made.json()["text"]
        again = send(staff, f"{HELP}/summaries")
        assert (again.status_code, again.json()["type"]) == (409, "/problems/nothing-new")
        assert staff.get(f"{HELP}/summaries").json()["items"] == [made.json()]
