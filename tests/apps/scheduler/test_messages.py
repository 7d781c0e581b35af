"""Dead letters that carry messages, from the poisoned message to the replay by hand and what follows from it."""

import pytest
from django.test import Client

from monolith import atomic, entering
from monolith.events import inbox, publish_all
from monolith.events.broker import Delivery
from monolith.events.relay import relay_once
from monolith.jobs import Retry
from monolith.models import Job
from monolith.testing.events import Events
from tests.monolith.events.toy import OWNER, READER, Opened, Subscriptions, subscriptions

pytestmark = pytest.mark.django_db(databases="__all__")

__all__ = ["subscriptions"]

ADMIN = "/admin/scheduler/job/"
LETTERS = {"view": "letters"}
API = "/api/scheduler"
NAME = f"apps.{READER}.subscribers.note"


class Handled(list[int]):
    """The numbers that were handled; `broken` are those that cannot be."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = {1}


@pytest.fixture
def handled(events: Events, subscriptions: Subscriptions) -> Handled:
    """Deliver three messages of one key whose first dies."""
    found = Handled()

    def note(event: Opened) -> None:
        if event.number in found.broken:
            raise LookupError("poison")
        found.append(event.number)

    subscriptions.add(note, retry=Retry(attempts=1))
    with entering(OWNER), atomic():
        publish_all([Opened(path="ridge", number=number) for number in (1, 2, 3)])
    events.deliver(raising=False)
    return found


def dead() -> int:
    with entering(READER):
        return Job.objects.get(status="dead").pk


def test_the_admin_shows_the_parked_key_and_replays_it_in_order(
    operator: Client, handled: Handled, events: Events
) -> None:
    page = f"{ADMIN}{READER}/{dead()}/"
    overview = operator.get(ADMIN, LETTERS).content.decode()
    for shown in (f'href="{page}"', "hikes.Opened", NAME, ":ridge"):
        assert shown in overview
    text = operator.get(page).content.decode()
    assert "parked: 2 messages behind it wait" in text
    handled.broken.clear()

    after = operator.post(f"{page}replay/", follow=True).content.decode()
    assert "was replayed." in after
    events.deliver()

    assert handled == [1, 2, 3]
    assert f'action="{page}replay/"' not in operator.get(page).content.decode()  # it was handled
    assert page not in operator.get(ADMIN, LETTERS).content.decode()


def test_the_admin_discards_it_and_the_others_go_on(
    operator: Client, handled: Handled, events: Events
) -> None:
    after = operator.post(f"{ADMIN}{READER}/{dead()}/discard/", follow=True).content.decode()
    assert "was discarded." in after
    events.deliver()
    assert handled == [2, 3]


def test_what_nobody_was_given_is_replayed_from_the_admin_once_there_is_a_subscriber(
    operator: Client, events: Events, subscriptions: Subscriptions
) -> None:
    events.broker.converge({READER: ["hikes.Opened"]})
    with entering(OWNER), atomic():
        publish_all([Opened(path="ridge", number=5)])
    with entering(OWNER):
        relay_once(events.broker)
    reader = events.broker.reader(READER)
    reader.start_after(0)
    with entering(READER):
        inbox.keep(READER, reader.stream, 0, reader.fetch(limit=1, wait_s=0))
    page = f"{ADMIN}{READER}/{dead()}/"
    assert "nobody" in operator.get(ADMIN, LETTERS).content.decode()
    assert "still has no subscriber" in operator.post(f"{page}replay/", follow=True).content.decode()
    seen: list[int] = []

    def note(event: Opened) -> None:
        seen.append(event.number)

    subscriptions.add(note)
    assert f'action="{page}replay/"' in operator.get(page).content.decode()
    operator.post(f"{page}replay/")
    events.deliver()
    assert seen == [5]
    assert f'action="{page}replay/"' not in operator.get(page).content.decode()


def test_what_is_no_message_at_all_is_shown_and_discarded(operator: Client) -> None:
    with entering(READER):
        inbox.keep(READER, "log", 0, [Delivery(1, b"<no json>")])
    page = f"{ADMIN}{READER}/{dead()}/"
    assert "cannot be read" in operator.get(ADMIN, LETTERS).content.decode()
    assert "&lt;no json&gt;" in operator.get(page).content.decode()
    assert "was discarded." in operator.post(f"{page}discard/", follow=True).content.decode()


def test_the_api_lists_dead_letters_and_replays_them(
    operator: Client, handled: Handled, events: Events
) -> None:
    (letter,) = operator.get(f"{API}/dead-letters").json()["items"]
    assert (letter["type"], letter["subscriber"], letter["key"]) == ("hikes.Opened", NAME, ":ridge")
    assert (letter["parks"], letter["followers"], letter["error"]) == (True, 2, "builtins.LookupError")
    assert operator.get(f"{API}/dead-letters", {"type": "hikes.Other"}).json()["items"] == []
    assert operator.get(f"{API}/dead-letters", {"subscriber": NAME}).json()["items"] == [letter]
    assert operator.get(f"{API}/dead-letters", {"module": "ships"}).json()["items"] == []
    assert operator.get(f"{API}/dead-letters", {"module": "nowhere"}).status_code == 404
    handled.broken.clear()
    assert operator.post(f"{API}/jobs/{READER}/{letter['id']}/replay").status_code == 200
    events.deliver()
    assert handled == [1, 2, 3]
