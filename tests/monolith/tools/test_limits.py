"""What a token may spend, by many calls at once; and that its end is at once."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from monolith.tools import Tag, tokens, tool
from monolith.tools.calls import call_tool
from monolith.tools.models import Token, ToolCall
from monolith.tools.tokens import Identity
from tests.monolith.tools.offered_tools import offered
from tests.tool_calls import guest

pytestmark = pytest.mark.usefixtures("committed_db")

AT_ONCE = 20
entered, go_on = Event(), Event()


@tool(tag=Tag.READ, cost=7, from_users=False)
def weigh_ice() -> int:
    """Weigh the ice."""
    return 1


@tool(tag=Tag.EXECUTE, from_users=False)
def wait_for_snow() -> int:
    """Wait until it snows."""
    entered.set()
    assert go_on.wait(10)
    return 1


@pytest.fixture(autouse=True)
def two_tools() -> Iterator[None]:
    entered.clear()
    go_on.clear()
    with offered("home", weigh_ice, wait_for_snow):
        yield


def at_once(identity: Identity, calls: int = AT_ONCE) -> Counter[str]:
    together = Barrier(AT_ONCE)

    def one(_: int) -> list[str]:
        together.wait()
        try:
            return [call_tool(identity, "home_weigh_ice", {}).outcome for _ in range(calls // AT_ONCE)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return Counter(outcome for outcomes in threads.map(one, range(AT_ONCE)) for outcome in outcomes)


def test_calls_at_once_take_no_more_than_there_is() -> None:
    agent = guest("read:home", calls_a_minute=6)
    assert at_once(agent) == {"succeeded": 6, "limited": 14}
    assert Counter(ToolCall.objects.values_list("outcome", "units")) == {
        ("succeeded", 7): 6,
        ("limited", 0): 14,
    }


def test_units_at_once_are_no_more_than_a_day_has() -> None:
    agent = guest("read:home", units_a_day=7 * 13 + 6)
    assert at_once(agent, 40) == {"succeeded": 13, "limited": 27}
    assert Token.objects.get().spent_units == 7 * 13


def test_who_tries_what_it_may_not_call_runs_out_of_calls_as_well() -> None:
    agent = guest("read:home", calls_a_minute=3)
    found = [call_tool(agent, name, {}).outcome for name in ("nobody_has_this", "stars_find_sites", "x", "y")]
    assert found == ["forbidden", "forbidden", "forbidden", "limited"]
    assert Token.objects.get().spent_units == 0


def test_a_refusal_says_when_it_is_over() -> None:
    agent = guest("read:home", calls_a_minute=2, units_a_day=10)
    assert call_tool(agent, "home_weigh_ice", {}).outcome == "succeeded"
    spent = call_tool(agent, "home_weigh_ice", {})
    match = re.fullmatch(
        r"This token has spent its day: a call of this tool costs 7, and 3 are left; "
        r"try again in (\S+) s, at 00:00 UTC\.",
        spent.text,
    )
    assert match
    assert 0 < float(match[1]) <= 86_400

    Token.objects.update(calls_left=0.25, filled_at=timezone.now())
    full = call_tool(agent, "home_weigh_ice", {})
    match = re.fullmatch(r"This token has no calls left; try again in (\S+) s\.", full.text)
    assert match
    assert 20 < float(match[1]) <= 22.5
    Token.objects.update(filled_at=timezone.now() - timedelta(seconds=float(match[1])), spent_units=0)
    assert call_tool(agent, "home_weigh_ice", {}).outcome == "succeeded"

    Token.objects.update(calls_a_minute=0)
    assert call_tool(agent, "home_weigh_ice", {}).text == "This token has no calls left; it may make none."


def test_a_clock_that_goes_back_takes_no_calls_away() -> None:
    agent = guest("read:home", calls_a_minute=2)
    call_tool(agent, "home_weigh_ice", {})
    Token.objects.update(calls_left=1, filled_at=timezone.now() + timedelta(days=1))
    assert call_tool(agent, "home_weigh_ice", {}).outcome == "succeeded"


@pytest.mark.parametrize("limits", [{"calls_a_minute": -1}, {"units_a_day": tokens.MAX_LIMIT + 1}])
def test_limits_that_the_table_cannot_hold_are_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(tokens.TokenProblem, match="are a number from 0"):
        tokens.make(name="agent", scopes=["read:home"], made_by="me", **limits)


@pytest.mark.parametrize("name", ["", " ", "a:b", "x" * 81, "a\nb", "a\0b", "a\x1b[31m", "\u202eagent"])
def test_names_that_could_forge_a_line_are_refused(name: str) -> None:
    with pytest.raises(tokens.TokenProblem):
        tokens.make(name=name, scopes=["read:home"], made_by="me")
    with pytest.raises(tokens.TokenProblem):
        tokens.make(name="agent", scopes=["read:home"], made_by="me", tenant=f"{name}\n")


def test_a_revocation_holds_for_the_next_call_while_one_runs() -> None:
    agent = guest("execute:home", "read:home")
    found: list[str] = []

    def run() -> None:
        try:
            found.append(call_tool(agent, "home_wait_for_snow", {}).outcome)
        finally:
            connections.close_all()

    running = Thread(target=run)
    running.start()
    try:
        assert entered.wait(10)
        assert ToolCall.objects.get().outcome == "running"  # kept before it changes anything
        tokens.revoke(agent.name)
        assert call_tool(agent, "home_weigh_ice", {}).outcome == "forbidden"
    finally:
        go_on.set()
        running.join()
    assert found == ["succeeded"]  # what had begun
    assert sorted(ToolCall.objects.values_list("outcome", flat=True)) == ["forbidden", "succeeded"]
