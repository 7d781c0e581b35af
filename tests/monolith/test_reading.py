"""`reading()`: PostgreSQL refuses what would change a row, in every way that a module has to send a statement."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest
from django.contrib.auth.models import Group
from django.db import InternalError
from psycopg.errors import ReadOnlySqlTransaction

from monolith import atomic, connection, entering, on_commit, reading
from monolith.errors import ReadingLeft, SessionViolation
from monolith.models import Switch
from monolith.module import PLATFORM

pytestmark = pytest.mark.usefixtures("committed_db")

INSERT = "INSERT INTO monolith_switch (name, is_on) VALUES ('x', true)"
refused = pytest.raises(InternalError, match="read-only transaction")


@pytest.fixture(params=["hikes", "agent"])  # the second has tenant tables, and cursors of its own
def module(request: pytest.FixtureRequest) -> Iterator[str]:
    with entering(request.param):
        yield request.param


@pytest.fixture
def binding() -> Iterator[None]:
    """Connections as workers have them: values travel beside the statement."""
    with entering("hikes"):
        settings = connection().settings_dict["OPTIONS"]
        before = dict(settings)
        connection().close()
        settings.pop("pool", None)
        settings.update(server_side_binding=True, prepare_threshold=1)
        yield
        connection().close()
        settings.clear()
        settings.update(before)


def create() -> None:
    Switch.objects.create(name="x", is_on=True)


def execute() -> None:
    with connection().cursor() as cursor:
        cursor.execute(INSERT)


def execute_many() -> None:
    with connection().cursor() as cursor:
        cursor.executemany("INSERT INTO monolith_switch (name, is_on) VALUES (%s, true)", [["x"], ["y"]])


def in_a_transaction() -> None:
    with atomic():
        assert not Switch.objects.exists()
        create()


def hidden_in_a_query() -> None:
    with connection().cursor() as cursor:
        cursor.execute(f"WITH new AS ({INSERT} RETURNING 1) SELECT * FROM new")


WAYS: list[Callable[[], None]] = [create, execute, execute_many, in_a_transaction, hidden_in_a_query]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_writes_is_refused_and_what_reads_is_not(module: str, way: Callable[[], None]) -> None:
    with reading():
        assert not Switch.objects.exists()
        with refused:
            way()
        assert Switch.objects.count() == 0
    create()
    assert Switch.objects.count() == 1


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_connections_of_workers_are_held_too(binding: None, way: Callable[[], None]) -> None:
    for _ in range(3):  # prepared from the second time on
        with reading():
            assert not Switch.objects.filter(name="y").exists()
            with refused:
                way()
    create()
    assert Switch.objects.count() == 1


def test_copy_and_named_cursors_are_held_too(module: str) -> None:
    create()
    connection().ensure_connection()
    raw = connection().connection
    copy = "COPY monolith_switch (name, is_on) FROM STDIN"
    with reading(), raw.cursor() as cursor, pytest.raises(ReadOnlySqlTransaction), cursor.copy(copy) as rows:
        rows.write_row(("y", True))
    with reading(), atomic(), raw.cursor("named") as cursor:
        cursor.execute("SELECT name FROM monolith_switch")
        assert cursor.fetchall() == [("x",)]
        with refused:
            execute()
    assert Switch.objects.count() == 1


def test_a_transaction_that_was_open_before_writes_again_afterwards(module: str) -> None:
    done: list[str] = []
    with atomic():
        create()
        with reading():
            assert Switch.objects.count() == 1  # what it wrote is there to be read
            with refused, atomic():
                Switch.objects.update(is_on=False)
        Switch.objects.update(is_on=False)
        on_commit(lambda: done.append("committed"))
    assert not Switch.objects.get().is_on
    assert done == ["committed"]


@pytest.mark.parametrize("around", [nullcontext, atomic])
@pytest.mark.parametrize(
    "before",
    [
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SET TRANSACTION READ WRITE",
        "SET LOCAL transaction_read_only = off",
        "SET transaction_read_only = off",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET default_transaction_read_only = off",
        "RESET transaction_read_only",
        "COMMIT",
        "COMMIT; BEGIN READ WRITE",
        "ROLLBACK; START TRANSACTION READ WRITE",
        "SAVEPOINT s; SET TRANSACTION READ WRITE",
    ],
)
def test_the_code_cannot_take_it_back(
    module: str, before: str, around: Callable[[], AbstractContextManager[None]]
) -> None:
    def send(*statements: str) -> None:
        with reading(), around(), connection().cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    for statements in ([f"{before}; {INSERT}"], [f"SELECT 1; {before}; {INSERT}"], [before, INSERT]):
        with pytest.raises((SessionViolation, ReadingLeft, InternalError)):
            send(*statements)
        connection().close()
        assert not Switch.objects.exists()


def test_a_module_that_is_called_reads_only_too() -> None:
    with entering("hikes"), reading(), entering("stars"), refused:
        create()


def test_the_platforms_own_tables_are_held_as_well() -> None:
    with entering(PLATFORM), reading():
        assert not Group.objects.exists()
        with refused:
            Group.objects.create(name="x")
        with refused, atomic():
            Group.objects.create(name="x")
    assert not Group.objects.exists()
    Group.objects.create(name="x")
