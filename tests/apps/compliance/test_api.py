"""The routes and the admin of compliance, on the real database."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from apps.compliance import sample
from apps.compliance.models import AuditEntry, Grant, Rule
from contracts.compliance import Compliance
from monolith import entering
from monolith.contracts import require
from tests.apps.compliance.conftest import grant, rule

pytestmark = pytest.mark.django_db(databases="__all__")

API = "/api/compliance"
RULE = {"action": "ships.*", "right": "ships.ingest"}
GRANT = {"subject": "user:7", "right": "ships.ingest"}


@pytest.fixture
def keeper(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("keeper"))
    return client


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_user("reader", is_staff=True))
    return client


def posted(client: Client, path: str, body: Any = None) -> Any:
    return client.post(f"{API}{path}", body, content_type="application/json")


def weighed(client: Client, **asked: str) -> Any:
    question = {"subject": "user:7", "action": "ships.ingest", "resource": "source:post"} | asked
    answer = client.get(f"{API}/check", question)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_rules_and_grants_are_made_tried_out_and_ended(keeper: Client) -> None:
    assert weighed(keeper)["outcome"] == "deny"
    made = posted(keeper, "/rules", RULE | {"notice_days": 3, "reason": "Because."})
    assert made.status_code == 201
    assert made.json() | RULE | {"resource": "*", "notice_days": 3, "ended_at": None} == made.json()
    assert "ships.ingest on source:post for user:7" in weighed(keeper)["missing"][0]
    given = posted(keeper, "/grants", GRANT)
    assert given.status_code == 201
    assert given.json() | GRANT | {"tenant": "", "ends_at": None} == given.json()
    assert weighed(keeper) == {"outcome": "allow", "missing": [], "ends_at": None}
    assert weighed(keeper, tenant="acme")["outcome"] == "deny"
    assert posted(keeper, f"/grants/{given.json()['id']}/end").json()["ends_at"] is not None
    assert "it ended" in weighed(keeper)["missing"][0]
    assert posted(keeper, f"/rules/{made.json()['id']}/end").json()["ended_at"] is not None
    assert "a rule for ships.ingest" in weighed(keeper)["missing"][0]
    assert [entry["event"] for entry in keeper.get(f"{API}/audit").json()["items"]] == [
        "rule.changed",
        "grant.changed",
        "grant.made",
        "rule.made",
    ]


def test_lists_are_narrowed_and_paged(keeper: Client, now: datetime) -> None:
    with entering("compliance"):
        for number in range(3):
            grant(f"user:{number}", "ships.ingest", tenant="acme" if number else "")
        grant("user:1", "knowledge.publish", ends_at=now + timedelta(hours=1))
    ended = posted(keeper, "/rules", RULE).json()["id"]
    posted(keeper, f"/rules/{ended}/end")
    posted(keeper, "/rules", RULE)

    def found(path: str, **query: str | int) -> tuple[int, int]:
        page = keeper.get(f"{API}{path}", query).json()
        return page["total"], len(page["items"])

    assert found("/rules") == (2, 2)
    assert found("/rules", applies="true") == found("/rules", applies="false") == (1, 1)
    assert found("/grants", limit=2) == (4, 2)
    assert found("/grants", limit=2, offset=3) == (4, 1)
    assert found("/grants", subject="user:1") == (2, 2)
    assert found("/grants", tenant="acme") == (2, 2)
    assert found("/grants", tenant="") == (2, 2)
    assert found("/grants", right="knowledge.publish", holds="true") == (1, 1)
    assert found("/grants", holds="false") == (0, 0)
    assert found("/audit", tenant="acme", event="grant.made") == (2, 2)
    assert found("/audit", subject="user:1") == (2, 2)
    assert found("/audit", event="check") == (0, 0)


def test_an_entry_shows_who_what_and_where_in_the_chain(keeper: Client) -> None:
    posted(keeper, "/grants", GRANT)
    (entry,) = keeper.get(f"{API}/audit").json()["items"]
    user = User.objects.get(username="keeper")
    assert (entry["tenant"], entry["position"], entry["previous"]) == ("", 1, "0" * 64)
    assert (entry["event"], entry["by"]) == ("grant.made", f"user:{user.pk}")
    assert entry["details"]["after"]["subject"] == "user:7"


@pytest.mark.parametrize(
    ("path", "body", "pointer", "fix"),
    [
        ("/rules", RULE | {"action": "ships*"}, "#/action", "before the star"),
        ("/rules", RULE | {"action": ""}, "#/action", "write *"),
        ("/rules", RULE | {"right": "ingest"}, "#/right", "ships.ingest"),
        ("/rules", RULE | {"notice_days": -1}, "#/notice_days", ""),
        ("/rules", RULE | {"notice": 1}, "#/notice", ""),
        ("/grants", GRANT | {"subject": "7"}, "#/subject", "write user:7"),
        ("/grants", GRANT | {"subject": "x" * 201}, "#/subject", "200"),
        ("/grants", GRANT | {"resource": "a*b"}, "#/resource", "at the end"),
        ("/grants", GRANT | {"tenant": "a\x00"}, "#/tenant", ""),
        ("/grants", GRANT | {"ends_at": "2026-11-21T12:00:00Z"}, "#/ends_at", "one to come"),
        ("/grants", GRANT | {"ends_at": "9999-12-31T23:59:59-12:00"}, "#/ends_at", "years"),
        ("/grants", GRANT | {"ends_at": "2026-11-21T12:00:00"}, "#/ends_at", "timezone"),
    ],
)
def test_what_is_not_taken_is_named_with_the_fix(
    keeper: Client, path: str, body: dict[str, Any], pointer: str, fix: str
) -> None:
    answer = posted(keeper, path, body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert fix in error["detail"]


def test_the_same_rule_is_refused_while_it_applies(keeper: Client) -> None:
    posted(keeper, "/rules", RULE)
    answer = posted(keeper, "/rules", RULE)
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (
        422,
        "There is such a rule already; change that one.",
    )


@pytest.mark.parametrize("path", ["/rules/1/end", "/grants/1/end"])
def test_what_is_not_there_cannot_be_ended(keeper: Client, path: str) -> None:
    answer = posted(keeper, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert "lists them" in answer.json()["detail"]


READ = ["/rules", "/grants", "/audit", "/check?subject=user:1&action=a&resource=b"]
WRITTEN = ["/rules", "/rules/1/end", "/grants", "/grants/1/end"]


@pytest.mark.parametrize("path", READ)
def test_staff_may_look(staff: Client, path: str) -> None:
    assert staff.get(f"{API}{path}").status_code == 200


@pytest.mark.parametrize("path", WRITTEN)
def test_staff_may_not_hand_rights_to_themselves(staff: Client, path: str) -> None:
    answer = posted(staff, path, GRANT if path == "/grants" else RULE)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/superusers-only")
    with entering("compliance"):
        assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(("method", "paths"), [("get", READ), ("post", WRITTEN)])
def test_strangers_see_and_do_nothing(client: Client, method: str, paths: list[str]) -> None:
    client.force_login(User.objects.create_user("walker"))
    assert {getattr(client, method)(f"{API}{path}").status_code for path in paths} == {403}
    client.logout()
    assert {getattr(client, method)(f"{API}{path}").status_code for path in paths} == {401}


def test_the_sample_lets_staff_and_the_command_ingest_and_is_loaded_once() -> None:
    assert sample.load() == "5 rules and 8 grants new"
    assert sample.load() == "0 rules and 0 grants new"
    for subject, allowed in {"user:7": True, "command:ingest_nmea": True, "command:other": False}.items():
        with entering("ships"):
            decision = require(Compliance).check(
                subject=subject, action="ships.ingest", resource="source:file"
            )
        assert decision.allowed is allowed


class TestAdmin:
    def test_a_rule_and_a_grant_are_made_changed_and_ended_with_who_did_it(self, keeper: Client) -> None:
        assert keeper.post("/admin/compliance/rule/add/", RULE | _REST).status_code == 302
        assert keeper.post("/admin/compliance/grant/add/", GRANT | _REST).status_code == 302
        with entering("compliance"):
            made, given = Rule.objects.get(), Grant.objects.get()
        page = f"/admin/compliance/rule/{made.pk}/change/"
        assert keeper.post(page, RULE | _REST | {"notice_days": 1}).status_code == 302
        page = f"/admin/compliance/grant/{given.pk}/change/"
        assert keeper.post(page, _REST | {"subject": "user:8", "reason": "Now why"}).status_code == 302
        for model, pk in (("rule", made.pk), ("grant", given.pk)):
            action = {"action": "end", "_selected_action": [pk]}
            assert keeper.post(f"/admin/compliance/{model}/", action).status_code == 302
        by = f"user:{User.objects.get(username='keeper').pk}"
        with entering("compliance"):
            rows = AuditEntry.objects.order_by("id")
            assert [row.event for row in rows] == [
                "rule.made",
                "grant.made",
                "rule.changed",
                "grant.changed",
                "rule.changed",
                "grant.changed",
            ]
            assert {row.by for row in rows} == {by}
            given.refresh_from_db()
            assert (given.subject, given.reason) == ("user:7", "Now why")  # who holds it does not change
            assert given.ends_at is not None
        page = f"/admin/compliance/grant/{given.pk}/change/"
        ended = {"ends_at_0": f"{given.ends_at:%Y-%m-%d}", "ends_at_1": f"{given.ends_at:%H:%M:%S}"}
        assert keeper.post(page, _REST | ended | {"reason": "It was for a day"}).status_code == 302

    @pytest.mark.parametrize(
        ("model", "form", "fix"),
        [
            ("rule", RULE | {"action": "ships*"}, "put one of . : / before the star"),
            ("rule", RULE | {"right": "ingest"}, "a dot and what it allows"),
            ("grant", GRANT | {"subject": "7"}, "write user:7"),
            ("grant", GRANT | {"ends_at_0": "2026-11-20", "ends_at_1": "12:00"}, "choose one to come"),
        ],
    )
    def test_what_is_not_taken_is_said_beside_the_field(
        self, keeper: Client, model: str, form: dict[str, str], fix: str
    ) -> None:
        answer = keeper.post(f"/admin/compliance/{model}/add/", _REST | form)
        assert answer.status_code == 200
        assert fix in answer.content.decode()

    def test_the_same_rule_is_refused(self, keeper: Client) -> None:
        keeper.post("/admin/compliance/rule/add/", RULE | _REST)
        assert (
            b"There is such a rule already"
            in keeper.post("/admin/compliance/rule/add/", RULE | _REST).content
        )

    @pytest.mark.parametrize("model", ["rule", "grant"])
    def test_nothing_is_deleted(self, keeper: Client, model: str) -> None:
        with entering("compliance"):
            pk = (rule(**RULE) if model == "rule" else grant(**GRANT)).pk
        assert keeper.post(f"/admin/compliance/{model}/{pk}/delete/", {"post": "yes"}).status_code == 403

    def test_staff_need_the_permission_of_the_admin(self, staff: Client) -> None:
        assert staff.get("/admin/compliance/grant/add/").status_code == 403
        user = User.objects.get(username="reader")
        user.user_permissions.add(Permission.objects.get(codename="add_grant"))
        assert staff.get("/admin/compliance/grant/add/").status_code == 200

    def test_the_audit_can_be_looked_at_searched_and_not_touched(self, keeper: Client) -> None:
        with entering("compliance"):
            rule(**RULE)
            grant(**GRANT)
            pk = AuditEntry.objects.order_by("id")[1].pk
        listing = "/admin/compliance/auditentry/"
        assert "2 audit entries" in keeper.get(listing).content.decode()
        assert "1 audit entry" in keeper.get(listing, {"q": "user:7"}).content.decode()
        assert "1 audit entry" in keeper.get(listing, {"event": "rule.made"}).content.decode()
        page = keeper.get(f"{listing}{pk}/change/")
        assert page.status_code == 200
        assert b"_save" not in page.content
        for path in ("add/", f"{pk}/delete/"):
            assert keeper.post(f"{listing}{path}", {"post": "yes"}).status_code == 403
        assert keeper.post(f"{listing}{pk}/change/", {"hash": "x"}).status_code == 403


_REST = {"resource": "*", "notice_days": 7, "reason": "", "tenant": "", "ends_at_0": "", "ends_at_1": ""}
