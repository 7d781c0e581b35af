"""What others tell is said in the channel for announcements, once."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

import pytest

from apps.chat.channels import announcements, set_archived
from apps.chat.models import Message
from contracts.agent import Reason, ServiceCallFailed
from contracts.home import SloBreached
from contracts.ships import VesselMoored
from contracts.stars import GoodNightAhead
from monolith import atomic, entering
from monolith.contracts import Event, acting
from monolith.events import publish
from monolith.testing.events import Events

pytestmark = pytest.mark.django_db(databases="__all__")

AT: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
BREACH: Final = SloBreached(
    service="web",
    name="Web",
    module="hikes",
    at=AT,
    availability_pct=98.25,
    target_pct=99.5,
    window_minutes=1440,
    budget_left_minutes=-18.0,
)
NIGHT: Final = GoodNightAhead(
    site="galloway",
    name="Galloway",
    country="Scotland",
    latitude=55.1,
    longitude=-4.5,
    night=date(2026, 5, 2),
    starts_at=AT,
    ends_at=AT,
    clear_dark_hours=3,
    score=81,
)
MOORED: Final = VesselMoored(
    mmsi=211000001, name="", latitude=54.1, longitude=12.1, moored_since=AT, heard_at=AT
)
FAILED: Final = ServiceCallFailed(
    call_id=UUID(int=1),
    name="invoices",
    reason=Reason.OUTCOME_UNKNOWN,
    may_have_happened=True,
    detail="https://api.example/?token=hidden",
)


@pytest.fixture
def tell(events: Events) -> Callable[[str, Event], None]:
    """Let a module tell, and chat hear of it."""

    def publish_as(module: str, event: Event) -> None:
        with entering(module), acting(tenant="acme"), atomic():
            publish(event)
        events.deliver()

    return publish_as


def said() -> list[str]:
    with entering("chat"):
        return list(Message.objects.order_by("id").values_list("text", flat=True))


@pytest.mark.parametrize(
    ("module", "event", "words"),
    [
        ("home", BREACH, ["Web is degraded", "98.25 %", "99.5 %", "-18 minutes"]),
        ("stars", NIGHT, ["Galloway, Scotland", "02 May", "3 clear dark hours", "score 81"]),
        ("ships", MOORED, ["Vessel 211000001 has moored", "54.1000, 12.1000"]),
        ("agent", FAILED, ["'invoices' of tenant acme", "outcome unknown", "may have happened"]),
    ],
    ids=["SloBreached", "GoodNightAhead", "VesselMoored", "ServiceCallFailed"],
)
def test_what_happened_is_said_once(
    tell: Callable[[str, Event], None], module: str, event: Event, words: list[str]
) -> None:
    tell(module, event)
    (text,) = said()
    assert [word for word in words if word not in text] == []
    assert "token" not in text
    with entering("chat"):
        message = Message.objects.select_related("channel").get()
    assert (message.channel.slug, message.kind, message.author) == (
        "announcements",
        "notice",
        "system:events",
    )


def test_each_event_is_a_message_of_its_own(tell: Callable[[str, Event], None]) -> None:
    tell("ships", MOORED)
    tell("ships", MOORED)
    assert len(said()) == 2


def test_an_archived_channel_stays_silent(tell: Callable[[str, Event], None]) -> None:
    with entering("chat"):
        announcements()
        set_archived(slug="announcements", archived=True)
    tell("ships", MOORED)
    assert said() == []
