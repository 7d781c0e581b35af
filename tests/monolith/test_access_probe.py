"""`audit --probe`: nothing forbidden works, everything allowed does, and a stray right shows."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from monolith.access.matrix import matrix
from monolith.access.probe import attempts_of, probe
from monolith.access.role_check import role_findings
from monolith.composition import Composition
from monolith.module import PublicRelation
from tests.monolith.access_deployment import ALPHA, Deployment, bare, deployment

__all__ = ["bare", "deployment"]


def tried(deployment: Deployment) -> list[str]:
    return [finding.text for finding in probe(deployment.audit(), deployment.login).findings]


def test_nothing_forbidden_works_and_everything_allowed_does(deployment: Deployment) -> None:
    rows = deployment.rows()
    result = probe(deployment.audit(), deployment.login)
    assert result.findings == []
    assert result.tried > 500
    assert deployment.rows() == rows


def test_attempts_cover_every_relation_for_every_role(deployment: Deployment) -> None:
    audit = deployment.audit()
    for role in deployment.declaration.login_roles:
        attempts = [attempt.what for attempt in attempts_of(role, audit)]
        for relation in audit.catalog.relations:
            assert any(str(relation.thing) in what for what in attempts)


@pytest.mark.parametrize(
    ("done", "found"),
    [
        ("GRANT SELECT ON beta.secret TO {p}alpha_rw; GRANT USAGE ON SCHEMA beta TO {p}alpha_rw",
         "{p}alpha_rw is able to do this: SELECT on beta.secret"),
        ("GRANT SELECT (secret) ON alpha.partly TO {p}public_reader",
         "{p}public_reader is able to do this: SELECT of alpha.partly, column secret"),
        ("GRANT INSERT ON alpha.thing TO {p}public_reader", "{p}public_reader is able to do this: INSERT into alpha.thing"),
        ("GRANT UPDATE (label) ON alpha.thing TO PUBLIC",
         "{p}public_reader is able to do this: UPDATE of alpha.thing, column label"),
        ("GRANT DELETE ON alpha.thing TO {p}public_reader", "{p}public_reader is able to do this: DELETE of alpha.thing"),
        ("GRANT TRUNCATE ON alpha.thing TO {p}alpha_rw", "{p}alpha_rw is able to do this: TRUNCATE of alpha.thing"),
        ("GRANT TRIGGER ON alpha.thing TO {p}alpha_rw", "{p}alpha_rw is able to do this: CREATE TRIGGER on alpha.thing"),
        ("GRANT REFERENCES ON alpha.thing TO {p}alpha_rw", "{p}alpha_rw is able to do this: REFERENCES on alpha.thing"),
        ("GRANT MAINTAIN ON alpha.thing TO {p}alpha_rw", "{p}alpha_rw is able to do this: REINDEX of alpha.thing"),
        ("GRANT TEMPORARY ON DATABASE {db} TO PUBLIC",
         "{p}public_reader is able to do this: CREATE TEMPORARY TABLE monolith_probe (id integer)"),
        ("GRANT CREATE ON DATABASE {db} TO {p}beta_rw", "{p}beta_rw is able to do this: CREATE SCHEMA monolith_probe"),
        ("GRANT CREATE ON SCHEMA alpha TO {p}alpha_rw", "{p}alpha_rw is able to do this: CREATE TABLE in schema alpha"),
        ("GRANT {p}beta_owner TO {p}alpha_rw", "{p}alpha_rw is able to do this: SET ROLE {p}beta_owner"),
        ("GRANT pg_read_all_data TO {p}public_reader WITH INHERIT TRUE",
         "{p}public_reader is able to do this: SELECT on beta.secret"),
        ("ALTER TABLE alpha.thing OWNER TO {p}alpha_rw", "{p}alpha_rw is able to do this: DROP of alpha.thing"),
        ("GRANT UPDATE ON SEQUENCE alpha.thing_id_seq TO {p}alpha_rw",
         "{p}alpha_rw is able to do this: setval of alpha.thing_id_seq"),
        ("GRANT EXECUTE ON FUNCTION pg_catalog.lo_create(oid) TO PUBLIC",
         "{p}public_reader is able to do this: SELECT lo_create(0)"),
        ("GRANT EXECUTE ON FUNCTION pg_catalog.pg_try_advisory_lock(bigint) TO {p}alpha_rw",
         "{p}alpha_rw is able to do this: SELECT pg_try_advisory_lock(4711)"),
        ("GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_lock_shared(bigint) TO {p}public_reader",
         "{p}public_reader is able to do this: calling pg_catalog.pg_advisory_lock_shared(bigint)"),
        ("GRANT EXECUTE ON FUNCTION alpha.grow TO {p}public_reader",
         "{p}public_reader is able to do this: calling alpha.grow(date)"),
        ("REVOKE SELECT ON alpha.shown FROM {p}public_reader",
         "{p}public_reader is not able to do this: SELECT on alpha.shown"),
        ("REVOKE USAGE ON SCHEMA alpha FROM {p}public_reader",
         "{p}public_reader is not able to do this: SELECT on alpha.thing"),
    ],
)  # fmt: skip
def test_stray_right_is_found_by_trying(done: str, found: str, deployment: Deployment) -> None:
    deployment.run(done)
    expected = found.format(p=deployment.prefix, db=deployment.declaration.database)
    assert expected in tried(deployment)


def test_missing_relation_is_named(deployment: Deployment) -> None:
    wanting = replace(
        ALPHA,
        public_relations=(
            PublicRelation(name="nowhere"),
            PublicRelation(name="partly", columns=("id", "gone")),
        ),
    )
    modules = tuple(wanting if m.name == "alpha" else m for m in deployment.declaration.modules)
    changed = replace(deployment, declaration=replace(deployment.declaration, modules=modules))
    text = "\n".join(changed.findings())
    assert (
        "lists the public relation 'nowhere', which does not exist; run `manage.py migrate_schemas`" in text
    )
    assert "lists columns of 'partly' that it does not have: gone" in text


def test_matrix_marks_expected_missing_and_stray_privileges(deployment: Deployment) -> None:
    deployment.run(
        "GRANT TRUNCATE ON alpha.thing TO {p}alpha_rw; REVOKE DELETE ON alpha.thing FROM {p}alpha_rw;"
        "GRANT SELECT (secret) ON alpha.partly TO PUBLIC"
    )
    audit = deployment.audit()
    rows = {str(row.relation.thing): row for row in matrix(audit.declaration, audit.catalog, audit.expected)}
    own = rows["alpha.thing"].cells[deployment.declaration.roles.rw("alpha")]
    assert (own.expected, own.missing, own.surplus) == (("S", "I", "U"), ("D",), ("T",))
    assert rows["alpha.partly"].cells["public"].surplus == ("S(secret)",)
    assert str(own.text) == "S I U -D +T"


def self_check(deployment: Deployment, role: str) -> list[str]:
    # `role_findings` takes of a composition what is declared, and the roles' names.
    declared = {m.name: m for m in deployment.declaration.modules if m.name != "platform"}
    composition = cast("Composition", SimpleNamespace(roles=deployment.declaration.roles, declared=declared))
    with deployment.login(role) as connection:
        return role_findings(connection, composition)


def test_public_role_finds_nothing_to_say_of_itself(deployment: Deployment) -> None:
    assert self_check(deployment, deployment.declaration.roles.public_reader) == []


@pytest.mark.parametrize(
    ("done", "words"),
    [
        ("ALTER ROLE {p}public_reader SUPERUSER", "has the attribute SUPERUSER"),
        ("ALTER ROLE {p}public_reader BYPASSRLS", "has the attribute BYPASSRLS"),
        ("GRANT {p}beta_owner TO {p}public_reader", "is a member of '{p}beta_owner'"),
        ("GRANT SELECT ON beta.secret TO PUBLIC", "can read beta.secret, column id"),
        ("GRANT SELECT (secret) ON alpha.partly TO {p}public_reader", "can read alpha.partly, column secret"),
        ("GRANT UPDATE (label) ON alpha.thing TO PUBLIC", "holds UPDATE on alpha.thing"),
        ("GRANT TRUNCATE ON alpha.thing TO {p}public_reader", "holds TRUNCATE on alpha.thing"),
        ("GRANT MAINTAIN ON alpha.thing TO {p}public_reader", "holds MAINTAIN on alpha.thing"),
        ("GRANT SELECT ON pg_catalog.pg_authid TO PUBLIC", "can read pg_catalog.pg_authid, column rolpassword"),
        ("GRANT USAGE ON SEQUENCE alpha.thing_id_seq TO {p}public_reader", "holds USAGE on alpha.thing_id_seq"),
        ("GRANT TEMPORARY ON DATABASE {db} TO PUBLIC", "holds TEMPORARY on the database '{db}'"),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "holds CREATE on the schema 'public'"),
        ("ALTER TABLE beta.secret OWNER TO {p}public_reader", "owns the table beta.secret"),
        ("GRANT EXECUTE ON FUNCTION alpha.grow TO PUBLIC", "can call alpha.grow(date), which runs with its owner's rights"),
        ("GRANT EXECUTE ON FUNCTION pg_catalog.lo_creat(integer) TO PUBLIC", "holds EXECUTE on pg_catalog.lo_creat"),
        ("GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO {p}public_reader", "holds EXECUTE on pg_catalog.pg_read_file"),
        ("GRANT EXECUTE ON FUNCTION pg_catalog.lo_export(oid, text) TO PUBLIC", "holds EXECUTE on pg_catalog.lo_export"),
        ("GRANT SELECT ON pg_catalog.pg_subscription TO PUBLIC", "can read pg_catalog.pg_subscription, column subconninfo"),
        ("GRANT SELECT (subconninfo) ON pg_catalog.pg_subscription TO {p}public_reader",
         "can read pg_catalog.pg_subscription, column subconninfo"),
        ("GRANT EXECUTE ON FUNCTION pg_catalog.pg_advisory_lock(bigint) TO PUBLIC", "holds EXECUTE on pg_catalog.pg_advisory_lock"),
        ("GRANT {p}alpha_rw TO {p}public_reader WITH INHERIT TRUE", "holds INSERT on alpha.thing"),
    ],
)  # fmt: skip
def test_public_role_names_what_it_should_not_hold(done: str, words: str, deployment: Deployment) -> None:
    deployment.run(done)
    expected = words.format(p=deployment.prefix, db=deployment.declaration.database)
    found = self_check(deployment, deployment.declaration.roles.public_reader)
    assert any(expected in finding for finding in found), found


def manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environ = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    project = Path(__file__).resolve().parents[2]
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=project, env=environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_commands_find_the_reference_application_clean(cluster: Any) -> None:
    audited = manage("audit", "--probe", "--json")
    document = json.loads(audited.stdout)
    assert (audited.returncode, document["findings"]) == (0, []), audited.stderr
    assert document["probed"] > 500
    assert "Nothing to do" in manage("provision").stdout
    script = manage("provision", "--sql").stdout
    assert "PASSWORD" not in script
    assert "BEGIN;" in script
