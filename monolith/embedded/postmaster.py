"""The server process of a data directory: found by its pid file, ended by signals, cleaned up after."""

from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT
from typing import Final

from monolith.embedded.processes import Process, find, running, takes_signals
from monolith.errors import EmbeddedServiceError

# Lines of postmaster.pid; PostgreSQL, src/include/utils/pidfile.h.
PROCESS_LINE: Final = 1
PORT_LINE: Final = 4
STATUS_LINE: Final = 8


@dataclass(frozen=True, slots=True)
class Postmaster:
    """PostgreSQL's first process for the data directory `data`; its children carry `title` in their names."""

    data: Path
    title: str

    @property
    def process(self) -> Process | None:
        """The process; None when it is not alive."""
        number = self._line(PROCESS_LINE)
        found = find(int(number)) if number.isdigit() else None
        return found if found and self._is_ours(found) else None

    @property
    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        return self.process is not None and self._line(STATUS_LINE) == "ready"

    @property
    def port(self) -> int | None:
        """The port it listens on; None when it is not alive."""
        line = self._line(PORT_LINE)
        return int(line) if line.isdigit() and self.process else None

    def end(self, timeout_s: float) -> bool:
        """End it orderly, after `timeout_s` seconds at once; returns whether there was anything to end.

        Raises EmbeddedServiceError when it stays alive.
        """
        server = self.process
        for number, seconds in ((SIGINT, timeout_s), (SIGQUIT, 10.0), (SIGKILL, 5.0)):
            if server is None:
                return self.end_leftovers()
            server.signal(number)
            if server.ends_within(seconds):
                self.end_leftovers()
                return True
        raise EmbeddedServiceError(
            f"The PostgreSQL server of {self.data} does not end. Kill process {server}."
        )

    def end_leftovers(self) -> bool:
        """End the sessions that a killed server left behind: they work on, on memory that the next one must not share.

        To be called when the server itself is gone; returns whether there were any.
        """
        found = False
        for number, seconds in ((SIGQUIT, 2.0), (SIGKILL, 5.0)):
            leftovers = [process for process in running() if self._is_leftover(process)]
            found = found or bool(leftovers)
            for process in leftovers:
                process.signal(number)
            for process in leftovers:
                process.ends_within(seconds)
        self._remove_misleading_file()
        return found

    def _remove_misleading_file(self) -> None:
        # PostgreSQL does not start when the id in the file is a zombie's or was given to another process. Otherwise it
        # removes the file itself, after it looked by it for memory that is still in use: that check must stay.
        number = self._line(PROCESS_LINE)
        if number.isdigit() and takes_signals(int(number)):
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _is_leftover(self, process: Process) -> bool:
        if process.command.startswith(f"postgres: {self.title}: "):
            return True
        return bool(process.data_directory) and _same(Path(process.data_directory), self.data)

    def _is_ours(self, process: Process) -> bool:
        """Say whether the process that the file names is our server, and not one that got its id later."""
        place = process.data_directory
        if place and not _exists(Path(place)):  # the project was moved while the server ran
            return f"port={self._line(PORT_LINE)}" in process.command.split()
        return bool(place) and _same(Path(place), self.data)

    def _line(self, number: int) -> str:
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return ""
        return lines[number - 1].strip() if len(lines) >= number else ""


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:  # another account's, and closed to us
        return True
    return True


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
