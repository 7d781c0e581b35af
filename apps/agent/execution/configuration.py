"""What execution is told by its environment. None of it is a secret, and none names a database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from apps.agent.execution.attempts import Limits
from apps.agent.execution.outbound import Guard

ALLOW: Final = "AGENT_OUTBOUND_ALLOW"
NETWORKS: Final = "AGENT_OUTBOUND_NETWORKS"
CONCURRENCY: Final = "AGENT_EXECUTION_CONCURRENCY"
SECONDS: Final = "AGENT_CALL_TIMEOUT_S"
BYTES: Final = "AGENT_ANSWER_MAX_BYTES"
REDIRECTS: Final = "AGENT_MAX_REDIRECTS"
# Longer, and an attempt could outlast what orchestration waits for it.
_MOST: Final = {CONCURRENCY: 1_000, SECONDS: 240, BYTES: 16 * 1_048_576, REDIRECTS: 20}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """How execution works."""

    guard: Guard = field(default_factory=Guard)
    limits: Limits = field(default_factory=Limits)
    concurrency: int = 100  # attempts at the same time

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Return what the variables say. Raises ValueError naming a bad one."""
        try:
            guard = Guard.read(_listed(environ, ALLOW), _listed(environ, NETWORKS))
        except ValueError as error:
            raise ValueError(f"{ALLOW} or {NETWORKS}: {error}") from error
        return cls(
            guard=guard,
            limits=Limits(
                seconds=_number(environ, SECONDS, 30.0),
                bytes=int(_number(environ, BYTES, 1_048_576)),
                redirects=int(_number(environ, REDIRECTS, 5, least=0)),
            ),
            concurrency=int(_number(environ, CONCURRENCY, 100)),
        )


def _listed(environ: Mapping[str, str], name: str) -> list[str]:
    return [part for part in (raw.strip() for raw in environ.get(name, "").split(",")) if part]


def _number(environ: Mapping[str, str], name: str, default: float, *, least: float = 1) -> float:
    given = environ.get(name) or default
    wanted = f"give a number from {least:g} to {_MOST[name]:g}, or nothing for {default:g}"
    try:
        value = float(given)
    except ValueError:
        raise ValueError(f"{name} is {given!r}, which is no number; {wanted}") from None
    if not least <= value <= _MOST[name]:
        raise ValueError(f"{name} is {given}; {wanted}")
    return value
