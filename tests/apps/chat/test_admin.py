"""The admin pages of chat: lists with few queries, and actions that ask compliance."""

from typing import Any, Final

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.chat import trust
from apps.chat.models import Channel, Delivery, Message, Reminder, Summary, UserTrust
from monolith import entering
from monolith.contracts import forget_decisions

pytestmark = [pytest.mark.django_db(databases="__all__")]

ADMIN: Final = "/admin/chat"
MOST_QUERIES: Final = 20
LISTS: Final = ("channel", "message", "summary", "usertrust", "moderationevent", "delivery", "reminder")


@pytest.fixture
def rows(channel: Channel) -> Delivery:
    now = timezone.now()
    with entering("chat"):
        for number in range(5):
            message = Message.objects.create(
                channel=channel, external_id=str(number), author="user:1", text="<b>Hello</b>"
            )
            Reminder.objects.create(channel=channel, subject="user:1", text="x", due_at=now)
            Summary.objects.create(
                channel=channel, first_id=message.pk, last_id=message.pk, count=1, text="x"
            )
        trust.set_trust(subject="user:1", score=10, by="user:9", reason="test", now=now)
        return Delivery.objects.create(
            dedupe_key="k",
            sender="webhook",
            target="x",
            text="x",
            idempotent=False,
            status="uncertain",
            next_at=now,
        )


def act(client: Client, model: str, action: str, pk: Any) -> Any:
    return client.post(f"{ADMIN}/{model}/", {"action": action, "_selected_action": [str(pk)]}, follow=True)


@pytest.mark.parametrize("model", LISTS)
def test_a_list_shows_and_takes_few_queries(staff: Client, rows: Delivery, model: str) -> None:
    with (
        CaptureQueriesContext(connections["chat"]) as own,
        CaptureQueriesContext(connections["default"]) as host,
    ):
        page = staff.get(f"{ADMIN}/{model}/")
    assert page.status_code == 200
    assert len(own) + len(host) <= MOST_QUERIES
    assert b"<b>Hello</b>" not in page.content
    assert staff.get(f"{ADMIN}/{model}/add/").status_code == 403


@pytest.mark.parametrize(("action", "status"), [("did_arrive", "posted"), ("did_not_arrive", "failed")])
@pytest.mark.usefixtures("granted")
def test_an_uncertain_delivery_is_decided(staff: Client, rows: Delivery, action: str, status: str) -> None:
    assert staff.get(f"{ADMIN}/delivery/{rows.pk}/change/").status_code == 200
    act(staff, "delivery", action, rows.pk)
    with entering("chat"):
        rows.refresh_from_db()
    assert (rows.status, rows.decided_by[:5]) == (status, "user:")
    assert b"only an uncertain one" in act(staff, "delivery", action, rows.pk).content


def test_without_a_grant_an_action_does_nothing_and_says_what_is_missing(
    staff: Client, rows: Delivery
) -> None:
    forget_decisions()
    page = act(staff, "delivery", "did_arrive", rows.pk)
    assert b"chat.decide_delivery" in page.content
    with entering("chat"):
        rows.refresh_from_db()
    assert rows.status == "uncertain"
    forget_decisions()


@pytest.mark.usefixtures("granted", "rows")
def test_trust_is_given_back_and_a_channel_archived(staff: Client, channel: Channel) -> None:
    with entering("chat"):
        pk = UserTrust.objects.get().pk
    act(staff, "usertrust", "restore", pk)
    act(staff, "channel", "archive", channel.pk)
    with entering("chat"):
        assert trust.trust_of("user:1") == 100
        channel.refresh_from_db()
        assert channel.archived
    act(staff, "channel", "reopen", channel.pk)
    with entering("chat"):
        channel.refresh_from_db()
        assert not channel.archived


@pytest.mark.parametrize("given", [{"locked": "yes"}, {"locked": "no"}, {}])
def test_who_cannot_write_is_found(staff: Client, rows: Delivery, given: dict[str, str]) -> None:
    page = staff.get(f"{ADMIN}/usertrust/", given).content
    assert (b"user:1" in page) == (given.get("locked") != "no")
