"""The check a serving process makes of itself before it listens."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from django.core.checks import ERROR, run_checks
from django.db import connections

from monolith.access.role_check import role_findings
from monolith.composition import Composition, composed
from monolith.embedded.passfile import entries
from monolith.errors import CompositionError, TierViolation
from monolith.module import PLATFORM
from monolith.profile import Profile

WHO_AM_I: Final = "SELECT current_user, session_user, rolsuper FROM pg_roles WHERE rolname = current_user"
DJANGO_ONLY: Final = frozenset({"cursor_factory", "context", "prepare_threshold"})


def check_tier() -> None:
    """Make sure that this process holds what its tier allows and no more.

    Raises TierViolation with every finding, those of the system checks among them. A database that cannot be asked is
    no finding, since that may pass: without any other it raises psycopg's OperationalError.
    """
    composition = composed()
    findings = [*_passfile_findings(composition), *_system_findings()]
    try:
        findings += _role_findings(composition)
    except psycopg.OperationalError:
        if not findings:
            raise
    if findings:
        raise TierViolation(findings)


def _passfile_findings(composition: Composition) -> Iterator[str]:
    path = _password_file(composition)
    own = composition.roles.held_by(composition.profile, composition.modules)
    for role in sorted(entries(path).keys() - own):
        yield (
            f"the password file {path} has a password for {role!r}, which {_described(composition)} "
            f"must not hold; give it a file with its own roles only"
        )


def _described(composition: Composition) -> str:
    tier = f"the {composition.profile.value} tier"
    is_whole = composition.modules.keys() == composition.declared.keys()
    return (
        tier
        if composition.profile is Profile.PUBLIC or is_whole
        else f"{tier} of {', '.join(composition.modules)}"
    )


def _password_file(composition: Composition) -> Path:
    named = composition.environment.passfile or os.environ.get("PGPASSFILE")
    # Where none is named, libpq looks here by itself. An account without a home directory leaves the "~".
    return Path(named or os.path.expanduser("~/.pgpass"))  # noqa: PTH111 (Path.expanduser raises then)


def _system_findings() -> Iterator[str]:
    try:
        messages = run_checks()
    except CompositionError as error:  # the URLconf, which some checks load, is made of contracts and routes
        yield from error.problems
        return
    for message in messages:
        if message.is_serious(ERROR):
            yield f"{message.id}: {message.msg} {message.hint or ''}".rstrip()


def _role_findings(composition: Composition) -> Iterator[str]:
    for alias in composition.databases:
        # A connection of its own: none of Django's may be left behind in the parent of forked workers.
        with psycopg.connect(**_parameters(alias)) as connection:
            yield from _alias_findings(composition, alias, connection)


def _alias_findings(
    composition: Composition, alias: str, connection: psycopg.Connection[Any]
) -> Iterator[str]:
    expected = _expected_role(composition, alias)
    current, session, is_superuser = connection.execute(WHO_AM_I).fetchone() or ("", "", False)
    if (current, session) != (expected, expected):
        yield f"the alias '{alias}' is connected as {current!r}, not {expected!r}; correct its settings"
    if is_superuser:
        yield f"the role {current!r} is a superuser; serve with {expected!r}, which `manage.py provision` makes"
    elif composition.profile is Profile.PUBLIC:
        yield from role_findings(connection, composition)


def _expected_role(composition: Composition, alias: str) -> str:
    if composition.profile is Profile.PUBLIC:
        return composition.roles.public_reader
    return composition.roles.rw(PLATFORM if alias == "default" else alias)


def _parameters(alias: str) -> dict[str, Any]:
    parameters: dict[str, Any] = connections[alias].get_connection_params()
    return {key: value for key, value in parameters.items() if key not in DJANGO_ONLY}
