"""No tenant's rows are read, written or told of by another: neither by our queries nor by any other."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.apps import apps
from django.db import IntegrityError

from apps.agent import decisions, locks, orchestration, queries, routines, watchdog
from apps.agent.errors import CallNotFoundError, NoTenantError
from apps.agent.models import ServiceCall, Status, Tenant
from apps.agent.module import module
from apps.agent.queries import own
from contracts.agent import Answer, ExecutionSucceeded
from monolith import atomic, connection, entering
from monolith.contracts import acting
from monolith.embedded import PostgresCluster
from monolith.events import publish
from monolith.tenancy.errors import TenantRefused
from monolith.testing.database import admin_connection
from monolith.testing.events import Events
from tests.apps.agent.conftest import TENANT, call_of, submit

pytestmark = pytest.mark.usefixtures("committed_db")

ANSWER: Final = Answer(status=200, url="https://a.example/", headers={}, body="", is_cut=False, elapsed_ms=1)
SOON: Final = timedelta(minutes=1)


@pytest.fixture
def filled(events: Events) -> None:
    """A row of each kind for the tenant acme."""
    with entering("agent"), acting(tenant=TENANT):
        submit("now")
        submit("later", due_at=datetime.now(UTC) + timedelta(days=1))
        events.deliver()
        locks.acquire(name="printer", holder="ada", ttl=SOON)
        routines.add(name="tidy", payload={})
        decisions.ask(question="Really?", options=["yes", "no"], expires_at=datetime.now(UTC) + SOON)


def test_every_table_but_the_list_of_tenants_is_held_to_its_tenant() -> None:
    tables = {model._meta.db_table for model in apps.get_app_config("agent").get_models()}

    assert tables - set(module.tenant_tables) == {Tenant._meta.db_table}


def test_the_tenant_leads_every_index(cluster: PostgresCluster) -> None:
    from django.db import connections

    with admin_connection(cluster, connections["agent"].settings_dict["NAME"]) as admin:
        found = admin.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid, 1, true) FROM pg_index "
            "WHERE indrelid = ANY(%s::regclass[])",
            [[f"agent.{table}" for table in module.tenant_tables]],
        ).fetchall()

    assert len(found) > len(module.tenant_tables)
    assert {name: column for name, column in found if column != "tenant_id"} == {}


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("table", module.tenant_tables)
def test_no_statement_reads_or_writes_another_tenants_rows(table: str) -> None:
    count = f"SELECT count(*) FROM {table}"
    with entering("agent"):
        with acting(tenant=TENANT), atomic(), connection().cursor() as cursor:
            cursor.execute(count)
            assert cursor.fetchone()[0] > 0
        for stranger in ("other", ""):
            with acting(tenant=stranger), atomic(), connection().cursor() as cursor:
                cursor.execute(count)
                assert cursor.fetchone() == (0,)
                cursor.execute(f"DELETE FROM {table} WHERE tenant_id = %s", [TENANT])
                assert cursor.rowcount == 0
                cursor.execute(f"UPDATE {table} SET tenant_id = tenant_id")
                assert cursor.rowcount == 0
        with acting(tenant="other"), pytest.raises(TenantRefused), atomic(), connection().cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} (tenant_id, id) VALUES (%s, gen_random_uuid())", [TENANT])


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "read",
    [
        lambda: list(queries.calls()),
        lambda: list(queries.locks()),
        lambda: list(queries.routine_jobs()),
        lambda: list(queries.decisions()),
        lambda: list(queries.overdue_attempts(datetime.now(UTC) + timedelta(days=9), limit=10)),
    ],
)
def test_no_query_shows_another_tenants_rows(read: Callable[[], list[Any]]) -> None:
    with entering("agent"):
        with acting(tenant=TENANT), atomic():
            assert read()
        with acting(tenant="other"), atomic():
            assert read() == []
        with pytest.raises(NoTenantError), atomic():
            read()


@pytest.mark.usefixtures("filled")
def test_another_tenants_call_is_as_one_that_does_not_exist() -> None:
    with entering("agent"):
        with acting(tenant=TENANT):
            [call_id] = queries.calls(status=Status.RUNNING).values_list("id", flat=True)
        with acting(tenant="other"), pytest.raises(CallNotFoundError), atomic():
            queries.call(call_id)


def test_an_outcome_of_another_tenant_reaches_no_call(events: Events) -> None:
    with entering("agent"):
        with acting(tenant=TENANT):
            call_id = submit()
            events.deliver()
        with acting(tenant="other"), atomic():
            publish(ExecutionSucceeded(call_id=call_id, answer=ANSWER))
        events.deliver()
        with acting(tenant=TENANT):
            assert call_of(call_id).status == Status.RUNNING


def test_the_same_key_and_the_same_id_may_stand_in_two_tenants(events: Events) -> None:
    with entering("agent"):
        with acting(tenant=TENANT):
            first = submit()
        with acting(tenant="other"):
            second = submit()
        events.deliver()
        assert first != second
        for tenant, call_id in ((TENANT, first), ("other", second)):
            with acting(tenant=tenant), atomic():
                assert [call.id for call in own(ServiceCall).all()] == [call_id]
        with acting(tenant="other"), atomic():
            values = {
                field: getattr(own(ServiceCall).get(), field) for field in ("name", "request", "due_at")
            }
            ServiceCall.objects.create(id=first, idempotency_key="other", **values)


def test_an_attempt_is_of_a_call_of_its_own_tenant(events: Events) -> None:
    with entering("agent"):
        with acting(tenant=TENANT):
            call_id = submit()
            events.deliver()
        with acting(tenant="other"), pytest.raises(IntegrityError), atomic(), connection().cursor() as cursor:
            cursor.execute(
                "INSERT INTO agent_timer (id, message_id, due_at) VALUES (%s, gen_random_uuid(), now())",
                [call_id],
            )


def test_a_tenant_that_fails_does_not_keep_the_watchdog_from_those_after_it(
    events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_for_acme[**P, R](step: Callable[P, R]) -> Callable[P, R]:
        def take(*args: P.args, **kwargs: P.kwargs) -> R:
            if queries.tenant() == TENANT:
                raise RuntimeError(TENANT)
            return step(*args, **kwargs)

        return take

    for step in ("_give_up", "_prune_own"):
        monkeypatch.setattr(watchdog, step, fails_for_acme(getattr(watchdog, step)))
    now = datetime.now(UTC)
    with entering("agent"):
        for tenant in (TENANT, "other"):
            with acting(tenant=tenant):
                submit()
        events.deliver()
        with pytest.raises(ExceptionGroup, match="1 tenants"):
            watchdog.look(now=now + orchestration.GIVE_UP_AFTER + timedelta(minutes=1))
        with acting(tenant="other"):
            assert own(ServiceCall).get().status == Status.FAILED
        with pytest.raises(ExceptionGroup, match="1 tenants"):
            watchdog.prune(now=now + timedelta(days=91))
        with acting(tenant="other"):
            assert not own(ServiceCall).exists()
        with acting(tenant=TENANT):
            assert own(ServiceCall).get().status == Status.RUNNING
