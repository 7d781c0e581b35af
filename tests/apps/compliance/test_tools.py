"""What agents can ask of the gate: about themselves and their tenant alone, and without leaving a record."""

import pytest
from django.utils import timezone

from apps.compliance import services
from apps.compliance.decisions import Question
from apps.compliance.models import AuditEntry, Grant, Rule
from monolith import entering
from monolith.tools.calls import call_tool
from monolith.tools.registry import tools
from tests.tool_calls import all_items, answer, guest

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("rights")]


@pytest.fixture
def rights() -> None:
    """Let the token helper post for the tenant acme."""
    with entering("compliance"):
        services.make_rule(Rule(action="chat.*", right="chat.use"), by="user:1")
        services.make_rule(Rule(action="ships.ingest", right="ships.ingest"), by="user:1")
        services.make_grant(Grant(subject="token:helper", right="chat.use", tenant="acme"), by="user:1")
        services.make_grant(Grant(subject="token:helper", right="ships.ingest", tenant="apex"), by="user:1")


def test_a_token_learns_what_it_may_do_and_what_is_missing() -> None:
    helper, other = guest(tenant="acme", name="helper"), guest(tenant="acme", name="other")
    asked = {"action": "chat.post", "resource": "channel:help"}
    with entering("compliance"):
        before = AuditEntry.objects.count()

    assert answer(helper, "compliance_check_permission", **asked) == {
        "whose": "token:helper",
        "outcome": "allow",
        "missing": [],
        "ends_at": None,
    }
    denied = answer(other, "compliance_check_permission", **asked)

    assert denied["outcome"] == "deny"
    assert "the right chat.use on channel:help for token:other in tenant acme" in denied["missing"][0]
    with entering("compliance"):
        assert AuditEntry.objects.count() == before


def test_nobody_asks_as_somebody_else() -> None:
    me = guest(tenant="acme")
    for name in ("subject", "tenant", "whose"):
        asked = {"action": "chat.post", "resource": "channel:help", name: "token:helper"}
        assert call_tool(me, "compliance_check_permission", asked).outcome == "invalid"


def test_rules_are_everybodys_and_grants_and_the_record_a_tenants_own() -> None:
    acme, apex = guest(tenant="acme"), guest(tenant="apex")
    with entering("compliance"):
        for tenant in ("acme", "apex"):
            asked = Question(
                tenant=tenant, subject="token:helper", action="chat.post", resource=f"channel:{tenant}"
            )
            services.check(asked, by="token:helper", now=timezone.now())

    assert [rule["action"] for rule in all_items(acme, "compliance_list_rules", limit=1)] == [
        "chat.*",
        "ships.ingest",
    ]
    assert [rule["right"] for rule in all_items(acme, "compliance_list_rules", action="chat.post")] == [
        "chat.use"
    ]
    assert all_items(acme, "compliance_list_rules", ended=True) == []
    for each, right, outcome in ((acme, "chat.use", "allow"), (apex, "ships.ingest", "deny")):
        (grant,) = all_items(each, "compliance_list_grants", whose="token:helper")
        assert grant["right"] == right
        kept = all_items(each, "compliance_list_record", limit=1)
        assert [entry["event"] for entry in kept] == ["check", "grant.made"]
        assert kept[0]["resource"] == f"channel:{each.tenant}"
        assert kept[0]["outcome"] == outcome
        (found,) = all_items(each, "compliance_list_record", event="check", whose="token:helper")
        assert found == kept[0]
    assert all_items(acme, "compliance_list_grants", right="ships.ingest") == []
    assert all_items(acme, "compliance_list_grants", ended=True) == []


def test_no_tool_hands_out_rights() -> None:
    assert {tool.tag for tool in tools().values() if tool.module == "compliance"} == {"read"}
