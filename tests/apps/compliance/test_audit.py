"""The record: what is written, that it stays, and that tampering is found."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from psycopg import errors

from apps.compliance import audit, chain, services
from apps.compliance.decisions import Question
from apps.compliance.models import AuditEntry, AuditHead, Grant, Rule
from contracts.compliance import UNASKED, Compliance, Decision
from monolith import entering
from monolith.contracts import require
from tests.apps.compliance.conftest import BY, Execute, grant, rule

in_module = pytest.mark.usefixtures("in_compliance")
on_database = pytest.mark.django_db(databases="__all__")
committed = pytest.mark.usefixtures("committed_db", "in_compliance")


def record(count: int, *, tenant: str = "", now: datetime) -> None:
    """Make decisions, one entry each."""
    for number in range(count):
        services.check(Question(tenant, f"user:{number}", "ships.ingest", "source:post"), by="", now=now)


def verified(*arguments: str) -> str:
    """Return what the command prints, and its error's text below."""
    output = io.StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=output)
    except CommandError as error:
        return f"{output.getvalue()}{error}"
    return output.getvalue()


@on_database
@in_module
def test_every_change_of_rules_and_grants_is_recorded_before_and_after(now: datetime) -> None:
    made = rule("ships.ingest", "ships.ingest")
    given = grant("user:7", "ships.ingest", tenant="acme")
    services.end_grant(pk=given.pk, by="user:2", now=now)
    services.end_rule(pk=made.pk, by="user:2", now=now)

    assert [
        (entry.tenant, entry.position, entry.event, entry.by) for entry in AuditEntry.objects.order_by("id")
    ] == [
        ("", 1, "rule.made", BY),
        ("acme", 1, "grant.made", BY),
        ("acme", 2, "grant.changed", "user:2"),
        ("", 2, "rule.changed", "user:2"),
    ]
    ended = AuditEntry.objects.get(tenant="acme", position=2).details
    assert (ended["subject"], ended["before"]["ends_at"]) == ("user:7", None)
    assert datetime.fromisoformat(ended["after"]["ends_at"]) == now
    assert ended["after"] == ended["before"] | {"ends_at": ended["after"]["ends_at"]}


@on_database
@in_module
def test_changes_past_the_services_are_recorded_too() -> None:
    grant("user:7", "ships.ingest")
    with connections["compliance"].cursor() as cursor:
        cursor.execute("SELECT set_config('compliance.actor', '', true)")  # as in a transaction of its own
    Grant.objects.update(subject="user:*")
    Grant.objects.update(subject="user:*")  # changes nothing
    Grant.objects.all().delete()
    changed, deleted = AuditEntry.objects.order_by("id")[1:]
    assert changed.event == "grant.changed"
    assert re.fullmatch(r"role:\w*compliance_rw", changed.by)
    assert (changed.details["before"]["subject"], changed.details["after"]["subject"]) == ("user:7", "user:*")
    assert (deleted.event, deleted.details["after"]) == ("grant.deleted", None)


@committed
def test_a_change_that_is_rolled_back_leaves_no_entry() -> None:
    def change_and_fail() -> None:
        with audit.changing(by=BY):
            Rule.objects.create(action="a.b", right="a.b")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        change_and_fail()
    assert not AuditEntry.objects.exists()
    assert not AuditHead.objects.exists()


@on_database
@in_module
def test_ending_again_changes_and_records_nothing(now: datetime) -> None:
    given = grant("user:7", "ships.ingest")
    first = services.end_grant(pk=given.pk, by=BY, now=now).ends_at
    assert services.end_grant(pk=given.pk, by=BY, now=now + timedelta(hours=1)).ends_at == first
    made = rule("ships.ingest", "ships.ingest")
    services.end_rule(pk=made.pk, by=BY, now=now)
    assert services.end_rule(pk=made.pk, by=BY, now=now + timedelta(hours=1)).ended_at == now
    assert AuditEntry.objects.count() == 4


@on_database
@in_module
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE compliance_auditentry SET content = '{}'",
        "UPDATE compliance_auditentry SET tenant = 'other' WHERE false",
        "DELETE FROM compliance_auditentry",
        "TRUNCATE compliance_auditentry",
        "UPDATE compliance_audithead SET position = 0",
        "INSERT INTO compliance_audithead (tenant, position, hash) VALUES ('x', 7, '')",
        "DELETE FROM compliance_audithead",
        "ALTER TABLE compliance_auditentry DISABLE TRIGGER ALL",
        "DROP TRIGGER compliance_auditentry_kept ON compliance_auditentry",
        "SET LOCAL session_replication_role = replica",
    ],
)
def test_the_serving_role_cannot_change_what_is_written(statement: str, now: datetime) -> None:
    record(2, now=now)
    with pytest.raises(DatabaseError), connections["compliance"].cursor() as cursor:
        cursor.execute(statement)


@committed
@pytest.mark.parametrize("table", ["compliance_auditentry", "compliance_audithead"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET hash = ''"])
def test_triggers_refuse_the_owner_of_the_tables_too(
    table: str, statement: str, as_owner: Execute, now: datetime
) -> None:
    record(1, now=now)
    with pytest.raises(errors.ObjectNotInPrerequisiteState, match="the audit only grows"):
        as_owner(statement.format(table))


@on_database
@in_module
def test_the_writer_cannot_choose_place_time_or_hash(now: datetime) -> None:
    record(1, now=now)
    AuditEntry.objects.create(
        tenant="",
        position=40,
        previous="f",
        hash="f",
        content={"at": "1999-01-01", "position": 9, "event": "check"},
    )
    entry = AuditEntry.objects.get(position=2)
    assert (entry.content["position"], entry.content["at"][:4] >= "2026") == (2, True)
    assert verified("--tenant", "").startswith("tenant '': 2 entries, whole")


@committed
def test_writers_at_once_make_one_chain_per_tenant(now: datetime) -> None:
    together = Barrier(4)

    def write(tenant: str) -> None:
        try:
            with entering("compliance"):
                together.wait(timeout=30)
                record(25, tenant=tenant, now=now)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, ["", "", "", "acme"]))
    output = verified()
    assert "tenant '': 75 entries, whole" in output
    assert "tenant 'acme': 25 entries, whole" in output


@committed
def test_a_whole_chain_is_verified_and_its_end_printed(now: datetime) -> None:
    assert verified() == ""
    record(3, now=now)
    assert verified() == f"tenant '': 3 entries, whole; ends with {AuditHead.objects.get().hash}\n"


TAMPERING = {
    "content changed": (
        ['UPDATE compliance_auditentry SET content = content || \'{"outcome": "allow"}\' WHERE position = 3'],
        "broken at 3: its content is not what was hashed",
    ),
    "content replaced and hashed": (
        [
            "UPDATE compliance_auditentry SET content = '{}' WHERE position = 3",
            "UPDATE compliance_auditentry SET hash = encode(sha256(convert_to(previous || '{}', 'UTF8')), 'hex') WHERE position = 3",
        ],
        "broken at 3: it was written for another place",
    ),
    "hash replaced": (
        ["UPDATE compliance_auditentry SET hash = repeat('a', 64) WHERE position = 3"],
        "broken at 3: its content is not what was hashed",
    ),
    "first removed": (
        ["DELETE FROM compliance_auditentry WHERE position = 1"],
        "broken at 1: the entry is missing; the next one there is 2",
    ),
    "middle removed": (
        ["DELETE FROM compliance_auditentry WHERE position = 3"],
        "broken at 3: the entry is missing; the next one there is 4",
    ),
    "middle removed and rest moved up": (
        [
            "DELETE FROM compliance_auditentry WHERE position = 3",
            "UPDATE compliance_auditentry SET position = position - 1 WHERE position > 3",
        ],
        "broken at 3: it does not follow the entry before",
    ),
    "tail removed": (
        ["DELETE FROM compliance_auditentry WHERE position > 3"],
        "broken at 4: the entry is missing; the head says that there are 5",
    ),
    "tail removed and head moved back": (
        [
            "DELETE FROM compliance_auditentry WHERE position > 3",
            "UPDATE compliance_audithead SET position = 3",
        ],
        "broken at 3: the head says",
    ),
    "all removed": (
        ["DELETE FROM compliance_auditentry"],
        "broken at 1: the entry is missing; the head says that there are 5",
    ),
    "head moved back": (
        [
            "UPDATE compliance_audithead AS head SET position = 4, hash = entry.hash FROM compliance_auditentry AS entry WHERE entry.position = 4"
        ],
        "broken at 5: the entry came after the head, which says that there are 4",
    ),
    "head removed": (
        ["DELETE FROM compliance_audithead"],
        "broken at 1: the entry came after the head, which says that there are 0",
    ),
    "rows swapped": (
        [
            "UPDATE compliance_auditentry SET position = -2 WHERE position = 2",
            "UPDATE compliance_auditentry SET position = 2 WHERE position = 3",
            "UPDATE compliance_auditentry SET position = 3 WHERE position = -2",
        ],
        "broken at 2: it does not follow the entry before",
    ),
    "chain given to another tenant": (
        [
            "UPDATE compliance_auditentry SET tenant = 'acme'",
            "UPDATE compliance_audithead SET tenant = 'acme'",
        ],
        "tenant 'acme': broken at 1: it was written for another place",
    ),
}


@committed
@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_by_the_owner_of_the_tables_is_found(how: str, tamper: Execute, now: datetime) -> None:
    statements, found = TAMPERING[how]
    record(5, now=now)
    assert "whole" in verified()
    tamper(*statements)
    output = verified()
    assert found in output
    assert output.endswith("1 of 1 chains broken")


@committed
def test_other_chains_are_verified_beside_a_broken_one(tamper: Execute, now: datetime) -> None:
    record(2, tenant="acme", now=now)
    record(2, tenant="other", now=now)
    tamper("DELETE FROM compliance_auditentry WHERE tenant = 'acme' AND position = 1")
    assert "tenant 'other': 2 entries, whole" in verified()
    assert "chains broken" not in verified("--tenant", "other")
    assert "1 of 1 chains broken" in verified("--tenant", "acme")
    assert "has no entries. Leave --tenant out" in verified("--tenant", "nobody")


@on_database
@in_module
def test_a_chain_longer_than_a_batch_is_read_to_its_end(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "BATCH", 2)
    record(5, now=now)
    (found,) = chain.chains()
    seen: list[int] = []
    assert chain.first_break(found, chain.links(found), progress=seen.append) is None
    assert seen == [1, 2, 3, 4, 5]


@on_database
@in_module
def test_entries_that_come_while_a_chain_is_walked_do_not_break_it(now: datetime) -> None:
    record(2, now=now)
    (found,) = chain.chains()
    record(2, now=now)
    assert chain.first_break(found, chain.links(found)) is None


@committed
def test_a_decision_that_cannot_be_recorded_is_none_and_the_gate_denies(
    tamper: Execute, caplog: pytest.LogCaptureFixture
) -> None:
    rule("ships.ingest", "ships.ingest")
    grant("user:7", "ships.ingest")
    tamper("ALTER TABLE compliance_auditentry ADD CONSTRAINT is_full CHECK (false) NOT VALID")
    try:
        assert asked() == UNASKED
    finally:
        tamper("ALTER TABLE compliance_auditentry DROP CONSTRAINT is_full")
    assert "compliance.check could not be asked and denies" in caplog.text
    assert asked().allowed  # that answer was not kept


def asked() -> Decision:
    with entering("ships"):
        return require(Compliance).check(subject="user:7", action="ships.ingest", resource="source:post")
