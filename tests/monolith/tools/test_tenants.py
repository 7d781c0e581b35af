"""Tokens of two tenants, and of none: each sees its own rows, whatever ran before in the same thread."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from apps.agent.models import Lock
from monolith import connection, entering
from monolith.contracts import acting, call_scope
from monolith.models import Job
from monolith.tools import Tag, tool
from monolith.tools.calls import call_tool
from monolith.tools.models import ToolCall
from monolith.tools.tokens import Identity
from tests.monolith.tools.offered_tools import offered
from tests.tool_calls import guest

pytestmark = pytest.mark.usefixtures("committed_db")

NAMES = {"north": "canary-north", "south": "canary-south"}


@tool(tag=Tag.READ, from_users=False)
def look_at_locks() -> list[str]:
    """Look at locks."""
    with connection().cursor() as cursor:
        cursor.execute("SELECT name FROM agent_lock")
        by_sql = [name for (name,) in cursor.fetchall()]
    assert by_sql == list(Lock.objects.values_list("name", flat=True))
    return by_sql


@tool(tag=Tag.EXECUTE, from_users=False)
def take_lock(*, name: str) -> str:
    """Take a lock."""
    now = timezone.now()
    Lock.objects.create(id=uuid4(), name=name, holder="me", acquired_at=now, expires_at=now)
    return call_scope().tenant


@tool(tag=Tag.EXECUTE, from_users=False)
def take_lock_of(*, whose: str) -> str:
    """Take a lock in the name of a tenant that the arguments say."""
    now = timezone.now()
    Lock.objects.create(id=uuid4(), tenant_id=whose, name="x", holder="me", acquired_at=now, expires_at=now)
    return whose


@tool(tag=Tag.EXECUTE, from_users=False)
def leave_mess() -> str:
    """Leave a transaction open, and fail in it."""
    connection().set_autocommit(False)
    with connection().cursor() as cursor:
        cursor.execute("SELECT count(*) FROM agent_lock")
        cursor.execute("SELECT 1/0")
    return ""


@pytest.fixture(autouse=True)
def locks() -> Iterator[None]:
    for tenant, name in NAMES.items():
        with entering("agent"), acting(tenant=tenant):
            take_lock(name=name)
    with offered("agent", look_at_locks, take_lock, take_lock_of, leave_mess):
        yield


def agents() -> dict[str, Identity]:
    return {
        tenant: guest("read:*", "execute:*", tenant=tenant, name=f"of {tenant or 'nobody'}")
        for tenant in (*NAMES, "")
    }


def test_each_sees_its_own() -> None:
    of = agents()
    assert call_tool(of["north"], "agent_look_at_locks", {}).content == {"result": ["canary-north"]}
    assert call_tool(of["south"], "agent_look_at_locks", {}).content == {"result": ["canary-south"]}
    assert call_tool(of[""], "agent_look_at_locks", {}).content == {"result": []}
    assert set(ToolCall.objects.values_list("token_name", "tenant")) == {
        ("of north", "north"),
        ("of south", "south"),
        ("of nobody", ""),
    }


def test_each_writes_its_own() -> None:
    of = agents()
    assert call_tool(of["north"], "agent_take_lock", {"name": "x"}).content == {"result": "north"}
    assert call_tool(of["south"], "agent_take_lock", {"name": "x"}).content == {"result": "south"}
    nobodys = call_tool(of[""], "agent_take_lock", {"name": "x"})
    assert (nobodys.outcome, "the token is of no tenant" in nobodys.text) == ("refused", True)
    assert call_tool(of["north"], "agent_take_lock_of", {"whose": "south"}).outcome == "failed"
    locks = call_tool(of["south"], "agent_look_at_locks", {}).content
    assert locks is not None
    assert sorted(locks["result"]) == ["canary-south", "x"]


def test_one_thread_serves_one_after_the_other_and_carries_nothing_over() -> None:
    of = agents()
    calls = ["agent_look_at_locks", "agent_leave_mess", "agent_look_at_locks", "agent_take_lock_of"]

    def serve(number: int) -> set[str]:
        seen = set()
        try:
            for step in range(30):
                tenant = ("north", "south", "")[(number + step) % 3]
                name = calls[(number * 7 + step) % len(calls)]
                arguments = (
                    {"whose": "south" if tenant != "south" else "north"} if name.endswith("_of") else {}
                )
                told = call_tool(of[tenant], name, arguments)
                connections.close_all()  # as a thread of the server does, which is how a pool has them back
                mine = {"result": [NAMES[tenant]] if tenant else []}
                assert told.content == (mine if name == "agent_look_at_locks" else None), (tenant, name)
                seen.add(told.outcome)
                assert (call_scope().tenant, call_scope().actor, call_scope().reads_only) == ("", "", False)
        finally:
            connections.close_all()
        return seen

    with ThreadPoolExecutor(2) as threads:
        found = set().union(*threads.map(serve, range(6)))
    assert found == {"succeeded", "failed", "refused"}


def test_what_all_tenants_share_is_not_for_the_token_of_one() -> None:
    of = agents()
    with entering("agent"):
        assert Job.objects.count() == 0
    for name, what in {"monolith_list_dead_letters": "letters", "monolith_list_stuck_jobs": "jobs"}.items():
        assert call_tool(of[""], name, {}).content == {what: [], "unreachable": []}
        assert call_tool(of["north"], name, {}).outcome == "refused"


def test_no_argument_says_who_calls() -> None:
    of = agents()
    for injected in (
        {"tenant": "south"},
        {"tenant_id": "south"},
        {"_tenant": "south"},
        {"actor": "token:of south"},
        {"identity": {"tenant": "south"}},
        {"scope": "read:*"},
        {"_meta": {"tenant": "south"}},
        {"self": 1},
        {"progress": 1},
    ):
        told = call_tool(of["north"], "agent_look_at_locks", injected)
        assert (told.outcome, told.content) == ("invalid", None), injected
