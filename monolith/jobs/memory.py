"""How much memory a job may take: told to the kernel before it runs, so that asking for more raises MemoryError."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

_PAGE: Final = resource.getpagesize()
_MEGABYTE: Final = 1024 * 1024
# A process that kept this much more than it had at its start is replaced, whichever job it was.
MAX_GROWTH_MB: Final = 256


def resident_bytes(pid: int | str = "self") -> int:
    """Return the memory that a process occupies; 0 where the system does not tell."""
    return _pages(pid, 1)


def _pages(pid: int | str, field: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - a Path costs more than the reading
            return int(file.read().split()[field]) * _PAGE
    except OSError:
        return 0


@dataclass(slots=True)
class MemoryLimit:
    """The memory of one worker process."""

    _at_start: int = field(default_factory=resident_bytes)

    def ceiling(self, megabytes: int) -> float:
        """Return how much the process may occupy while a job with this limit runs, in bytes; 0 for no limit."""
        # Twice over: a process that is forked shares its parent's pages until it writes to them.
        return float(resident_bytes() + 2 * megabytes * _MEGABYTE) if megabytes else 0.0

    def has_grown(self) -> bool:
        """Say whether the process kept so much that a new one is better."""
        return resident_bytes() - self._at_start > MAX_GROWTH_MB * _MEGABYTE

    @contextmanager
    def limiting(self, megabytes: int) -> Iterator[None]:
        """Let the block add so much to the data of the process; what asks for more gets MemoryError.

        RLIMIT_DATA counts private writable mappings since Linux 4.7 (setrlimit(2)); elsewhere nothing is limited here.
        """
        if not megabytes or not sys.platform.startswith("linux"):
            yield
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = _pages("self", 5) + megabytes * _MEGABYTE
        ceilings = [limit for limit in (wanted, soft, hard) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(ceilings), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
