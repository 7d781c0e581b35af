"""Where a server's files live: in the project's data directory, or where the server's account can get to.

Only root needs the second: its project may lie below a directory that is closed to the server's account, and opening
that directory is not ours to do.
"""

import logging
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from monolith.embedded.account import Account
from monolith.embedded.kind import ServerKind
from monolith.embedded.passfile import write_private
from monolith.errors import EmbeddedServiceError

# The second loses its data when the machine clears temporary files; it serves where the first cannot be written.
SHARED_DIRECTORIES: Final = (
    Path("/var/lib/fastmonolith"),
    Path(tempfile.gettempdir()) / f"fastmonolith-{os.geteuid()}",
)
OWNER: Final = "belongs-to"  # elsewhere, naming the data directory
ENTER_ONLY: Final = 0o711  # others may pass through to what is theirs, and list nothing

logger = logging.getLogger(__name__)


def home_of(directory: Path, kind: ServerKind) -> Path:
    """Return where the files of one kind of server of `directory` are; makes nothing."""
    own = directory / kind.folder
    elsewhere = _pointed(directory, kind)
    if elsewhere is None:
        return own
    owner = _read(elsewhere / OWNER)
    # A copied project has a copied pointer, and the files are still the original's.
    is_copy = owner is not None and owner != directory and _pointed(owner, kind) == elsewhere
    return own if is_copy else elsewhere


def settle_home(directory: Path, kind: ServerKind, account: Account, shared: Sequence[Path]) -> Path:
    """Return a home for the server of `directory` that `account` can reach, made when there is none.

    Raises EmbeddedServiceError when data is there that the account cannot reach, rather than start without it.
    """
    home, own = home_of(directory, kind), directory / kind.folder
    if home != own and home.is_dir():
        write_private(home / OWNER, f"{directory}\n")  # the project may have been moved
        return home
    if home != own:
        logger.warning("the %s files of %s are gone from %s; starting with none", kind.name, directory, home)
    (directory / kind.pointer).unlink(missing_ok=True)
    _make(own, account)
    if account.may_execute(own):
        return own
    if (own / "data").exists():
        raise EmbeddedServiceError(
            f"The data in {own} cannot be reached by the account {kind.name} runs under ({account}), because a "
            f"directory above is closed to it. Run this as the account that made it, or move the project."
        )
    return _elsewhere(directory, kind, account, shared)


def shared_directory(kind: ServerKind, account: Account, candidates: Sequence[Path]) -> Path:
    """Return the first of `candidates` that we own and can write and that `account` can enter, made when missing.

    Raises EmbeddedServiceError when there is none.
    """
    for candidate in candidates:
        try:
            candidate.mkdir(parents=True, exist_ok=True)
            found = candidate.lstat()
            # Not followed when it is a link, not used when somebody else made it: programs are run from here.
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            candidate.chmod(ENTER_ONLY)
        except OSError:
            continue
        if os.access(candidate, os.W_OK) and account.may_execute(candidate):
            return candidate
    raise EmbeddedServiceError(
        f"The account {kind.name} runs under ({account}) reaches none of {', '.join(map(str, candidates))}. "
        f"Set MONOLITH_DATA_DIR to a directory it can enter, or set {kind.variable}."
    )


def _elsewhere(directory: Path, kind: ServerKind, account: Account, shared: Sequence[Path]) -> Path:
    home = Path(tempfile.mkdtemp(prefix=f"{kind.folder}-", dir=shared_directory(kind, account, shared)))
    home.chmod(ENTER_ONLY)
    write_private(home / OWNER, f"{directory}\n")
    write_private(directory / kind.pointer, f"{home}\n")
    logger.warning(
        "%s's account (%s) cannot reach %s, so its files are in %s", kind.name, account, directory, home
    )
    return home


def _make(own: Path, account: Account) -> None:
    own.mkdir(parents=True, exist_ok=True)
    if own.stat().st_uid == os.geteuid():
        own.chmod(0o700 if account.uid is None else ENTER_ONLY)


def _pointed(directory: Path, kind: ServerKind) -> Path | None:
    return _read(directory / kind.pointer)


def _read(note: Path) -> Path | None:
    return Path(note.read_text(encoding="utf-8").strip()) if note.exists() else None
