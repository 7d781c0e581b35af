"""Tokens: made with a secret that is shown once, found by its hash, charged for each call, and revoked at once."""

import hashlib
import json
import logging
import math
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from monolith.composition import composed
from monolith.errors import MonolithError
from monolith.tools.models import NAME, TENANT, Token
from monolith.tools.offer import Tag
from monolith.tools.rows import fetch, statement
from monolith.tools.scopes import allows, scope_problems

logger = logging.getLogger("monolith.tools")

PREFIX: Final = "fmt_"  # by which scanners of repositories and logs know one
SECRET_BYTES: Final = 32
MAX_LIFE: Final = timedelta(days=366)
DEFAULT_LIFE: Final = timedelta(days=90)
MAX_LIMIT: Final = 2**31 - 1  # which the columns hold
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
    wait_s: float | None  # until there is a call again; None: never
    units_left: int  # of the day

    @property
    def is_paid(self) -> bool:
        return self.has_calls and self.has_units

    def refusal(self, units: int) -> str:
        """Return why a call that costs `units` cannot be made, and when it can."""
        if not self.has_calls:
            when = "it may make none" if self.wait_s is None else f"try again in {_up(self.wait_s)} s"
            return f"This token has no calls left; {when}."
        now = timezone.now().astimezone(UTC)
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        return (
            f"This token has spent its day: a call of this tool costs {units}, and {self.units_left} are left; try "
            f"again in {_up((midnight - now).total_seconds())} s, at 00:00 UTC."
        )


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
    if problems := token_problems(
        name=name,
        scopes=scopes,
        tenant=tenant,
        life=life,
        calls_a_minute=calls_a_minute,
        units_a_day=units_a_day,
    ):
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


def token_problems(
    *, name: str, scopes: Sequence[str], tenant: str, life: timedelta, calls_a_minute: int, units_a_day: int
) -> list[str]:
    """Return everything that is wrong with a token that somebody asks for, each with the fix."""
    return [
        *scope_problems(scopes, composed().declared),
        *_name_problems(name, tenant),
        *_limit_problems(life, calls_a_minute, units_a_day),
    ]


def _name_problems(name: str, tenant: str) -> Iterator[str]:
    if not name.strip():
        yield "a token needs a name: say what or whom it is for"
    elif len(name) > NAME or not name.isprintable():
        yield f"a token's name is one line of at most {NAME} characters; choose another"
    elif ":" in name:
        yield "a token's name has no colon: what is kept of a token by its name puts one after it"
    elif Token.objects.filter(name=name).exists():
        yield f"there is a token called {name!r}; choose another name, also when that one was revoked"
    if len(tenant) > TENANT or not tenant.isprintable() or tenant != tenant.strip():
        yield f"a tenant's name is one line of at most {TENANT} characters; write it as its rows have it"


def _limit_problems(life: timedelta, calls_a_minute: int, units_a_day: int) -> Iterator[str]:
    if not timedelta(0) < life <= MAX_LIFE:
        yield f"a token lives at most {MAX_LIFE.days} days; choose fewer"
    for what, limit in (("calls a minute", calls_a_minute), ("units a day", units_a_day)):
        if not 0 <= limit <= MAX_LIMIT:
            yield f"{what} are a number from 0 to {MAX_LIMIT}; choose another"


def authenticate(secret: str) -> Identity | None:
    """Return who a secret stands for; None when it is unknown, expired or revoked. Asked anew for every request."""
    rows = fetch(_AUTHENTICATE, digest=digest(secret))
    if not rows:
        return None
    id_, name, tenant, written, is_good = rows[0]
    if not is_good:
        logger.warning("the token %r was shown, which has expired or was revoked", name)
        return None
    return Identity(id_, name, tenant, _scopes_in(json.loads(written)))


def _scopes_in(kept: Any) -> frozenset[str]:
    """Return the scopes that a row has: whatever is no list of texts allows nothing."""
    return (
        frozenset(each for each in kept if isinstance(each, str)) if isinstance(kept, list) else frozenset()
    )


def charge(token: UUID, units: int) -> Charge | None:
    """Take a call from what a token has left; None when it ended meanwhile."""
    rows = fetch(_CHARGE, id=token, units=units)
    if not rows:
        return None
    has_calls, has_units, wait_s, left = rows[0]
    return Charge(has_calls, has_units, None if wait_s is None else max(0.0, float(wait_s)), int(left))


def revoke(name: str) -> datetime | None:
    """End a token from now on; returns since when it is, None when there is none of that name."""
    token = Token.objects.filter(name=name).first()
    if token is None:
        return None
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
    return token.revoked_at


def _up(seconds: float) -> str:
    """Return seconds to a tenth, never fewer than there are."""
    return f"{math.ceil(seconds * 10) / 10:g}"


def digest(secret: str) -> bytes:
    """Return what is kept of a secret. It has 256 random bits, so a plain hash cannot be guessed back."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def is_over(token: Token) -> bool:
    """Say whether a token's time is over."""
    return token.expires_at <= timezone.now()
