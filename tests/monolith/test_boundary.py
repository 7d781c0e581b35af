"""The current module, the router and the guard, and what audit mode makes of a crossing."""

import contextvars
import dataclasses
import logging
import threading
from collections.abc import Callable

import pytest
from django.apps.registry import Apps
from django.db import connections, models, transaction
from pytest_django import Settings

from apps.hikes.models import Walk
from apps.ships.models import Vessel
from monolith import (
    BoundaryViolation,
    SessionViolation,
    atomic,
    composed,
    connection,
    current_module,
    entering,
    on_commit,
)
from monolith.boundary import crossings
from monolith.module import PLATFORM

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def audit_mode(settings: Settings) -> None:
    composition = composed()
    environment = composition.environment.model_copy(update={"boundary": "audit"})
    settings.MONOLITH = dataclasses.replace(composition, environment=environment)


def test_host_is_current_when_nothing_was_entered() -> None:
    assert current_module() == PLATFORM


def test_module_is_left_again_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), entering("hikes"):
        1 / 0  # noqa: B018

    assert current_module() == PLATFORM


def test_module_reads_its_own_tables_on_its_own_connection() -> None:
    with entering("hikes"):
        assert Walk.objects.count() == 0
        assert connection().alias == "hikes"
        with connection().cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("hikes_rw",)


def test_transactions_are_the_modules_own() -> None:
    def announce() -> None:
        raise AssertionError("the test's transaction is never committed")

    with entering("hikes"), atomic():
        assert connections["hikes"].in_atomic_block
        on_commit(announce)

    assert connections["hikes"].run_on_commit[-1][1] is announce
    assert connections["default"].run_on_commit == []


@pytest.mark.parametrize("begin", [lambda: transaction.atomic(), lambda: transaction.atomic(using="ships")])
def test_transaction_on_another_connection_is_refused(begin: Callable[[], transaction.Atomic]) -> None:
    with (
        entering("hikes"),
        pytest.raises(BoundaryViolation, match=r"use atomic\(\) and on_commit\(\)"),
        begin(),
    ):
        Walk.objects.count()


def test_callback_on_the_platforms_commit_is_refused() -> None:
    with entering("hikes"), pytest.raises(BoundaryViolation, match="'hikes' reached for 'platform'"):
        transaction.on_commit(lambda: None)


def test_host_reaches_no_module() -> None:
    with pytest.raises(
        BoundaryViolation, match=r"Module 'platform' reached for 'hikes': the model hikes\.Walk"
    ):
        Walk.objects.count()


def test_violation_names_both_modules_and_the_contract_to_use() -> None:
    with entering("hikes"), pytest.raises(BoundaryViolation) as caught:
        Vessel.objects.first()

    assert (caught.value.current, caught.value.target) == ("hikes", "ships")
    assert "Call its contract (contracts/ships.py)" in str(caught.value)


def test_a_new_thread_starts_as_the_host_and_a_copied_context_does_not() -> None:
    seen: list[str] = []
    with entering("hikes"):
        bare = threading.Thread(target=lambda: seen.append(current_module()))
        copied = threading.Thread(
            target=contextvars.copy_context().run, args=(lambda: seen.append(current_module()),)
        )
        for thread in (bare, copied):
            thread.start()
            thread.join()

    assert seen == [PLATFORM, "hikes"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 'ships_vessel' AS text",
        "SELECT 1 -- ships_vessel",
        "SELECT /* ships_vessel */ 2",
        "SELECT 'it''s in ships_vessel, ships.anything'",
        "SELECT count(*) AS ships FROM hikes_walk",
    ],
)
def test_what_is_no_table_is_not_taken_for_one(statement: str) -> None:
    with entering("hikes"), connection().cursor() as cursor:
        cursor.execute(statement)


def test_missing_table_of_nobody_stays_the_databases_own_error() -> None:
    from django.db import ProgrammingError

    with (
        entering("hikes"),
        connection().cursor() as cursor,
        pytest.raises(ProgrammingError, match="no_such_table"),
        atomic(),
    ):
        cursor.execute("SELECT * FROM no_such_table")


@pytest.mark.parametrize(
    "statement", ["SET ROLE ships_owner", "RESET ROLE", "SELECT set_config('role', 'ships_rw', true)"]
)
def test_no_module_changes_its_role(statement: str) -> None:
    with (
        entering("hikes"),
        connection().cursor() as cursor,
        pytest.raises(BoundaryViolation, match="another role"),
    ):
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SET search_path = public",
        "SET SESSION statement_timeout = 0",
        "RESET ALL",
        "SELECT 1; SET statement_timeout = 0",
        "SELECT set_config('statement_timeout', '0', false)",
        "DISCARD ALL",
    ],
)
def test_no_module_leaves_state_on_a_connection_that_others_use(statement: str) -> None:
    with (
        entering("hikes"),
        connection().cursor() as cursor,
        pytest.raises(SessionViolation, match="Use SET LOCAL"),
    ):
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement", ["SET LOCAL statement_timeout = 100", "SELECT set_config('statement_timeout', '100', true)"]
)
def test_state_of_a_transaction_is_the_modules_own_business(statement: str) -> None:
    with entering("hikes"), atomic(), connection().cursor() as cursor:
        cursor.execute(statement)


def test_platform_pages_may_touch_both() -> None:
    from django.contrib.auth.models import User

    with entering("hikes", with_platform=True):
        assert (Walk.objects.count(), User.objects.count()) == (0, 0)


@pytest.mark.usefixtures("audit_mode")
def test_audit_mode_lets_a_crossing_pass_and_says_where_it_was(caplog: pytest.LogCaptureFixture) -> None:
    with entering("hikes"), caplog.at_level(logging.WARNING, "monolith.boundary"):
        assert list(Vessel.objects.all()) == []

    (message,) = [record.getMessage() for record in caplog.records]
    assert "module 'hikes' reached for 'ships'" in message
    assert "test_boundary.py:" in message


@pytest.mark.usefixtures("audit_mode")
def test_audit_mode_counts_each_place() -> None:
    def count() -> int:
        return sum(
            number
            for crossing, number in crossings().items()
            if (crossing.current, crossing.target) == ("hikes", "ships")
        )

    before = count()
    with entering("hikes"):
        for _ in range(3):
            Vessel.objects.count()

    assert count() == before + 3


@pytest.mark.usefixtures("audit_mode")
def test_audit_mode_does_not_open_the_database() -> None:
    # Within hikes' own connection PostgreSQL still refuses: audit mode lends no grants.
    with (
        entering("hikes"),
        connection().cursor() as cursor,
        pytest.raises(BoundaryViolation, match="PostgreSQL refused"),
    ):
        cursor.execute("SELECT * FROM ships.ships_vessel")


def test_twin_of_another_modules_table_does_not_take_it_over() -> None:
    class Twin(models.Model):
        class Meta:
            managed = False
            app_label = "hikes"
            db_table = "ships_vessel"
            apps = Apps()

    with entering("hikes"), pytest.raises(BoundaryViolation, match="'hikes' reached for 'ships'"):
        Twin._default_manager.count()
