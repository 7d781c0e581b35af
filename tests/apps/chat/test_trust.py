"""Trust falls with what moderation finds and grows by the day; below 40 nobody writes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.conf import LazySettings
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.chat import deliveries, messages, reminders, trust
from apps.chat.errors import ChatDeniedError, LockedOutError, MessageConflictError
from apps.chat.messages import Posted
from apps.chat.models import Message, ModerationEvent, UserTrust
from apps.chat.scoring import RulesScorer, Scorer, Verdict
from monolith.contracts import forget_decisions

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_chat", "channel")]

NOW: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)


class Costs:
    """A scorer by which everything costs the same."""

    def __init__(self, points: int) -> None:
        self.points = points

    def score(self, *, text: str, recent: Sequence[str]) -> Verdict:
        return Verdict(points=self.points, reasons=("test",))


class Broken:
    """A scorer that cannot say."""

    def score(self, *, text: str, recent: Sequence[str]) -> Verdict:
        raise RuntimeError("no model")


def post(
    key: str, *, text: str = "Hello.", scorer: Scorer | None = None, now: datetime = NOW, who: int = 1
) -> Posted:
    return messages.post(
        channel="help", subject=f"user:{who}", external_id=key, text=text, now=now, scorer=scorer
    )


def kinds() -> list[str]:
    return list(ModerationEvent.objects.order_by("id").values_list("kind", flat=True))


@pytest.mark.usefixtures("granted")
def test_whoever_was_never_judged_has_all_trust() -> None:
    post("a")
    assert trust.trust_of("user:1") == 100
    assert not UserTrust.objects.exists()


@pytest.mark.usefixtures("granted")
def test_points_are_taken_never_below_nothing_and_nobody_elses() -> None:
    post("a", scorer=Costs(30))
    assert trust.trust_of("user:1") == 70
    post("b", scorer=Costs(500))
    assert (trust.trust_of("user:1"), trust.trust_of("user:2")) == (0, 100)
    event = ModerationEvent.objects.first()
    assert event is not None
    assert (event.kind, event.points, event.reasons) == ("scored", 500, ["test"])


@pytest.mark.usefixtures("granted")
@pytest.mark.parametrize(("points", "locked"), [(60, False), (61, True)])
def test_below_forty_is_locked_and_forty_is_not(points: int, *, locked: bool) -> None:
    post("a", scorer=Costs(points))
    if not locked:
        assert post("b").is_new
        return
    with pytest.raises(LockedOutError):
        post("b")
    assert Message.objects.count() == 1
    assert kinds() == ["scored", "refused"]
    assert post("b", who=2).is_new


@pytest.mark.usefixtures("granted")
def test_a_scorer_that_fails_lets_words_through_and_that_is_kept() -> None:
    posted = post("a", scorer=Broken())
    assert posted.is_new
    assert trust.trust_of("user:1") == 100
    (event,) = ModerationEvent.objects.all()
    assert (event.kind, event.points, event.message) == ("unscored", 0, posted.message)


@pytest.mark.usefixtures("granted")
def test_the_same_message_again_costs_nothing_more_and_other_words_are_refused() -> None:
    assert post("a", scorer=Costs(30)).is_new
    assert not post("a", scorer=Costs(30)).is_new
    assert trust.trust_of("user:1") == 70
    with pytest.raises(MessageConflictError):
        post("a", text="Other words.")
    with pytest.raises(MessageConflictError):
        post("a", who=2)


def test_without_a_grant_nothing_is_stored() -> None:
    forget_decisions()
    with pytest.raises(ChatDeniedError) as denied:
        post("a")
    assert denied.value.missing
    assert not Message.objects.exists()


@pytest.mark.usefixtures("granted")
def test_twenty_come_back_for_each_whole_day_up_to_all() -> None:
    post("a", scorer=Costs(70))
    assert trust.recover(now=NOW + DAY - timedelta(seconds=1)) == 0
    assert trust.recover(now=NOW + DAY) == 1
    assert trust.trust_of("user:1") == 50
    assert trust.recover(now=NOW + DAY) == 0
    assert trust.recover(now=NOW + 3 * DAY + DAY / 2) == 1
    assert trust.trust_of("user:1") == 90
    trust.recover(now=NOW + 4 * DAY)
    assert trust.trust_of("user:1") == 100
    assert trust.recover(now=NOW + 9 * DAY) == 0


@pytest.mark.usefixtures("granted")
def test_days_of_full_trust_are_not_saved_up() -> None:
    post("a", scorer=Costs(20))
    trust.recover(now=NOW + DAY)
    later = NOW + 30 * DAY
    post("b", scorer=Costs(50), now=later)
    trust.recover(now=later + timedelta(hours=1))
    assert trust.trust_of("user:1") == 50


def test_a_person_sets_trust_and_that_is_kept() -> None:
    trust.set_trust(subject="user:3", score=10, by="user:9", reason="Spam.", now=NOW)
    trust.set_trust(subject="user:3", score=90, by="user:9", reason="A mistake.", now=NOW)
    assert trust.trust_of("user:3") == 90
    events = ModerationEvent.objects.order_by("id").values_list("kind", "points", "by")
    assert list(events) == [("set", 90, "user:9"), ("set", -80, "user:9")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Please read the note.", None),
        ("ID", None),
        ("WHY DOES NOBODY EVER ANSWER ME", "capitals throughout"),
        ("https://a.b " * 6, "more than 5 links"),
        ("n" + "o" * 40, "one character over and over"),
        ("You fool.", "blocked word"),
        ("Again.", "said again and again"),
    ],
)
def test_rules_say_what_words_cost(settings: LazySettings, text: str, reason: str | None) -> None:
    settings.CHAT_BLOCKED_WORDS = ["Fool"]
    verdict = RulesScorer().score(text=text, recent=["Again.", "Again."])
    assert verdict.reasons == (() if reason is None else (reason,))
    assert (verdict.points > 0) == (reason is not None)


@pytest.mark.usefixtures("granted")
def test_a_flood_locks_its_author_out() -> None:
    for number in range(7):
        post(str(number), text="Buy now.")
    assert trust.trust_of("user:1") < 40
    with pytest.raises(LockedOutError):
        post("7", text="Buy now.")


@pytest.mark.usefixtures("granted")
def test_words_on_other_ways_into_a_channel_cost_as_much(settings: LazySettings) -> None:
    settings.CHAT_BLOCKED_WORDS = ["fool"]
    for _ in range(2):
        deliveries.request(
            subject="user:1", dedupe_key="a", sender="channel", target="help", text="You fool.", now=NOW
        )
    assert trust.trust_of("user:1") == 75
    reminders.remind_me(channel="help", subject="user:1", text="You fool.", due_at=NOW + DAY, now=NOW)
    assert trust.trust_of("user:1") == 50


def deliver(number: int, *, now: datetime = NOW) -> None:
    deliveries.request(
        subject="user:1", dedupe_key=str(number), sender="channel", target="help", text="Buy now.", now=now
    )


def remind(number: int, *, now: datetime = NOW) -> None:
    due_at = now + DAY + timedelta(seconds=number)
    reminders.remind_me(channel="help", subject="user:1", text="Buy now.", due_at=due_at, now=now)


def say(number: int, *, now: datetime = NOW) -> None:
    post(str(number), text="Buy now.", now=now)


@pytest.mark.usefixtures("granted")
@pytest.mark.parametrize(
    "ways", [(deliver,), (remind,), (deliver, remind, say)], ids=["deliver", "remind", "mixed"]
)
def test_a_flood_on_another_way_into_a_channel_locks_its_author_out(ways: tuple[Any, ...]) -> None:
    for number in range(7):
        ways[number % len(ways)](number)
    assert trust.trust_of("user:1") < 40
    with pytest.raises(LockedOutError):
        ways[0](7)


@pytest.mark.usefixtures("granted")
@pytest.mark.parametrize("way", [deliver, remind, say])
def test_what_was_said_longer_ago_or_by_others_is_no_flood(way: Any) -> None:
    for number in range(4):
        way(number, now=NOW + number * timedelta(minutes=6))
    post("other", text="Buy now.", who=2, now=NOW + timedelta(minutes=18))
    assert (trust.trust_of("user:1"), trust.trust_of("user:2")) == (100, 100)


@pytest.mark.usefixtures("granted")
def test_what_was_said_recently_takes_one_statement_on_all_ways() -> None:
    for number in range(2):
        deliver(number)
        remind(number)
    with CaptureQueriesContext(connections["chat"]) as asked:
        verdict = trust.judge(subject="user:1", text="Buy now.", now=NOW)
    assert verdict is not None
    assert (verdict.reasons, len(asked)) == (("said again and again",), 1)


@pytest.mark.usefixtures("granted")
def test_a_reminder_that_comes_due_was_said_once() -> None:
    remind(1)
    remind(2)
    reminders.hand_on_due(now=NOW + 2 * DAY)
    assert post("a", text="Reminder for user:1: Buy now.", now=NOW + 2 * DAY).is_new
    assert trust.trust_of("user:1") == 100
