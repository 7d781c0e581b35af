"""Tokens: made with a secret that is shown once, found by its hash, charged for each call, and revoked at once."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from monolith.composition import composed
from monolith.errors import MonolithError
from monolith.tools.models import Token
from monolith.tools.offer import Tag
from monolith.tools.rows import fetch, statement
from monolith.tools.scopes import allows, scope_problems

PREFIX: Final = "fmt_"  # by which scanners of repositories and logs know one
SECRET_BYTES: Final = 32
MAX_LIFE: Final = timedelta(days=366)
DEFAULT_LIFE: Final = timedelta(days=90)
_AUTHENTICATE: Final = statement("authenticate")
_CHARGE: Final = statement("charge")


class TokenProblem(MonolithError):
    """A token cannot be made as asked for; lists everything that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: what a token says, and nothing that came with the call."""

    id: UUID
    name: str
    tenant: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        return f"token:{self.name}"

    def may(self, tag: Tag, module: str) -> bool:
        """Say whether it may call tools of this tag and module."""
        return allows(self.scopes, tag, module)


@dataclass(frozen=True, slots=True)
class Charge:
    """Whether a call may be made, going by what its token has left."""

    has_calls: bool
    has_units: bool
    wait_s: float  # until there is a call again

    @property
    def is_paid(self) -> bool:
        return self.has_calls and self.has_units


def make(
    *,
    name: str,
    scopes: Sequence[str],
    made_by: str,
    tenant: str = "",
    life: timedelta = DEFAULT_LIFE,
    calls_a_minute: int = 120,
    units_a_day: int = 10_000,
) -> tuple[Token, str]:
    """Keep a new token; returns it with its secret, which nobody can tell again. Raises TokenProblem."""
    problems = list(scope_problems(scopes, composed().declared))
    if not name.strip():
        problems.append("a token needs a name: say what or whom it is for")
    elif Token.objects.filter(name=name).exists():
        problems.append(f"there is a token called {name!r}; revoke it first, or choose another name")
    if not timedelta(0) < life <= MAX_LIFE:
        problems.append(f"a token lives at most {MAX_LIFE.days} days; choose fewer")
    if problems:
        raise TokenProblem(problems)
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    token = Token.objects.create(
        name=name,
        digest=digest(secret),
        tenant=tenant,
        scopes=sorted(set(scopes)),
        made_by=made_by,
        expires_at=timezone.now() + life,
        calls_a_minute=calls_a_minute,
        units_a_day=units_a_day,
    )
    return token, secret


def authenticate(secret: str) -> Identity | None:
    """Return who a secret stands for; None when it is unknown, expired or revoked. Asked anew for every request."""
    rows = fetch(_AUTHENTICATE, digest=digest(secret))
    if not rows:
        return None
    (id_, name, tenant, scopes, _expires) = rows[0]
    return Identity(id_, name, tenant, frozenset(json.loads(scopes)))


def charge(token: UUID, units: int) -> Charge | None:
    """Take a call from what a token has left; None when it ended meanwhile."""
    rows = fetch(_CHARGE, id=token, units=units)
    if not rows:
        return None
    has_calls, has_units, wait_s = rows[0]
    return Charge(has_calls, has_units, max(0.0, float(wait_s or 0.0)))


def revoke(name: str) -> datetime | None:
    """End a token from now on; returns since when it is, None when there is none of that name."""
    token = Token.objects.filter(name=name).first()
    if token is None:
        return None
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
    return token.revoked_at


def digest(secret: str) -> bytes:
    """Return what is kept of a secret. It has 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def is_over(token: Token) -> bool:
    """Say whether a token's time is over."""
    return token.expires_at <= timezone.now()
