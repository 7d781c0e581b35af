"""The check a serving process makes of itself before it listens."""

from collections.abc import Iterator
from typing import Any, Final

import psycopg
from django.db import connections

from monolith.access.role_check import role_findings
from monolith.composition import Composition, composed
from monolith.errors import TierViolation
from monolith.module import PLATFORM
from monolith.profile import Profile

WHO_AM_I: Final = "SELECT current_user, session_user, rolsuper FROM pg_roles WHERE rolname = current_user"
DJANGO_ONLY: Final = frozenset({"cursor_factory", "context", "prepare_threshold"})


def check_tier() -> None:
    """Make sure that this process holds what its tier allows and no more.

    Raises TierViolation with every finding.
    """
    if findings := list(_findings(composed())):
        raise TierViolation(findings)


def _findings(composition: Composition) -> Iterator[str]:
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
