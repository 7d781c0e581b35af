"""The server process of a PostgreSQL data directory: found by its pid file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT, Signals
from typing import ClassVar, Final

from monolith.embedded.kind import POSTGRES, ServerKind
from monolith.embedded.processes import Process, find, takes_signals
from monolith.embedded.server_process import ServerProcess, exists, same

# Lines of postmaster.pid; PostgreSQL, src/include/utils/pidfile.h.
PROCESS_LINE: Final = 1
PORT_LINE: Final = 4
STATUS_LINE: Final = 8


@dataclass(frozen=True, slots=True)
class Postmaster(ServerProcess):
    """PostgreSQL's first process for the data directory `data`; its children carry `title` in their names.

    The sessions of one that was killed work on, on memory that the next one must not share.
    """

    kind: ClassVar[ServerKind] = POSTGRES
    orderly: ClassVar[Signals] = SIGINT
    insisting: ClassVar[Sequence[tuple[Signals, float]]] = ((SIGQUIT, 10.0), (SIGKILL, 5.0))
    clearing: ClassVar[Sequence[tuple[Signals, float]]] = ((SIGQUIT, 2.0), (SIGKILL, 5.0))

    data: Path
    title: str

    @property
    def place(self) -> Path:
        return self.data

    @property
    def process(self) -> Process | None:
        number = self._line(PROCESS_LINE)
        found = find(int(number)) if number.isdigit() else None
        return found if found and self._is_ours(found) else None

    @property
    def is_ready(self) -> bool:
        return self.process is not None and self._line(STATUS_LINE) == "ready"

    @property
    def port(self) -> int | None:
        line = self._line(PORT_LINE)
        return int(line) if line.isdigit() and self.process else None

    def _clear_notes(self) -> None:
        # PostgreSQL does not start when the id in the file is a zombie's or was given to another process. Otherwise it
        # removes the file itself, after it looked by it for memory that is still in use: that check must stay.
        number = self._line(PROCESS_LINE)
        if number.isdigit() and takes_signals(int(number)):
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _is_leftover(self, process: Process) -> bool:
        if process.command.startswith(f"postgres: {self.title}: "):
            return True
        place = _data_directory(process)
        return bool(place) and same(Path(place), self.data)

    def _is_ours(self, process: Process) -> bool:
        """Say whether the process that the file names is our server, and not one that got its id later."""
        place = _data_directory(process)
        if place and not exists(Path(place)):  # the project was moved while the server ran
            return f"port={self._line(PORT_LINE)}" in process.command.split()
        return bool(place) and same(Path(place), self.data)

    def _line(self, number: int) -> str:
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return ""
        return lines[number - 1].strip() if len(lines) >= number else ""


def _data_directory(process: Process) -> str:
    """Return the data directory of a PostgreSQL server that was started by us; empty for any other process."""
    program, _, rest = process.command.partition(" -D ")
    return rest.partition(" -c ")[0] if program.endswith("postgres") else ""
