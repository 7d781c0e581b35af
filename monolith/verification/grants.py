"""Who may do what in the database: the audit's findings as violations."""

import os
from collections.abc import Iterable, Iterator

import psycopg

from monolith.access.audit import audit
from monolith.access.declaration import declarations
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
    cluster = embedded_server()
    try:
        if cluster and not cluster.is_initialised:
            raise EmbeddedServiceError(f"there is no database in {cluster.directory} yet")
        if cluster:
            cluster.start()
    except EmbeddedServiceError as error:
        yield _unreachable("the grants cannot be read", error)
    else:
        yield from drift(system.modules.values(), composed().environment)


def drift(modules: Iterable[Module], environment: Environment) -> Iterator[Violation]:
    """Yield every difference in the databases that `environment` names."""
    for url, declaration in declarations(tuple(modules), environment, module_urls(os.environ)):
        try:
            with Login(url, declaration)(declaration.roles.migrator) as connection:
                findings = audit(connection, declaration).findings
        except psycopg.OperationalError as error:
            yield _unreachable(f"the grants of {declaration.database!r} cannot be read", error)
            continue
        for finding in findings:
            yield _violation(Code.GRANTS_DRIFT, f"{declaration.database}: {finding.text}", finding.fix)


def _unreachable(what: str, error: Exception) -> Violation:
    reason = str(error).strip().partition("\n")[0]
    fix = "start the database and run `manage.py prepare`, or leave grants out with --no-database"
    return _violation(Code.GRANTS_UNREACHABLE, f"{what}: {reason}", fix)


def _violation(code: Code, message: str, fix: str) -> Violation:
    return Violation(place=Place(), code=code, module=PLATFORM, message=message, fix=fix)
