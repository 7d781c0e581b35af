"""A tenant's rows are its own, whichever way they are asked for."""

from collections.abc import Callable

import pytest
from django.db import DatabaseError, IntegrityError, connections
from django.db.models import Exists, OuterRef

from monolith import BoundaryViolation, MonolithError, SessionViolation, atomic, connection
from monolith.contracts import acting
from monolith.embedded import PostgresCluster
from monolith.tenancy.errors import TenantChanged, TenantNamed, TenantRefused
from monolith.testing.database import admin_connection
from tests.monolith.tenancy.toy import MODULE, OPERATIONS, Bed, Hut, Open

pytestmark = pytest.mark.usefixtures("tenant_tables")


def names() -> list[str]:
    return sorted(Hut.objects.values_list("name", flat=True))


def add(tenant: str, *huts: str) -> None:
    with acting(tenant=tenant):
        for name in huts:
            Hut.objects.create(name=name)


def raw(statement: str, *parameters: str) -> list[tuple[object, ...]]:
    with connection().cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def test_each_tenant_sees_its_own_rows_and_nobody_sees_none() -> None:
    add("a", "alm")
    add("b", "berg")

    with acting(tenant="a"):
        assert names() == ["alm"]
    with acting(tenant="b"):
        assert names() == ["berg"]
    assert names() == []


def test_transaction_serves_its_tenant_and_leaves_nothing_behind() -> None:
    with acting(tenant="a"), atomic():
        Hut.objects.create(name="alm")
        assert names() == ["alm"]

    assert names() == []
    assert raw("SELECT current_setting('monolith.tenant', true)") in ([(None,)], [("",)])


@pytest.mark.parametrize(
    "read",
    [
        lambda: raw("SELECT name FROM hikes_hut"),
        lambda: raw("SELECT name FROM hikes.hikes_hut WHERE tenant_id = 'b' OR true"),
        lambda: raw("SELECT name FROM hikes_hut WHERE name = %s", "berg 100%"),
        lambda: raw("WITH found AS (SELECT * FROM hikes_hut) SELECT name FROM found"),
        lambda: raw("UPDATE hikes_hut SET name = name || '!' RETURNING name"),
        lambda: raw("DELETE FROM hikes_hut RETURNING name"),
        lambda: list(Hut.objects.using(MODULE).values_list("name")),
        lambda: list(Hut.objects.raw("SELECT * FROM hikes_hut")),
        lambda: list(Hut.objects.extra(where=["tenant_id = 'b'"])),
        lambda: list(Hut.objects.filter(tenant_id="b").iterator()),
        lambda: list(Hut.objects.select_for_update(of=()).filter(pk__gt=0)) if atomic_now() else [],
        lambda: list(Hut.objects.union(Hut.objects.filter(tenant_id="b"))),
        lambda: list(Open.objects.filter(Exists(Hut.objects.filter(name=OuterRef("note"))))),
        lambda: list(Bed.objects.filter(hut__name__startswith="berg")),
        lambda: copied("COPY (SELECT name FROM hikes_hut) TO STDOUT"),
        lambda: copied("COPY hikes_hut TO STDOUT"),
        lambda: streamed("SELECT name FROM hikes_hut"),
        lambda: named_cursor("SELECT name FROM hikes_hut"),
        lambda: [connections[MODULE].connection.execute("SELECT name FROM hikes_hut").fetchall()][0],
    ],
)
@pytest.mark.parametrize("inside", [True, False])
def test_no_way_of_reading_shows_another_tenants_rows(read: Callable[[], list[object]], inside: bool) -> None:
    with acting(tenant="b"):
        hut = Hut.objects.create(name="berg 100%")
        Bed.objects.create(hut=hut, number=1)
    Open.objects.create(note="berg 100%")
    with acting(tenant="b"), atomic():
        assert read(), "the reading finds what is the tenant's own"
        connection().set_rollback(True)

    for tenant in ("a", ""):
        with acting(tenant=tenant):
            if inside:
                with atomic():
                    assert read() == []
            else:
                assert read() == []
    with acting(tenant="b"):
        assert names() == ["berg 100%"]


def atomic_now() -> bool:
    return connection().in_atomic_block


def copied(statement: str) -> list[object]:
    with connection().cursor() as cursor, cursor.copy(statement) as copy:
        return list(copy.rows())


def streamed(statement: str) -> list[object]:
    with connection().cursor() as cursor:
        return list(cursor.stream(statement))


def named_cursor(statement: str) -> list[object]:
    with connection().chunked_cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


@pytest.mark.parametrize(
    "write",
    [
        lambda: Hut(tenant_id="b", name="new").save(),
        lambda: Hut.objects.bulk_create([Hut(name="mine"), Hut(tenant_id="b", name="new")]),
        lambda: raw("INSERT INTO hikes_hut (tenant_id, name) VALUES ('b', 'new')"),
        lambda: raw("INSERT INTO hikes_hut (tenant_id, name) SELECT 'b', name FROM hikes_hut"),
        lambda: Hut.objects.update(tenant_id="b"),
        lambda: (
            connection()
            .cursor()
            .executemany("INSERT INTO hikes_hut (tenant_id, name) VALUES (%s, %s)", [("b", "x")])
        ),
    ],
)
def test_no_way_of_writing_makes_another_tenants_row(write: Callable[[], object]) -> None:
    add("a", "alm")

    with (
        acting(tenant="a"),
        pytest.raises(TenantRefused, match="acts for tenant 'a', and the row is another's"),
    ):
        write()

    with acting(tenant="b"):
        assert names() == []


def test_writing_without_a_tenant_fails_and_says_what_to_do() -> None:
    with pytest.raises(TenantRefused, match=r"acts for no tenant.*Enter acting\(tenant=…\) first"):
        Hut.objects.create(name="nobody's")
    with pytest.raises(TenantRefused, match="acts for no tenant"):
        raw("INSERT INTO hikes_hut (name) VALUES ('nobody''s')")
    with pytest.raises(TenantRefused, match="acts for no tenant"):
        Hut(tenant_id="", name="nobody's").save()


def test_columns_default_is_the_tenant_of_the_transaction() -> None:
    with acting(tenant="a"):
        raw("INSERT INTO hikes_hut (name) VALUES ('alm')")
        assert [hut.tenant_id for hut in Hut.objects.all()] == ["a"]


def test_bulk_operations_stay_within_the_tenant() -> None:
    add("b", "berg")
    with acting(tenant="a"):
        made = Hut.objects.bulk_create([Hut(name="one"), Hut(name="two")])
        for hut in made:
            hut.name += "!"
        assert Hut.objects.bulk_update(made, ["name"]) == 2
        assert Hut.objects.filter(name="berg").update(name="x") == 0
        assert Hut.objects.all().delete()[0] == 2

    with acting(tenant="b"):
        assert names() == ["berg"]


def test_values_that_need_quoting_are_tenants_like_others() -> None:
    for tenant in ("o'hara", "50%", "back\\slash", 'qu"ote', "; DROP TABLE hikes_hut", "söl", "%s"):
        add(tenant, "alm")
        with acting(tenant=tenant):
            assert names() == ["alm"]
            assert raw("SELECT tenant_id FROM hikes_hut WHERE name = %s", "alm") == [(tenant,)]


def test_transaction_that_serves_one_tenant_serves_no_other() -> None:
    with atomic():
        with acting(tenant="a"):
            Hut.objects.create(name="alm")
        assert names() == []
        with (
            acting(tenant="b"),
            pytest.raises(TenantChanged, match="serves tenant 'a' and was asked to serve 'b'"),
        ):
            names()
        with acting(tenant="a"):
            assert names() == ["alm"]


def test_transactions_one_after_the_other_serve_different_tenants() -> None:
    for tenant in ("a", "b", "a"):
        with acting(tenant=tenant), atomic():
            Hut.objects.get_or_create(name=tenant)
    for tenant in ("a", "b"):
        with acting(tenant=tenant), connection().connection.transaction():
            assert names() == [tenant]


def test_savepoint_that_is_rolled_back_takes_no_tenant_with_it() -> None:
    with atomic():
        Open.objects.create(note="before")
        with acting(tenant="a"):
            rolled_back(lambda: Hut.objects.create(name="lost"))
            Hut.objects.create(name="alm")
            assert names() == ["alm"]
        rolled_back(names)
        assert names() == []


def rolled_back(work: Callable[[], object]) -> None:
    with atomic():
        work()
        connection().set_rollback(True)


def test_failed_transaction_is_left_for_another_tenant() -> None:
    with acting(tenant="a"), pytest.raises(DatabaseError), atomic():
        raw("SELECT 1 / 0 FROM (SELECT 1) AS one")
    add("b", "berg")
    with acting(tenant="b"):
        assert names() == ["berg"]


def test_key_refers_to_rows_of_the_same_tenant_only() -> None:
    with acting(tenant="b"):
        hut = Hut.objects.create(name="berg")

    with acting(tenant="a"), pytest.raises(IntegrityError, match="hikes_bed_hut_id_tenant"):
        Bed.objects.create(hut_id=hut.pk, number=1)


@pytest.mark.parametrize(
    "statement",
    [
        "SET LOCAL monolith.tenant = 'b'",
        "SET monolith.tenant TO 'b'",
        'SET LOCAL "monolith"."tenant" = \'b\'',
        "SET LOCAL MONOLITH . TENANT = 'b'",
        "SELECT set_config('monolith.tenant', 'b', true)",
        "SELECT set_config('Monolith.Tenant', 'b', true), name FROM hikes_hut",
        "SELECT set_config('mono' || 'lith.tenant', 'b', true)",
        "SELECT set_config('mono'\n'lith.tenant', 'b', true)",
        "SELECT set_config($$monolith.tenant$$, 'b', true)",
        "SELECT set_config(/* */ $$mono$$||'lith.tenant', 'b', true)",
        "SELECT pg_catalog.\"set_config\"(E'mono\\x6cith.tenant', 'b', true)",
        "SELECT U&\"set\\005fconfig\"('mono' || 'lith.tenant', 'b', true)",
        "SELECT 1; SET LOCAL monolith.tenant = 'b'; SELECT 2",
        "DO $$ BEGIN EXECUTE 'SET LOCAL mono' || 'lith.tenant = ''b'''; END $$",
        "SELECT query_to_xml('SELECT set_con'||'fig(''mono''||''lith.tenant'', ''b'', true)', true, true, '')",
        "UPDATE pg_settings SET setting = 'b' WHERE name = 'monolith' || '.tenant'",
        "ALTER ROLE hikes_rw SET monolith.tenant = 'b'",
        "RESET monolith.tenant",
        "SELECT '--' AS x, set_config('monolith.tenant', 'b', true); SELECT name FROM hikes_hut",
        "SELECT '/*' AS x, set_config('monolith.tenant', 'b', true), '*/'",
        "SELECT $$--$$ AS x, set_config('monolith.tenant', 'b', true); SELECT name FROM hikes_hut",
        "SELECT E'\\'--' AS x, set_config('monolith.tenant', 'b', true); SELECT name FROM hikes_hut",
        "SELECT 1 AS \"--\", set_config('monolith.tenant', 'b', true); SELECT name FROM hikes_hut",
        "SELECT '--'; SET ROLE hikes_owner",
        "SELECT '--'; DO $$ BEGIN EXECUTE 'SET LOCAL mono' || 'lith.tenant'; END $$",
        "SET LOCAL standard_conforming_strings = off",
    ],
)
def test_sql_that_names_the_tenant_is_refused(statement: str) -> None:
    add("b", "berg")

    with acting(tenant="a"), atomic(), pytest.raises(MonolithError) as caught:
        raw(statement)

    assert isinstance(caught.value, TenantNamed | SessionViolation | BoundaryViolation)


def test_bound_name_of_a_setting_is_refused() -> None:
    with atomic(), pytest.raises(TenantNamed):
        raw("SELECT set_config(%s, %s, true)", "monolith.tenant", "b")


def test_other_settings_and_reading_the_tenant_are_allowed() -> None:
    with acting(tenant="a"), atomic():
        assert raw("SELECT set_config('statement_timeout', '100', true)") == [("100ms",)]
        assert raw("SELECT current_setting('monolith.tenant', true)") == [("a",)]


def test_column_may_have_the_name_of_a_word_of_sql() -> None:
    add("a", "alm")
    with acting(tenant="a"):
        assert raw('SELECT h."execute" FROM (SELECT name AS "execute" FROM hikes_hut) AS h') == [("alm",)]


def test_isolation_level_can_be_set_first() -> None:
    with acting(tenant="a"), atomic():
        raw("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert names() == []


def test_tables_of_no_tenant_are_everybodys() -> None:
    with acting(tenant="a"):
        Open.objects.create(note="x")
    assert Open.objects.count() == 1


def test_operations_can_be_taken_back(cluster: PostgresCluster) -> None:
    add("b", "berg")

    with admin_connection(cluster, connections[MODULE].settings_dict["NAME"]) as admin:
        admin.execute("SET ROLE hikes_owner")
        admin.execute("SET search_path = hikes")
        for operation in reversed(OPERATIONS):
            for statement in operation.statements(operation.backwards):
                admin.execute(statement.encode())

    assert names() == ["berg"]
