"""Passwords of login roles: made here, sent as SCRAM verifiers, kept in passfiles."""

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from monolith.access.catalog import Connection
from monolith.access.declaration import Declaration
from monolith.embedded.passfile import entries, generate_password, set_entry, write_passfile
from monolith.errors import ProvisionError

SCRAM: Final = "SCRAM-SHA-256"


@dataclass(frozen=True, slots=True)
class Passfile:
    """A libpq passfile that `provision` keeps."""

    path: Path
    roles: tuple[str, ...]  # that log in with it
    others: frozenset[str] | None = None  # what else may stay in it; None: whatever is there


def profile_passfiles(declaration: Declaration, path_of: Callable[[str], Path]) -> list[Passfile]:
    """Return one passfile per profile, with exactly the roles that the profile may use.

    `path_of` gives the file of the profiles `public`, `private` and `migrator`.
    """
    roles = declaration.roles
    elsewhere = frozenset(roles.rw(name) for name in declaration.elsewhere)
    migrate_elsewhere = frozenset(roles.module_migrator(name) for name in declaration.elsewhere)
    return [
        Passfile(path_of("public"), (roles.public_reader,), frozenset()),
        Passfile(path_of("private"), declaration.rw_roles, elsewhere),
        Passfile(path_of("migrator"), (roles.migrator, *declaration.module_migrators), migrate_elsewhere),
    ]


def settle_passwords(connection: Connection, passfiles: Iterable[Passfile]) -> int:
    """Make every role log in with the password its passfile holds; return how many were set.

    A role without an entry gets a new password in the file; a role whose password is another on the server gets the
    file's. The server sees verifiers only, so no password reaches its log.
    """
    verifiers = _verifiers(connection)
    changed = 0
    for passfile in passfiles:
        for role, password in _settled(passfile).items():
            if not _matches(connection, role, password, verifiers):
                _set(connection, role, password)
                changed += 1
    return changed


def _settled(passfile: Passfile) -> dict[str, str]:
    """Bring the file to the roles it is for; return their passwords."""
    found = entries(passfile.path)
    wanted = {role: found.get(role) or generate_password() for role in passfile.roles}
    kept = {
        role: known for role, known in found.items() if passfile.others is None or role in passfile.others
    }
    if passfile.others is None:  # the file is its owner's: other lines, comments and hosts stay as they are
        for role in passfile.roles:
            if role not in found:
                set_entry(passfile.path, role=role, password=wanted[role])
    elif found != kept | wanted:
        write_passfile(passfile.path, kept | wanted)
    return wanted


def _verifiers(connection: Connection) -> dict[str, str] | None:
    """Return stored verifiers by role; None for an administrator that may not read them."""
    try:
        with connection.transaction():
            rows = connection.execute(
                "SELECT rolname, coalesce(rolpassword, '') FROM pg_authid WHERE rolcanlogin"
            )
            return dict(rows.fetchall())
    except psycopg.errors.InsufficientPrivilege:
        return None


def _matches(connection: Connection, role: str, password: str, verifiers: Mapping[str, str] | None) -> bool:
    if verifiers is not None:
        return verifies(password, verifiers.get(role, ""))
    info = connection.info
    try:
        psycopg.connect(
            host=info.host,
            port=info.port,
            dbname=info.dbname,
            user=role,
            password=password,
            connect_timeout=10,
        ).close()
    except psycopg.OperationalError:
        # The role's CONNECT is part of the same uncommitted transaction, so a refusal here says nothing more.
        return False
    return True


def verifies(password: str, verifier: str) -> bool:
    """Say whether `password` is the one behind a stored SCRAM-SHA-256 verifier (RFC 5803)."""
    scheme, _, rest = verifier.partition("$")
    if scheme != SCRAM:
        return False
    (iterations, salt), (stored, _) = (part.split(":") for part in rest.split("$"))
    plain = unicodedata.normalize("NFKC", password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", plain, base64.b64decode(salt), int(iterations))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), base64.b64decode(stored))


def _set(connection: Connection, role: str, password: str) -> None:
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    try:
        connection.execute(SQL("ALTER ROLE {} PASSWORD {}").format(Identifier(role), Literal(verifier)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise ProvisionError(
            f"The password of {role!r} cannot be set: {error}. Set it as a superuser."
        ) from None
