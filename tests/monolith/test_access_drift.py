"""Every way we know to hand out a power by hand: the audit names it, `provision` takes it away, the rows stay."""

import pytest

from tests.monolith.access_deployment import Deployment, bare, deployment

__all__ = ["bare", "deployment"]

# What was done by hand, and words that its finding must contain. {p} is the role prefix, {db} the database.
DRIFTS = {
    "grant to another module's role": (
        "GRANT SELECT ON beta.secret TO {p}alpha_rw",
        "{p}alpha_rw holds SELECT on table beta.secret",
    ),
    "grant to a role from outside": (
        "CREATE ROLE {p}stranger; GRANT UPDATE ON beta.secret TO {p}stranger",
        "{p}stranger holds UPDATE on table beta.secret",
    ),
    "grant to everybody": (
        "GRANT SELECT ON beta.secret TO PUBLIC",
        "everybody (PUBLIC) holds SELECT on table beta.secret",
    ),
    "private table to the public reader": (
        "GRANT USAGE ON SCHEMA beta TO {p}public_reader; GRANT SELECT ON beta.secret TO {p}public_reader",
        "{p}public_reader holds USAGE on schema beta",
    ),
    "private column": (
        "GRANT SELECT (secret) ON alpha.partly TO {p}public_reader",
        "{p}public_reader holds SELECT (secret) on table alpha.partly",
    ),
    "whole table where columns are listed": (
        "GRANT SELECT ON alpha.partly TO {p}public_reader",
        "{p}public_reader holds SELECT on table alpha.partly",
    ),
    "write for the public reader": (
        "GRANT INSERT ON alpha.thing TO {p}public_reader",
        "{p}public_reader holds INSERT on table alpha.thing",
    ),
    "more than rows on an own table": (
        "GRANT TRUNCATE, REFERENCES, TRIGGER, MAINTAIN ON alpha.thing TO {p}alpha_rw",
        "{p}alpha_rw holds MAINTAIN, REFERENCES, TRIGGER, TRUNCATE on table alpha.thing",
    ),
    "the record of migrations": (
        "GRANT DELETE ON alpha.django_migrations TO {p}alpha_rw",
        "{p}alpha_rw holds DELETE on table alpha.django_migrations",
    ),
    "grant on a partition": (
        "GRANT SELECT ON alpha.track_1 TO {p}public_reader",
        "{p}public_reader holds SELECT on table alpha.track_1",
    ),
    "grant option": (
        "GRANT SELECT ON alpha.thing TO {p}alpha_rw WITH GRANT OPTION",
        "{p}alpha_rw holds SELECT on table alpha.thing with grant option",
    ),
    "grant option that was used": (
        (
            "GRANT SELECT ON alpha.thing TO {p}alpha_rw WITH GRANT OPTION;"
            "SET ROLE {p}alpha_rw; GRANT SELECT ON alpha.thing TO {p}beta_rw; RESET ROLE"
        ),
        "{p}beta_rw holds SELECT on table alpha.thing",
    ),
    "membership in an owner": (
        "GRANT {p}beta_owner TO {p}alpha_rw",
        "{p}alpha_rw is a member of {p}beta_owner",
    ),
    "membership with inheritance for a module's migrator": (
        "GRANT {p}beta_owner TO {p}beta_migrator WITH INHERIT TRUE",
        "{p}beta_migrator is a member of {p}beta_owner (admin no, inherit yes, set role yes)",
    ),
    "membership of the migrator": (
        "GRANT {p}beta_owner TO {p}migrator WITH INHERIT FALSE",
        "{p}migrator is a member of {p}beta_owner",
    ),
    "membership of another module's migrator": (
        "GRANT {p}beta_owner TO {p}alpha_migrator WITH INHERIT FALSE",
        "{p}alpha_migrator is a member of {p}beta_owner",
    ),
    "outside member of our role": (
        "CREATE ROLE {p}stranger LOGIN; GRANT {p}alpha_rw TO {p}stranger",
        "{p}stranger is a member of {p}alpha_rw",
    ),
    "membership passed on": (
        (
            "CREATE ROLE {p}stranger; CREATE ROLE {p}friend; GRANT {p}alpha_rw TO {p}stranger WITH ADMIN OPTION;"
            "SET ROLE {p}stranger; GRANT {p}alpha_rw TO {p}friend; RESET ROLE"
        ),
        "{p}friend is a member of {p}alpha_rw",
    ),
    "predefined role that reads everything": (
        "GRANT pg_read_all_data TO {p}public_reader",
        "{p}public_reader is a member of pg_read_all_data",
    ),
    "undeclared SECURITY DEFINER function": (
        (
            "CREATE FUNCTION alpha.leak() RETURNS SETOF beta.secret LANGUAGE sql SECURITY DEFINER"
            " AS 'SELECT * FROM beta.secret'"
        ),
        "the function alpha.leak() runs with its owner's rights",
    ),
    "SECURITY DEFINER procedure in schema public": (
        "CREATE PROCEDURE public.leak(n integer) LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM beta.secret'",
        "the function public.leak(integer) runs with its owner's rights",
    ),
    "declared definer function without search_path": (
        "ALTER FUNCTION alpha.grow RESET search_path",
        "the function alpha.grow(date) runs with its owner's rights (SECURITY DEFINER, no fixed search_path)",
    ),
    "declared definer function with a foreign search_path": (
        "ALTER FUNCTION alpha.look SET search_path = public, alpha",
        "search_path public, alpha",
    ),
    "definer function opened to everybody": (
        "GRANT EXECUTE ON FUNCTION alpha.grow TO PUBLIC",
        "everybody (PUBLIC) holds EXECUTE on function alpha.grow(date)",
    ),
    "ordinary function for the public reader": (
        "GRANT EXECUTE ON FUNCTION alpha.plain TO {p}public_reader",
        "{p}public_reader holds EXECUTE on function alpha.plain()",
    ),
    "view without barrier": (
        "ALTER VIEW alpha.shown RESET (security_barrier)",
        "the public view alpha.shown has no security_barrier",
    ),
    "unlisted view for the public reader": (
        "CREATE VIEW alpha.peek AS SELECT * FROM alpha.partly; GRANT SELECT ON alpha.peek TO {p}public_reader",
        "{p}public_reader holds SELECT on table alpha.peek",
    ),
    "view of another owner over private rows": (
        "CREATE VIEW alpha.across AS SELECT * FROM beta.secret; GRANT SELECT ON alpha.across TO {p}alpha_rw",
        "the view alpha.across belongs to postgres; declared is: {p}alpha_owner",
    ),
    "open view in another schema": (
        (
            "CREATE SCHEMA side; CREATE VIEW side.peek AS SELECT * FROM beta.secret; GRANT USAGE ON SCHEMA side TO PUBLIC;"
            "GRANT SELECT ON side.peek TO PUBLIC"
        ),
        "everybody (PUBLIC) holds SELECT on table side.peek",
    ),
    "default privileges in the schema": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {p}beta_owner IN SCHEMA beta GRANT SELECT ON TABLES TO {p}alpha_rw",
        "new tables of {p}beta_owner in schema beta come with SELECT for {p}alpha_rw",
    ),
    "default privileges everywhere": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {p}beta_owner GRANT SELECT ON TABLES TO PUBLIC",
        "new tables of {p}beta_owner come with SELECT for everybody (PUBLIC)",
    ),
    "default right to call new functions": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE {p}beta_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
        "new functions of {p}beta_owner come with EXECUTE for everybody (PUBLIC)",
    ),
    "default privileges of a superuser in our schema": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA beta GRANT SELECT ON TABLES TO {p}public_reader",
        "new tables of postgres in schema beta come with SELECT for {p}public_reader",
    ),
    "table of another owner": (
        "ALTER TABLE beta.secret OWNER TO {p}alpha_rw",
        "the table beta.secret belongs to {p}alpha_rw; declared is: {p}beta_owner",
    ),
    "schema of another owner": (
        "ALTER SCHEMA beta OWNER TO {p}beta_rw",
        "the schema beta belongs to {p}beta_rw; declared is: {p}beta_owner",
    ),
    "type of another owner": (
        "ALTER TYPE alpha.mood OWNER TO {p}beta_rw",
        "the type alpha.mood belongs to {p}beta_rw",
    ),
    "login role that owns a table elsewhere": (
        "CREATE TABLE public.mine (id integer); ALTER TABLE public.mine OWNER TO {p}public_reader",
        "the table public.mine belongs to {p}public_reader",
    ),
    "database owner": (
        "ALTER DATABASE {db} OWNER TO {p}alpha_rw",
        "the database {db} belongs to {p}alpha_rw",
    ),
    "temporary tables for everybody": (
        "GRANT TEMPORARY ON DATABASE {db} TO PUBLIC",
        "everybody (PUBLIC) holds TEMPORARY on database {db}",
    ),
    "temporary tables for the public reader": (
        "GRANT TEMPORARY ON DATABASE {db} TO {p}public_reader",
        "{p}public_reader holds TEMPORARY on database {db}",
    ),
    "new schemas": (
        "GRANT CREATE ON DATABASE {db} TO {p}alpha_rw",
        "{p}alpha_rw holds CREATE on database {db}",
    ),
    "everybody connects": (
        "GRANT CONNECT ON DATABASE {db} TO PUBLIC",
        "everybody (PUBLIC) holds CONNECT on database {db}",
    ),
    "tables in an own schema": (
        "GRANT CREATE ON SCHEMA alpha TO {p}alpha_rw",
        "{p}alpha_rw holds CREATE on schema alpha",
    ),
    "schema public open again": (
        "GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC",
        "everybody (PUBLIC) holds CREATE, USAGE on schema public",
    ),
    "tables beside the extensions": (
        "GRANT CREATE ON SCHEMA extensions TO {p}beta_rw",
        "{p}beta_rw holds CREATE on schema extensions",
    ),
    "superuser": ("ALTER ROLE {p}public_reader SUPERUSER", "the role {p}public_reader has superuser: yes"),
    "bypassing row security": ("ALTER ROLE {p}alpha_rw BYPASSRLS", "the role {p}alpha_rw has bypassrls: yes"),
    "new roles": ("ALTER ROLE {p}alpha_rw CREATEROLE CREATEDB", "the role {p}alpha_rw has createrole: yes"),
    "replication": ("ALTER ROLE {p}alpha_rw REPLICATION", "the role {p}alpha_rw has replication: yes"),
    "owner that logs in": ("ALTER ROLE {p}beta_owner LOGIN", "the role {p}beta_owner has login: yes"),
    "inheritance": ("ALTER ROLE {p}alpha_rw INHERIT", "the role {p}alpha_rw has inherit: yes"),
    "connection limit": (
        "ALTER ROLE {p}alpha_rw CONNECTION LIMIT -1",
        "the role {p}alpha_rw has connection limit: -1; declared is: 20",
    ),
    "search_path of a role": (
        "ALTER ROLE {p}alpha_rw IN DATABASE {db} SET search_path = beta, extensions",
        "start with search_path = beta, extensions; declared is: alpha, extensions",
    ),
    "setting that is not declared": (
        "ALTER ROLE {p}alpha_rw SET statement_timeout = 0",
        "sessions of {p}alpha_rw everywhere start with statement_timeout = 0",
    ),
    "setting gone": (
        "ALTER ROLE {p}public_reader IN DATABASE {db} RESET ALL",
        "sessions of {p}public_reader in database {db} start with statement_timeout = 5000",
    ),
    "foreign sequence": (
        "GRANT USAGE ON SEQUENCE beta.secret_id_seq TO {p}public_reader",
        "{p}public_reader holds USAGE on sequence beta.secret_id_seq",
    ),
    "type": ("GRANT USAGE ON TYPE alpha.mood TO {p}public_reader", "holds USAGE on type alpha.mood"),
    "language": ("GRANT USAGE ON LANGUAGE sql TO {p}public_reader WITH GRANT OPTION", "on language sql"),
    "catalog of passwords": (
        "GRANT SELECT ON pg_catalog.pg_authid TO {p}public_reader",
        "{p}public_reader holds SELECT on table pg_catalog.pg_authid",
    ),
    "reading server files": (
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO PUBLIC",
        "everybody (PUBLIC) holds EXECUTE on function pg_catalog.pg_read_file(text)",
    ),
    "new large objects": (
        "GRANT EXECUTE ON FUNCTION pg_catalog.lo_create(oid) TO PUBLIC",
        "everybody (PUBLIC) holds EXECUTE on function pg_catalog.lo_create(oid)",
    ),
    "advisory locks": (
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_try_advisory_lock(bigint) TO PUBLIC",
        "everybody (PUBLIC) holds EXECUTE on function pg_catalog.pg_try_advisory_lock(bigint)",
    ),
    "advisory locks for a serving role": (
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_xact_lock(bigint) TO {p}alpha_rw",
        "{p}alpha_rw holds EXECUTE on function pg_catalog.pg_advisory_xact_lock(bigint)",
    ),
    "ending other sessions": (
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_terminate_backend(integer, bigint) TO PUBLIC",
        "everybody (PUBLIC) holds EXECUTE on function pg_catalog.pg_terminate_backend(integer, bigint)",
    ),
    "large object": (
        "SELECT lo_create(4711); GRANT UPDATE ON LARGE OBJECT 4711 TO PUBLIC",
        "everybody (PUBLIC) holds UPDATE on large object 4711",
    ),
    "server parameter": (
        "GRANT SET ON PARAMETER log_statement TO {p}public_reader",
        "{p}public_reader holds SET on parameter log_statement",
    ),
    "foreign data wrapper": (
        "CREATE FOREIGN DATA WRAPPER elsewhere; GRANT USAGE ON FOREIGN DATA WRAPPER elsewhere TO {p}public_reader",
        "{p}public_reader holds USAGE on foreign data wrapper elsewhere",
    ),
    "foreign server": (
        (
            "CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER there FOREIGN DATA WRAPPER elsewhere;"
            "GRANT USAGE ON FOREIGN SERVER there TO {p}beta_rw"
        ),
        "{p}beta_rw holds USAGE on foreign server there",
    ),
    "undeclared extension with functions for everybody": (
        "CREATE EXTENSION dblink SCHEMA extensions",
        "everybody (PUBLIC) holds EXECUTE on function extensions.dblink_connect(text)",
    ),
    "table that is a child of another module's": (
        "CREATE TABLE beta.child (id integer NOT NULL, label extensions.citext); ALTER TABLE beta.child INHERIT alpha.thing",
        "the table beta.child is a child of alpha.thing: who may read alpha.thing reads its rows",
    ),
    "child of a public table in its own schema": (
        (
            "CREATE TABLE alpha.private_child (id integer NOT NULL, label extensions.citext);"
            "ALTER TABLE alpha.private_child INHERIT alpha.thing"
        ),
        "the table alpha.private_child is a child of alpha.thing: who may read alpha.thing reads its rows",
    ),
    "foreign key into another schema": (
        "ALTER TABLE alpha.partly ADD CONSTRAINT across FOREIGN KEY (id) REFERENCES beta.secret (id)",
        "the foreign key across ties the table alpha.partly to beta.secret, which is in another schema",
    ),
    "definer function that passes for an extension's": (
        (
            "CREATE FUNCTION alpha.attached() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';"
            "ALTER EXTENSION citext ADD FUNCTION alpha.attached()"
        ),
        "the function alpha.attached() runs with its owner's rights",
    ),
    "setting for everybody in the database": (
        "ALTER DATABASE {db} SET default_transaction_isolation = 'serializable'",
        "sessions of everybody (PUBLIC) in database {db} start with default_transaction_isolation = serializable",
    ),
    "partition in another schema": (
        "CREATE TABLE beta.march PARTITION OF alpha.track FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')",
        "the table beta.march is a child of alpha.track",
    ),
    "built-in function with its owner's rights": (
        "ALTER FUNCTION pg_catalog.query_to_xml(text, boolean, boolean, text) SECURITY DEFINER",
        "the function pg_catalog.query_to_xml(text, boolean, boolean, text) runs with its owner's rights",
    ),
    "grant that is missing": (
        "REVOKE SELECT ON alpha.thing FROM {p}public_reader",
        "{p}public_reader lacks SELECT on table alpha.thing",
    ),
}


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.replace(" ", "-"))
def test_drift_is_named_and_taken_away_and_rows_stay(drift: str, deployment: Deployment) -> None:
    statements, words = DRIFTS[drift]
    expected = words.format(p=deployment.prefix, db=deployment.declaration.database)
    rows = deployment.rows()

    deployment.run(statements)
    findings = deployment.findings()

    assert any(expected in finding for finding in findings), findings
    assert all("run `manage.py provision`" in finding for finding in findings)
    assert deployment.provision() > 0
    assert deployment.findings() == []
    assert deployment.provision() == 0
    assert deployment.rows() == rows


def test_every_drift_is_taken_away_at_once(deployment: Deployment) -> None:
    for statements, _ in DRIFTS.values():
        # Roles and objects that several of them make are made once.
        for statement in statements.split(";"):
            try:
                deployment.run(statement)
            except Exception as error:
                if "already exists" not in str(error):
                    raise
    assert len(deployment.findings()) > len(DRIFTS) / 2

    deployment.provision()

    assert deployment.findings() == []
    assert deployment.provision() == 0
