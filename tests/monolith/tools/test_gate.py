"""Where a module is gated, the gate is asked about the token that calls, and what it says is told and kept."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.compliance import services
from apps.compliance.models import AuditEntry, Grant, Rule
from monolith import entering
from monolith.contracts.decisions import forget_decisions
from monolith.tools import decisions
from monolith.tools.calls import call_tool
from monolith.tools.models import Decision, ToolCall
from monolith.tools.offer import Tag
from monolith.tools.registry import tools
from tests.tool_calls import guest

pytestmark = pytest.mark.django_db(databases="__all__")

TENANT = "north"
# Of each gated module a tool, what it is called with, and what the gate is asked.
GATED: list[tuple[str, dict[str, Any], str]] = [
    ("ships_ingest_sentences", {"text": "!AIVDM,1,1,,A,x,0*00"}, "ships.ingest"),
    ("chat_make_channel", {"slug": "lobby", "title": "Lobby"}, "chat.manage"),
    ("agent_acquire_lock", {"name": "x", "ttl_s": 60}, "agent.lock"),
    ("knowledge_publish_note", {"slug": "lake", "revision": 1}, "knowledge.publish"),
]


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    forget_decisions()
    yield
    forget_decisions()


@pytest.mark.parametrize(("name", "arguments", "action"), GATED, ids=[each[0] for each in GATED])
def test_the_gate_is_asked_for_the_token(name: str, arguments: dict[str, Any], action: str) -> None:
    found, right = tools()[name], "a.right"
    tenant = "" if found.module == "chat" else TENANT  # whose tools refuse a token that has one
    agent = guest(found.scope, "execute:knowledge", tenant=tenant)
    other = guest(found.scope, tenant=tenant)
    if action == "knowledge.publish":
        assert call_tool(agent, "knowledge_create_note", {"title": "Lake", "body": "# Lake\n\nDeep."}).content

    with entering("compliance"):
        services.make_rule(Rule(action=action, resource="*", right=right, reason="test"), by="user:1")

    def call(identity: Any) -> Any:
        told = call_tool(identity, name, arguments)
        if found.tag is Tag.RESTRICTED:
            decisions.decide(Decision.objects.get(status="pending").pk, approved=True, by="me")
            told = call_tool(identity, name, arguments)
        return told

    denied = call(agent)
    assert (denied.outcome, denied.content) == ("refused", None)
    assert action == "knowledge.publish" or agent.actor in denied.text
    assert ToolCall.objects.filter(tool=name, outcome="refused").count() == 1

    with entering("compliance"):
        services.make_grant(
            Grant(subject=agent.actor, right=right, tenant=tenant, reason="test"), by="user:1"
        )
    forget_decisions()
    assert call(agent).outcome == "succeeded"
    assert call(other).outcome == "refused"
    with entering("compliance"):
        asked = [str(entry.content) for entry in AuditEntry.objects.all()]
    assert any(other.actor in entry for entry in asked)
