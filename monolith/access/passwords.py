"""Passwords of login roles: made here, sent as SCRAM verifiers, kept in passfiles."""

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import psycopg
from monolith.embedded.passfile import entries, generate_password, set_entry
from psycopg.sql import SQL, Identifier, Literal

from monolith.access.catalog import Connection
from monolith.access.declaration import Declaration
from monolith.errors import ProvisionError

SCRAM: Final = "SCRAM-SHA-256"


def passfile_roles(declaration: Declaration, passfile_of: Mapping[str, Path]) -> dict[Path, tuple[str, ...]]:
    """Return which roles each profile's passfile holds: exactly those that the profile may use.

    `passfile_of` gives the file of the profiles `public`, `private` and `migrator`; they may be one file.
    """
    roles = declaration.roles
    chosen = {
        "public": (roles.public_reader,),
        "private": declaration.rw_roles,
        "migrator": (roles.migrator,),
    }
    held: dict[Path, tuple[str, ...]] = {}
    for profile, names in chosen.items():
        held[passfile_of[profile]] = (*held.get(passfile_of[profile], ()), *names)
    return held


def settle_passwords(connection: Connection, held: Mapping[Path, Iterable[str]]) -> int:
    """Make every role in `held` log in with the password its passfile holds; return how many were set.

    A role without an entry gets a new password in the file; a role whose password is another on the server gets the
    file's. The server sees verifiers only, so no password reaches its log.
    """
    verifiers = _verifiers(connection)
    changed = 0
    for path, roles in held.items():
        known = entries(path) if path.exists() else {}
        for role in roles:
            if role not in known:
                set_entry(path, role=role, password=generate_password())
                known = entries(path)
            if not _matches(connection, role, known[role], verifiers):
                _set(connection, role, known[role])
                changed += 1
    return changed


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
