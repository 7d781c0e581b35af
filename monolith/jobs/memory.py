"""How much memory a job may take: told to the kernel before it runs, so that asking for more raises MemoryError."""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

_PAGE: Final = resource.getpagesize()
_MEGABYTE: Final = 1024 * 1024
_RESIDENT, _DATA = 1, 5  # fields of /proc/<pid>/statm: proc_pid_statm(5)
# A process that kept this much more than it had at its start is replaced, whichever job it was.
MAX_GROWTH_MB: Final = 256


def resident_bytes(pid: int) -> int:
    """Return the memory that another process occupies; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - a Path costs more than the reading
            return _bytes(file.read(), _RESIDENT)
    except OSError:
        return 0


def _bytes(statm: bytes, field: int) -> int:
    return int(statm.split()[field]) * _PAGE


def _open_statm() -> int:
    # Kept open, because opening costs ten times the reading, which each job does three times.
    try:
        return os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return -1


@dataclass(slots=True)
class MemoryLimit:
    """The memory of this process. To be made after the fork: what it reads tells of the process that opened it."""

    _statm: int = field(default_factory=_open_statm)
    _at_start: int = 0

    def __post_init__(self) -> None:
        self._at_start = self._own(_RESIDENT)

    def _own(self, field: int) -> int:
        return _bytes(os.pread(self._statm, 128, 0), field) if self._statm >= 0 else 0

    def ceiling(self, megabytes: int) -> float:
        """Return how much the process may occupy while a job with this limit runs, in bytes; 0 for no limit."""
        # Twice over: a process that is forked shares its parent's pages until it writes to them.
        return float(self._own(_RESIDENT) + 2 * megabytes * _MEGABYTE) if megabytes else 0.0

    def has_grown(self) -> bool:
        """Say whether the process kept so much that a new one is better."""
        return self._own(_RESIDENT) - self._at_start > MAX_GROWTH_MB * _MEGABYTE

    @contextmanager
    def limiting(self, megabytes: int) -> Iterator[None]:
        """Let the block add so much to the data of the process; what asks for more gets MemoryError.

        RLIMIT_DATA counts private writable mappings since Linux 4.7 (setrlimit(2)); elsewhere nothing is limited here.
        """
        if not megabytes or not sys.platform.startswith("linux"):
            yield
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = self._own(_DATA) + megabytes * _MEGABYTE
        ceilings = [limit for limit in (wanted, soft, hard) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(ceilings), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
