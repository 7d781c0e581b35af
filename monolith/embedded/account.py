"""Whose account an embedded server runs under: never root's, which PostgreSQL refuses and no other server needs."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monolith.embedded.kind import ServerKind
from monolith.errors import EmbeddedServiceError

CANDIDATES: Final = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account that a server runs under; None is this process's own."""

    uid: int | None = None
    gid: int | None = None

    @property
    def popen(self) -> dict[str, Any]:
        """Arguments for `subprocess` that switch to the account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def may_execute(self, path: Path) -> bool:
        """Say whether the account can reach and run a program, or enter a directory; parents may be closed to it."""
        command = [shutil.which("test") or "/usr/bin/test", "-x", str(path)]
        return subprocess.run(command, check=False, cwd="/", **self.popen).returncode == 0

    def own(self, path: Path) -> None:
        """Hand one file or directory, not its parents, to the account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def __str__(self) -> str:
        return f"uid {os.geteuid() if self.uid is None else self.uid}"


def server_account(data: Path, kind: ServerKind) -> Account:
    """Return this process's own account; for root the owner of existing `data`, or an existing unprivileged one.

    Raises EmbeddedServiceError when root finds none.
    """
    if os.geteuid() != 0:
        return Account()
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedServiceError(
        f"{kind.name} does not run as root here and none of the accounts {', '.join(CANDIDATES)} exists. "
        f"Run this as an ordinary user, or set {kind.variable}."
    )
