"""Words arrive once, or a person is asked: also when the process dies at any step."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from django.conf import LazySettings
from django.utils import timezone

from apps.chat import deliveries
from apps.chat.channels import set_archived
from apps.chat.deliveries import FIRST_PAUSE, LEASE, MAX_ATTEMPTS
from apps.chat.errors import (
    DeliveryConflictError,
    DeliveryDecidedError,
    DeliveryNotFoundError,
    UnknownTargetError,
)
from apps.chat.models import Channel, Delivery, DeliveryStatus, Message
from apps.chat.senders.port import Outgoing
from apps.chat.senders.senders import SENDERS
from apps.chat.senders.webhook import WebhookSender
from monolith.testing.jobs import Jobs
from tests.apps.chat.webhook_server import WebhookServer, serving

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_chat")]

NOW: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER: Final = NOW + LEASE + timedelta(seconds=1)


@pytest.fixture
def place(settings: LazySettings) -> Iterator[WebhookServer]:
    """A server that is two webhooks: `exact` goes by the key, `loose` does not."""
    with serving() as server:
        settings.CHAT_WEBHOOKS = {
            "exact": {"url": server.url, "idempotent": True},
            "loose": {"url": server.url},
        }
        yield server


@pytest.fixture
def nobody(settings: LazySettings) -> None:
    """A webhook at an address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings.CHAT_WEBHOOKS = {"loose": {"url": f"http://127.0.0.1:{port}/"}}


def queued(
    target: str, *, key: str = "k1", sender: str = "webhook", text: str = "Hello.", by: str = "user:1"
) -> Delivery:
    return deliveries.queue(
        dedupe_key=key, sender=sender, target=target, text=text, requested_by=by, now=NOW
    ).delivery


def now_of(delivery: Delivery) -> Delivery:
    delivery.refresh_from_db()
    return delivery


def test_words_come_into_the_chats_own_channel_once(channel: Channel) -> None:
    delivery = queued("help", sender="channel")
    assert deliveries.deliver(delivery.pk, now=NOW) == "posted"
    assert deliveries.deliver(delivery.pk, now=NOW) == ""
    (message,) = Message.objects.all()
    assert (message.text, message.kind, message.external_id) == ("Hello.", "notice", "delivery:k1")
    assert (now_of(delivery).receipt, delivery.ended_at, delivery.attempts) == (str(message.pk), NOW, 1)


def test_a_webhook_gets_the_words_and_their_key(place: WebhookServer) -> None:
    delivery = queued("exact")
    assert deliveries.deliver(delivery.pk, now=NOW) == "posted"
    assert place.requests == [("k1", {"id": "k1", "text": "Hello."})]
    assert now_of(delivery).receipt == "m-1"


def test_the_same_key_is_the_same_delivery_and_other_words_are_refused(place: WebhookServer) -> None:
    first = queued("exact")
    assert queued("exact").pk == first.pk
    with pytest.raises(DeliveryConflictError):
        queued("exact", text="Something else.")
    with pytest.raises(DeliveryConflictError):
        queued("loose")


@pytest.mark.parametrize(("sender", "target"), [("webhook", "nowhere"), ("channel", "none"), ("pigeon", "x")])
def test_a_place_that_nobody_knows_is_refused(sender: str, target: str) -> None:
    with pytest.raises(UnknownTargetError):
        queued(target, sender=sender)
    assert not Delivery.objects.exists()


def test_crash_before_the_attempt_begins_leaves_it_to_be_made(place: WebhookServer) -> None:
    """The job that should deliver is gone; the watch finds the delivery."""
    delivery = queued("loose")
    assert deliveries.due(now=NOW) == [delivery.pk]
    assert place.requests == []
    assert deliveries.deliver(delivery.pk, now=NOW) == "posted"


@pytest.mark.parametrize(("target", "then"), [("exact", "pending"), ("loose", "uncertain")])
def test_crash_after_the_claim_is_an_outcome_that_nobody_knows(
    place: WebhookServer, target: str, then: str
) -> None:
    delivery = queued(target)
    assert deliveries.claim(delivery.pk, now=NOW) is not None  # and the process dies
    assert deliveries.deliver(delivery.pk, now=LATER) == ""
    assert deliveries.give_up(now=NOW + LEASE) == 0  # it may be still at it
    assert deliveries.give_up(now=LATER) == 1
    assert now_of(delivery).status == then
    assert place.requests == []


@pytest.mark.parametrize(("target", "sent"), [("exact", 2), ("loose", 1)])
def test_crash_between_sending_and_writing_it_down_arrives_once(
    place: WebhookServer, target: str, sent: int
) -> None:
    delivery = queued(target)
    claimed = deliveries.claim(delivery.pk, now=NOW)
    assert claimed is not None
    WebhookSender().send(Outgoing(key=claimed.dedupe_key, target=target, text=claimed.text))  # and it dies
    deliveries.give_up(now=LATER)
    for minutes in range(1, 120):
        deliveries.deliver(delivery.pk, now=LATER + timedelta(minutes=minutes))
    assert len(place.requests) == sent
    assert place.arrived == {"k1": "Hello."}
    assert now_of(delivery).status == ("posted" if target == "exact" else "uncertain")


def test_crash_in_the_chats_own_channel_leaves_one_message(channel: Channel) -> None:
    delivery = queued("help", sender="channel")
    claimed = deliveries.claim(delivery.pk, now=NOW)
    assert claimed is not None
    SENDERS["channel"].send(Outgoing(key="k1", target="help", text="Hello."))  # and it dies
    deliveries.give_up(now=LATER)
    assert deliveries.deliver(delivery.pk, now=LATER + FIRST_PAUSE) == "posted"
    assert Message.objects.count() == 1


def test_a_late_attempt_that_was_given_up_writes_nothing(place: WebhookServer) -> None:
    delivery = queued("loose")
    claimed = deliveries.claim(delivery.pk, now=NOW)
    assert claimed is not None
    deliveries.give_up(now=LATER)
    assert deliveries.posted(claimed, now=LATER, receipt="late") == ""
    assert (now_of(delivery).status, delivery.receipt) == ("uncertain", "")


@pytest.mark.parametrize("status", [500, 503, 408, 0])
def test_no_good_answer_makes_it_uncertain_unless_once_more_does_no_harm(
    place: WebhookServer, status: int
) -> None:
    place.statuses = [status, status]
    loose, exact = queued("loose"), queued("exact", key="k2")
    assert deliveries.deliver(loose.pk, now=NOW) == "uncertain"
    assert deliveries.deliver(exact.pk, now=NOW) == "pending"
    assert now_of(exact).may_have_arrived
    assert deliveries.deliver(exact.pk, now=NOW + FIRST_PAUSE) == "posted"
    assert deliveries.deliver(loose.pk, now=NOW + timedelta(days=1)) == ""
    assert [key for key, _ in place.requests] == ["k1", "k2", "k2"]


def test_what_is_refused_has_failed(place: WebhookServer) -> None:
    place.statuses = [404, 302]
    for key in ("k1", "k2"):
        delivery = queued("loose", key=key)
        assert deliveries.deliver(delivery.pk, now=NOW) == "failed"
        assert now_of(delivery).ended_at == NOW


def test_what_is_refused_after_an_attempt_that_may_have_arrived_is_uncertain(place: WebhookServer) -> None:
    place.statuses = [500, 409]
    delivery = queued("exact")
    assert deliveries.deliver(delivery.pk, now=NOW) == "pending"
    assert deliveries.deliver(delivery.pk, now=NOW + FIRST_PAUSE) == "uncertain"
    assert (now_of(delivery).may_have_arrived, delivery.ended_at) == (True, None)


def test_busy_is_tried_again_also_where_twice_would_be_harm(place: WebhookServer) -> None:
    place.statuses = [429]
    delivery = queued("loose")
    assert deliveries.deliver(delivery.pk, now=NOW) == "pending"
    assert deliveries.deliver(delivery.pk, now=NOW + FIRST_PAUSE) == "posted"


@pytest.mark.usefixtures("nobody")
def test_where_nobody_listens_it_fails_in_the_end_and_is_not_uncertain() -> None:
    delivery, now = queued("loose"), NOW
    for _ in range(MAX_ATTEMPTS):
        deliveries.deliver(delivery.pk, now=now)
        now = now_of(delivery).next_at
    assert (delivery.status, delivery.attempts, delivery.error) == ("failed", MAX_ATTEMPTS, "ConnectError")


def test_an_idempotent_one_that_never_gets_an_answer_is_uncertain_in_the_end(place: WebhookServer) -> None:
    place.statuses = [500] * MAX_ATTEMPTS
    delivery, now = queued("exact"), NOW
    for _ in range(MAX_ATTEMPTS):
        deliveries.deliver(delivery.pk, now=now)
        now = now_of(delivery).next_at
    assert (delivery.status, len(place.requests)) == ("uncertain", MAX_ATTEMPTS)


def test_a_channel_that_is_archived_meanwhile_refuses(channel: Channel) -> None:
    delivery = queued("help", sender="channel")
    set_archived(slug="help", archived=True)
    assert deliveries.deliver(delivery.pk, now=NOW) == "failed"


@pytest.mark.parametrize("arrived", [True, False])
def test_a_person_decides_what_became_of_an_uncertain_one_once(
    place: WebhookServer, *, arrived: bool
) -> None:
    place.statuses = [500]
    delivery = queued("loose")
    deliveries.deliver(delivery.pk, now=NOW)
    decided = deliveries.decide(delivery_id=delivery.pk, arrived=arrived, by="user:9", now=LATER)
    assert (decided.status, decided.decided_by) == ("posted" if arrived else "failed", "user:9")
    with pytest.raises(DeliveryDecidedError):
        deliveries.decide(delivery_id=delivery.pk, arrived=not arrived, by="user:9", now=LATER)
    assert len(place.requests) == 1


def test_a_key_of_somebody_else_is_in_use_however_it_came_about(place: WebhookServer) -> None:
    """Of a token `a` with the key `b:c`, and one `a:b` with the key `c`."""
    own = queued("exact", key="token:a:b:c", by="token:a")
    assert queued("exact", key="token:a:b:c", by="token:a") == own
    with pytest.raises(DeliveryConflictError):
        queued("exact", key="token:a:b:c", by="token:a:b")


def test_only_an_uncertain_one_is_decided(place: WebhookServer) -> None:
    with pytest.raises(DeliveryDecidedError):
        deliveries.decide(delivery_id=queued("loose").pk, arrived=True, by="user:9", now=NOW)
    with pytest.raises(DeliveryNotFoundError):
        deliveries.decide(delivery_id=0, arrived=True, by="user:9", now=NOW)


def test_jobs_deliver_and_the_watch_tries_again(place: WebhookServer, jobs: Jobs) -> None:
    place.statuses = [500]
    delivery = deliveries.queue(
        dedupe_key="k1",
        sender="webhook",
        target="exact",
        text="Hi.",
        requested_by="user:1",
        now=timezone.now(),
    ).delivery
    jobs.run_due()
    assert now_of(delivery).status == DeliveryStatus.PENDING
    jobs.deploy("chat")
    jobs.run_for(minutes=2)
    assert now_of(delivery).status == DeliveryStatus.POSTED
    assert place.arrived == {"k1": "Hi."}
