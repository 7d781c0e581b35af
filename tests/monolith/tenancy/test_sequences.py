"""Whatever two tenants do in whatever order, each finds its own rows as it left them."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monolith import atomic, connection
from monolith.contracts import acting
from tests.monolith.tenancy.toy import MODULE, Bed, Hut

pytestmark = pytest.mark.usefixtures("tenant_tables")


@dataclass(frozen=True)
class Step:
    """One thing that one tenant, or nobody, does."""

    tenant: str
    action: str
    way: str
    name: str
    place: str


steps = st.builds(
    Step,
    tenant=st.sampled_from(["a", "b", ""]),
    action=st.sampled_from(["add", "touch", "delete", "bed"]),
    way=st.sampled_from(["orm", "using", "raw", "bulk", "many"]),
    name=st.sampled_from(["alm", "50%", "o'hara"]),  # few: tenants have huts of the same name
    place=st.sampled_from(["autocommit", "transaction", "savepoint", "rolled back"]),
)
Rows = dict[str, int]  # beds by the name of their hut


@given(st.lists(steps, max_size=10))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tenants_never_see_each_others_rows(work: list[Step]) -> None:
    expected: dict[str, Rows] = {"a": {}, "b": {}, "": {}}
    clear()
    for step in work:
        with acting(tenant=step.tenant):
            take(step, expected)
        for tenant, rows in expected.items():
            with acting(tenant=tenant):
                assert seen() == rows


def clear() -> None:
    for tenant in ("a", "b"):
        with acting(tenant=tenant):
            Bed.objects.all().delete()
            Hut.objects.all().delete()


def take(step: Step, expected: dict[str, Rows]) -> None:
    rows = dict(expected[step.tenant])
    if step.place == "autocommit":
        do(step, rows)
    else:
        with atomic():
            if step.place != "transaction":
                seen()
            with atomic():
                do(step, rows)
                assert seen() == rows
                with acting(tenant=""):
                    assert seen() == {}
                connection().set_rollback(step.place == "rolled back")
            assert seen() == (expected[step.tenant] if step.place == "rolled back" else rows)
    if step.place != "rolled back":
        expected[step.tenant] = rows


def seen() -> Rows:
    """Count a tenant's beds by hut in four ways, which agree."""
    joined = (
        "SELECT h.name, count(b.id) FROM hikes_hut h LEFT JOIN hikes_bed b ON b.hut_id = h.id GROUP BY h.name"
    )
    with connection().cursor() as cursor:
        cursor.execute(joined)
        rows: Rows = dict(cursor.fetchall())
        with cursor.copy(f"COPY ({joined}) TO STDOUT") as copy:
            copy.set_types(["text", "int8"])
            assert dict(copy.rows()) == rows
    beds = Bed.objects.select_related("hut")
    assert sorted(bed.hut.name for bed in beds) == sorted(
        name for name, count in rows.items() for _ in range(count)
    )
    assert set(Hut.objects.using(MODULE).values_list("name", flat=True)) == set(rows)
    return rows


def do(step: Step, rows: Rows) -> None:
    """Do one thing, note in `rows` what it comes to, and see that it touched as many rows as the tenant has."""
    has = step.name in rows
    match step.action:
        case "add" if step.tenant and not has:
            add(step)
            rows[step.name] = 0
        case "touch":
            assert touch(step) == has
        case "delete":
            assert delete(step) == has
            rows.pop(step.name, None)
        case "bed":
            assert furnish(step) == has
            if has:
                rows[step.name] += 1


def add(step: Step) -> None:
    match step.way:
        case "orm":
            Hut(name=step.name).save()
        case "using":
            Hut.objects.using(MODULE).create(name=step.name)
        case "bulk":
            Hut.objects.bulk_create([Hut(name=step.name)])
        case _:
            insert = "INSERT INTO hikes_hut (name) VALUES (%s)"
            run(insert, step.name, many=step.way == "many")


def touch(step: Step) -> int:
    match step.way:
        case "orm":
            return Hut.objects.filter(name=step.name).update(name=step.name)
        case "using":
            return Hut.objects.using(MODULE).filter(name=step.name).update(name=step.name)
        case "bulk":
            return Hut.objects.bulk_update(Hut.objects.filter(name=step.name), ["name"])
        case _:
            update = "UPDATE hikes_hut SET name = name WHERE name = %s RETURNING id"
            return run(update, step.name, many=step.way == "many")


def delete(step: Step) -> int:
    if step.way in ("raw", "many"):
        with atomic():
            beds = "DELETE FROM hikes_bed b WHERE EXISTS (SELECT FROM hikes_hut h WHERE h.id = b.hut_id AND h.name = %s)"
            run(beds, step.name, many=step.way == "many")
            return run("DELETE FROM hikes_hut WHERE name = %s", step.name, many=step.way == "many")
    alias = MODULE if step.way == "using" else None
    with atomic():
        Bed.objects.using(alias).filter(hut__name=step.name).delete()
        return Hut.objects.using(alias).filter(name=step.name).delete()[0]


def furnish(step: Step) -> int:
    if step.way in ("raw", "many"):
        insert = "INSERT INTO hikes_bed (hut_id, number) SELECT id, 1 FROM hikes_hut WHERE name = %s"
        return run(insert, step.name, many=step.way == "many")
    huts = list(Hut.objects.filter(name=step.name))
    Bed.objects.bulk_create([Bed(hut=hut, number=1) for hut in huts])
    return len(huts)


def run(statement: str, name: str, *, many: bool) -> int:
    with connection().cursor() as cursor:
        if many:
            cursor.executemany(statement, [(name,)])
        else:
            cursor.execute(statement, [name])
        return int(cursor.rowcount)
