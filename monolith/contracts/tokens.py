"""Who calls: a short-lived token, signed with a key that caller and owner of the called module share.

A JWT (RFC 7519) with HS256: `iss` is the calling module, `aud` the called one, `exp` at most a minute away; `tenant`
and `actor` are on whose behalf, and `reads_only` is there where the caller may do no more. Each called module has keys
of its own: who may call ships cannot sign for knowledge.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt
from pydantic import SecretStr

from monolith.environment import CONTRACT_KEYS_PREFIX

ALGORITHM: Final = "HS256"  # the only one that is signed or believed, whatever a token's header says
LIFE_S: Final = 60  # longer spares signing, and a token that leaks is of use for longer
REUSED_FOR_S: Final = LIFE_S / 2  # by the caller; what is left outlives the way to the owner
LEEWAY_S: Final = 5  # between the clocks of two machines
MAX_KEPT: Final = 1_024  # tokens; beyond it all are forgotten, which costs a signature each
_REQUIRED: Final = ["iss", "aud", "iat", "exp"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and on whose behalf."""

    module: str
    tenant: str = ""
    actor: str = ""
    reads_only: bool = False  # what it leads to may write nothing


class TokenRefused(Exception):
    """A token that proves nothing; says why, for the log and not for the caller."""


class Signer:
    """Makes the tokens of calls to one module."""

    def __init__(self, audience: str, keys: Sequence[SecretStr]) -> None:
        self._audience = audience
        self._key = keys[0].get_secret_value()
        self._kept: dict[Caller, tuple[str, float]] = {}

    def token(self, caller: Caller) -> str:
        """Return a token that is good for half a minute and more."""
        now = time.time()
        token, until = self._kept.get(caller, ("", 0.0))
        if now < until:
            return token
        token = self._sign(caller, int(now))
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[caller] = (token, now + REUSED_FOR_S)
        return token

    def _sign(self, caller: Caller, now: int) -> str:
        claims: dict[str, Any] = {
            "iss": caller.module,
            "aud": self._audience,
            "iat": now,
            "exp": now + LIFE_S,
            "tenant": caller.tenant,
            "actor": caller.actor,
        }
        if caller.reads_only:
            claims["reads_only"] = True
        return jwt.encode(claims, self._key, ALGORITHM)


class Verifier:
    """Reads the tokens of calls to one module."""

    def __init__(self, audience: str, keys: Sequence[SecretStr]) -> None:
        self._audience = audience
        self._keys = [key.get_secret_value() for key in keys]
        self._kept: dict[str, tuple[Caller, float]] = {}

    def caller(self, token: str) -> Caller:
        """Return who made the token. Raises TokenRefused when that is not proved."""
        now = time.time()
        caller, until = self._kept.get(token, (None, 0.0))
        if caller is not None and now < until:
            return caller
        claims = self._claims(token)
        expires = claims["exp"]
        if not isinstance(expires, int) or expires > now + LIFE_S + LEEWAY_S:
            raise TokenRefused("it lives longer than a token may")
        caller = _caller(claims)
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[token] = (caller, expires)
        return caller

    def _claims(self, token: str) -> dict[str, Any]:
        reason = f"this process holds no key of '{self._audience}'; set {CONTRACT_KEYS_PREFIX}{self._audience.upper()}"
        for key in self._keys:
            try:
                return jwt.decode(
                    token,
                    key,
                    [ALGORITHM],
                    options={"require": _REQUIRED, "strict_aud": True},
                    audience=self._audience,
                    leeway=LEEWAY_S,
                )
            except jwt.InvalidSignatureError:
                reason = "no key that this process holds has signed it"
            except jwt.InvalidTokenError as error:
                raise TokenRefused(str(error)) from None
        raise TokenRefused(reason)


def _caller(claims: Mapping[str, Any]) -> Caller:
    match claims:
        case {"iss": str(module), "tenant": str(tenant), "actor": str(actor)}:
            return Caller(module, tenant, actor, claims.get("reads_only") is True)
    raise TokenRefused("it does not say who calls, for which tenant and which actor")
