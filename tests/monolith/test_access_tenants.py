"""What the audit says of tables that hold their rows to tenants, and what `provision` mends of it."""

import dataclasses

import pytest

from monolith.module import Module, Tier
from monolith.tenancy.operations import IsolateTenants, SameTenant
from tests.monolith.access_deployment import Deployment, bare, declaration, deployment

__all__ = ["bare", "deployment"]

HELD = Module(name="beta", tier=Tier.PRIVATE, tenant_tables=("hut", "bed"))
TABLES = """
CREATE TABLE beta.hut (id integer PRIMARY KEY, tenant_id text);
CREATE TABLE beta.bed (id integer PRIMARY KEY, tenant_id text, hut_id integer REFERENCES beta.hut);
"""
OPERATIONS = (IsolateTenants("hut", "bed"), SameTenant("bed", "hut_id", "hut"))


@pytest.fixture
def held(deployment: Deployment) -> Deployment:
    """A deployment whose module beta has two tenant tables."""
    statements = [text for operation in OPERATIONS for text in operation.statements(operation.forwards)]
    deployment.run_as_owner("beta", f"{TABLES}; SET LOCAL search_path = beta; {'; '.join(statements)}")
    others = [module for module in deployment.declaration.modules if module.name in ("alpha", "order")]
    return dataclasses.replace(
        deployment, declaration=declaration(deployment.declaration.database, *others, HELD)
    )


MENDED = {
    "not forced on the owner": (
        "ALTER TABLE beta.hut NO FORCE ROW LEVEL SECURITY",
        "beta.hut has row-level security, not forced on its owner; declared is: row-level security, forced",
    ),
    "switched off": (
        "ALTER TABLE beta.hut DISABLE ROW LEVEL SECURITY",
        "beta.hut has no row-level security; declared is: row-level security, forced",
    ),
    "off and not forced": (
        "ALTER TABLE beta.hut DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
        "beta.hut has no row-level security",
    ),
    "policy is gone": (
        "DROP POLICY monolith_tenant ON beta.hut",
        "declared and not so: the table beta.hut has the policy monolith_tenant",
    ),
    "policy shows everything": (
        "ALTER POLICY monolith_tenant ON beta.hut USING (true)",
        "the policy monolith_tenant (permissive, for ALL of everybody (PUBLIC), using true",
    ),
    "policy takes anything": (
        "ALTER POLICY monolith_tenant ON beta.hut WITH CHECK (true)",
        "with check true",
    ),
    "policy without a check for empty": (
        "ALTER POLICY monolith_tenant ON beta.hut USING (tenant_id = current_setting('monolith.tenant', true))",
        "using (tenant_id = current_setting('monolith.tenant'::text, true))",
    ),
    "policy of one role": (
        "ALTER POLICY monolith_tenant ON beta.hut TO {p}alpha_rw",
        "for ALL of {p}alpha_rw",
    ),
    "restrictive policy": (
        (
            "DROP POLICY monolith_tenant ON beta.hut;"
            "CREATE POLICY monolith_tenant ON beta.hut AS RESTRICTIVE USING (true)"
        ),
        "the policy monolith_tenant (restrictive",
    ),
    "second policy": (
        "CREATE POLICY ajar ON beta.hut FOR SELECT USING (true)",
        "the table beta.hut has the policy ajar (permissive, for SELECT of everybody (PUBLIC), using true",
    ),
}
LEFT = {
    "policies of a table that is not declared": (
        "ALTER TABLE beta.secret ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON beta.secret USING (text = 'x')",
        "the table beta.secret has the policy own",
    ),
    "row-level security of a table that is not declared": (
        "ALTER TABLE beta.secret ENABLE ROW LEVEL SECURITY",
        "the table beta.secret has row-level security, not forced on its owner, which is not declared",
    ),
    "key past the tenant": (
        "CREATE TABLE beta.key (hut_id integer REFERENCES beta.hut); ALTER TABLE beta.key OWNER TO {p}beta_owner",
        "the foreign key key_hut_id_fkey of beta.key lets a row refer to another tenant's row of beta.hut",
    ),
    "key whose tenant is not held any more": (
        "ALTER TABLE beta.bed DROP CONSTRAINT bed_hut_id_tenant",
        "the foreign key bed_hut_id_fkey of beta.bed lets a row refer to another tenant's row of beta.hut",
    ),
    "copy of the rows": (
        (
            "CREATE MATERIALIZED VIEW beta.copied AS SELECT * FROM beta.hut;"
            "ALTER MATERIALIZED VIEW beta.copied OWNER TO {p}beta_owner"
        ),
        "the materialised view beta.copied shows rows of beta.hut to all tenants",
    ),
    "table that is not there": (
        "DROP TABLE beta.bed",
        "module 'beta' lists the tenant table 'bed', which does not exist",
    ),
    "column that is not there": (
        "DROP TABLE beta.bed; CREATE TABLE beta.bed (id integer); ALTER TABLE beta.bed OWNER TO {p}beta_owner",
        "module 'beta' lists the tenant table 'bed', which has no column tenant_id",
    ),
}


def of_tenants(held: Deployment) -> list[str]:
    kinds = {"row security", "policy", "tenant", "absent"}
    return [str(finding) for finding in held.audit().findings if finding.kind in kinds]


def test_tables_that_a_migration_isolated_are_as_declared(held: Deployment) -> None:
    assert held.findings() == []
    assert held.provision() == 0


@pytest.mark.parametrize("drift", MENDED)
def test_what_opens_a_tenant_table_is_found_and_mended(held: Deployment, drift: str) -> None:
    statement, words = MENDED[drift]
    held.run(statement)

    assert [words.format(p=held.prefix) in finding for finding in of_tenants(held)] == [True]
    assert held.provision() > 0
    assert held.findings() == []
    shown = "SELECT polpermissive, polcmd, polroles, count(*) OVER () FROM pg_policy WHERE polrelid = 'beta.hut'::regclass"
    assert held.admin.execute(shown).fetchall() == [(True, "*", [0], 1)]


@pytest.mark.parametrize("drift", LEFT)
def test_what_only_people_can_mend_is_found_and_left(held: Deployment, drift: str) -> None:
    statement, words = LEFT[drift]
    held.run(statement)

    before = of_tenants(held)
    assert any(words.format(p=held.prefix) in finding for finding in before)
    held.provision()
    assert of_tenants(held) == before


def test_table_that_is_declared_no_more_stays_held_and_is_named(held: Deployment) -> None:
    modules = [dataclasses.replace(module, tenant_tables=()) for module in held.declaration.modules[1:]]
    bare = dataclasses.replace(held, declaration=declaration(held.declaration.database, *modules))

    bare.provision()

    found = of_tenants(bare)
    assert len(found) == 4, found
    assert (
        "the table beta.hut has row-level security, forced, which is not declared; list it in"
        in "\n".join(found)
    )


def test_declared_table_that_no_migration_isolated_is_isolated(deployment: Deployment) -> None:
    deployment.run_as_owner("beta", TABLES)
    others = [module for module in deployment.declaration.modules if module.name in ("alpha", "order")]
    held = dataclasses.replace(
        deployment, declaration=declaration(deployment.declaration.database, *others, HELD)
    )

    held.provision()

    held.run("INSERT INTO beta.hut VALUES (1, 'a')")
    with held.login(held.declaration.roles.rw("beta")) as connection:
        assert connection.execute("SELECT * FROM beta.hut").fetchall() == []
        connection.execute("SET LOCAL monolith.tenant = 'a'")
        assert connection.execute("SELECT * FROM beta.hut").fetchall() == [(1, "a")]
