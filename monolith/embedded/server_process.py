"""The process of an embedded server: found by what it left in its directory, ended by signals."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from signal import Signals
from typing import ClassVar

from monolith.embedded.kind import ServerKind
from monolith.embedded.processes import Process, running
from monolith.errors import EmbeddedServiceError


class ServerProcess(ABC):
    """The first process of a server, alive or not."""

    __slots__ = ()

    kind: ClassVar[ServerKind]
    orderly: ClassVar[Signals]
    # What follows when that was not enough, and what ends the leftovers of a killed server: signals, seconds to wait.
    insisting: ClassVar[Sequence[tuple[Signals, float]]]
    clearing: ClassVar[Sequence[tuple[Signals, float]]]

    @property
    @abstractmethod
    def place(self) -> Path:
        """Where its files are."""

    @property
    @abstractmethod
    def process(self) -> Process | None:
        """The process; None when it is not alive."""

    @property
    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it accepts connections."""

    @property
    @abstractmethod
    def port(self) -> int | None:
        """The port it listens on; None when it is not alive."""

    def end(self, timeout_s: float) -> bool:
        """End it orderly, after `timeout_s` seconds at once; returns whether there was anything to end.

        Raises EmbeddedServiceError when it stays alive.
        """
        server = self.process
        for number, seconds in ((self.orderly, timeout_s), *self.insisting):
            if server is None:
                return self.end_leftovers()
            server.signal(number)
            if server.ends_within(seconds):
                self.end_leftovers()
                return True
        raise EmbeddedServiceError(
            f"The {self.kind.name} server of {self.place} does not end. Kill process {server}."
        )

    def end_leftovers(self) -> bool:
        """End what works on in the files of a server that is gone or lost sight of: the next one must not share them.

        To be called when the server itself is gone; returns whether there was anything.
        """
        found = False
        for number, seconds in self.clearing:
            leftovers = [process for process in self._of_this_kind() if self._is_leftover(process)]
            found = found or bool(leftovers)
            for process in leftovers:
                process.signal(number)
            for process in leftovers:
                process.ends_within(seconds)
        self._clear_notes()
        return found

    def _of_this_kind(self) -> Iterator[Process]:
        # Asked first, so that no mistake in what follows can reach a process that is no such server.
        return (process for process in running() if self.kind.program in process.command)

    @abstractmethod
    def _is_leftover(self, process: Process) -> bool:
        """Say whether a process works in the server's files."""

    @abstractmethod
    def _clear_notes(self) -> None:
        """Remove what a server that is gone left, where it would mislead."""


def exists(path: Path) -> bool:
    """Say whether there is a file, also where only another account may look."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:  # another account's, and closed to us
        return True
    return True


def same(one: Path, other: Path) -> bool:
    """Say whether two paths lead to the same file."""
    try:
        return one.samefile(other)
    except OSError:
        return False
