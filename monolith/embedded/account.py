"""Whose account an embedded server runs under: PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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

    def may_execute(self, program: Path) -> bool:
        """Say whether the account can reach and run `program`; parents may be closed to it."""
        return self._test("-x", program)

    def may_write(self, directory: Path) -> bool:
        """Say whether the account can reach and write `directory`."""
        return self._test("-w", directory)

    def own(self, path: Path) -> None:
        """Hand one file or directory, not its parents, to the account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def _test(self, flag: str, path: Path) -> bool:
        command = [shutil.which("test") or "/usr/bin/test", flag, str(path)]
        return subprocess.run(command, check=False, **self.popen).returncode == 0


def server_account() -> Account:
    """Return this process's own account, or an existing unprivileged one when it is root.

    Raises EmbeddedServiceError when root finds none.
    """
    if os.geteuid() != 0:
        return Account()
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedServiceError(
        f"PostgreSQL does not run as root and none of the accounts {', '.join(CANDIDATES)} exists. "
        f"Run this as an ordinary user, or set DATABASE_URL."
    )
