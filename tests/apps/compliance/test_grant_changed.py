"""GrantChanged: published with every change of who may do what, and given to every module that asks the gate."""

from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.compliance import services
from apps.compliance.models import Grant, Rule
from contracts.compliance import Compliance, GrantChanged
from monolith import composed, entering
from monolith.contracts.contract import contract_of
from monolith.events.registry import consumers
from monolith.testing.events import Events
from tests.apps.compliance.conftest import BY, grant, rule

pytestmark = pytest.mark.django_db(databases="__all__")

RULE = {"action": "ships.*", "right": "ships.ingest"}
GRANT = {"subject": "user:7", "right": "ships.ingest"}
ABOUT_RULE = GrantChanged(subject="*", right="ships.ingest")
ABOUT_GRANT = GrantChanged(subject="user:7", right="ships.ingest")


def test_each_change_is_told_and_what_changes_nothing_is_not(events: Events, now: datetime) -> None:
    with entering("compliance"):
        made, given = rule(**RULE), grant(tenant="north", **GRANT)
        for _ in range(2):  # the second changes nothing
            services.end_rule(pk=made.pk, by=BY, now=now)
            services.end_grant(pk=given.pk, by=BY, now=now)
    about = ABOUT_GRANT.model_copy(update={"tenant": "north"})
    assert events.published(GrantChanged) == [ABOUT_RULE, about, ABOUT_RULE, about]


def test_changes_in_the_admin_are_told(events: Events, client: Client) -> None:
    client.force_login(User.objects.create_superuser("keeper"))
    rest = {"resource": "*", "notice_days": 7, "reason": "", "ends_at_0": "", "ends_at_1": "", "tenant": ""}
    client.post("/admin/compliance/rule/add/", RULE | rest)
    client.post("/admin/compliance/grant/add/", GRANT | rest)
    with entering("compliance"):
        made, given = Rule.objects.get(), Grant.objects.get()
    client.post(f"/admin/compliance/rule/{made.pk}/change/", RULE | rest | {"notice_days": 1})
    client.post(f"/admin/compliance/grant/{given.pk}/change/", rest)
    for model, pk in (("rule", made.pk), ("grant", given.pk)):
        client.post(f"/admin/compliance/{model}/", {"action": "end", "_selected_action": [pk]})
    assert events.published(GrantChanged) == [ABOUT_RULE, ABOUT_GRANT] * 3


def test_a_change_that_is_refused_is_not_told(events: Events, client: Client) -> None:
    client.force_login(User.objects.create_superuser("keeper"))
    posted = client.post("/api/compliance/rules", RULE | {"right": "ingest"}, content_type="application/json")
    assert posted.status_code == 422
    assert events.published(GrantChanged) == []


def test_every_module_that_asks_the_gate_hears_of_it(events: Events) -> None:
    gate = contract_of(Compliance).operations["check"].gate
    assert gate is not None
    declared = composed().declared
    asking = {name for name in gate.callers if name in declared and "compliance" in declared[name].requires}
    assert {"home", "knowledge", "ships"} <= asking
    hearing = {name for name, types in consumers().items() if "compliance.GrantChanged" in types}
    assert hearing == asking
    with entering("compliance"):
        grant(**GRANT)
    runs = events.deliver()
    assert sorted((run.module, run.task, run.status) for run in runs) == [
        (name, "monolith.events.gate.forget_decisions", "succeeded") for name in sorted(asking)
    ]
