"""The lease rows of singletons: one statement each to take, renew and let go of one, on the database's clock."""

from dataclasses import dataclass
from typing import Any, Final

from monolith.composition import composed
from monolith.context import entering
from monolith.jobs.records import fetch, statement

_ACQUIRE: Final = statement("lease_acquire")
_RENEW: Final = statement("lease_renew")
_RELEASE: Final = statement("lease_release")
_SWITCH: Final = statement("lease_switch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of trying to lead."""

    fence: int | None  # of the new leader; None when another leads, or nobody may
    holder: str = ""  # who led before
    enabled: bool = True
    expires_in_s: float = 0.0  # of the lease as it was


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseOf:
    """The lease of one singleton, as one process takes part in it."""

    module: str
    name: str  # the singleton's dotted name
    holder: str  # this process
    lease_s: float
    deployment: str = ""  # empty means that of this process

    def acquire(self) -> Answer:
        """Take the lease if nobody has it."""
        fence, holder, enabled, expires_in_s = self._rows(_ACQUIRE)[0]
        return Answer(fence=fence, holder=holder or "", enabled=enabled, expires_in_s=expires_in_s)

    def renew(self, fence: int) -> bool | None:
        """Extend the lease; returns whether the singleton is switched on, None when the lease is lost."""
        rows = self._rows(_RENEW, fence=fence)
        return bool(rows[0][0]) if rows else None

    def release(self, fence: int) -> bool:
        """Let go of the lease; returns whether it was ours."""
        return bool(self._rows(_RELEASE, fence=fence))

    def _rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        own = {
            "deployment": self.deployment or composed().environment.deployment,
            "name": self.name,
            "holder": self.holder,
            "lease_s": self.lease_s,
        }
        with entering(self.module):
            return fetch(sql, **own, **parameters)


def switch(module: str, name: str, *, on: bool) -> None:
    """Let a singleton of this deployment run, or stop it wherever it runs: within one renewal, and for as long."""
    with entering(module):
        fetch(_SWITCH, deployment=composed().environment.deployment, name=name, enabled=on)
