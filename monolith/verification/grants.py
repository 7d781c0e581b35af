"""Who may do what in the database: the audit's findings as violations."""

import os
import re
from collections.abc import Iterable, Iterator

import psycopg

from monolith.access.audit import Audit, audit
from monolith.access.declaration import Declaration, declarations
from monolith.access.facts import Schema
from monolith.access.login import Login, embedded_server
from monolith.composition import composed
from monolith.environment import Environment, module_urls
from monolith.errors import EmbeddedServiceError
from monolith.module import PLATFORM, Module
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation


def grant_violations(system: System) -> Iterator[Violation]:
    """Yield every difference between what is declared and what the catalogs say.

    Starts an embedded server, but makes none: in a new one nothing would be as declared.
    """
    try:
        start_embedded_server()
    except EmbeddedServiceError as error:
        yield _unreachable("the grants cannot be read", error)
    else:
        yield from drift(system.modules.values(), composed().environment)


def start_embedded_server() -> None:
    """Start the project's embedded server, if it has one. Raises EmbeddedServiceError when it has no database yet."""
    cluster = embedded_server()
    if cluster and not cluster.is_initialised:
        raise EmbeddedServiceError(f"there is no database in {cluster.directory} yet")
    if cluster:
        cluster.start()


def drift(modules: Iterable[Module], environment: Environment) -> Iterator[Violation]:
    """Yield every difference in the databases that `environment` names."""
    for url, declaration in declarations(tuple(modules), environment, module_urls(os.environ)):
        try:
            with Login(url, declaration)(declaration.roles.migrator) as connection:
                found = audit(connection, declaration)
        except psycopg.OperationalError as error:
            yield _unreachable(f"the grants of {declaration.database!r} cannot be read", error)
        else:
            yield from _differences(declaration, found)


def _differences(declaration: Declaration, found: Audit) -> Iterator[Violation]:
    there = {fact.name for fact in found.catalog.facts if isinstance(fact, Schema)}
    new = [name for name in declaration.schemas if name not in there]
    for name in new:
        text, fix = f"{declaration.database}: module '{name}' has no schema", "run `manage.py prepare`"
        yield _violation(Code.GRANTS_SCHEMA, text, fix, module=name)
    # Of what was never provisioned everything is missing; a hundred findings would hide the others.
    names = [name for module in new for name in (module, *declaration.roles.of(module))]
    about_new = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b") if names else None
    for finding in found.findings:
        if not (about_new and about_new.search(finding.text)):
            yield _violation(Code.GRANTS_DRIFT, f"{declaration.database}: {finding.text}", finding.fix)


def _unreachable(what: str, error: Exception) -> Violation:
    reason = str(error).strip().partition("\n")[0]
    fix = "start the database and run `manage.py prepare`, or leave grants out with --no-database"
    return _violation(Code.GRANTS_UNREACHABLE, f"{what}: {reason}", fix)


def _violation(code: Code, message: str, fix: str, *, module: str = PLATFORM) -> Violation:
    return Violation(place=Place(), code=code, module=module, message=message, fix=fix)
