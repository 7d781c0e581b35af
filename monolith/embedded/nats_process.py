"""The process of an embedded NATS server: found by the file in which it writes its ports."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import ClassVar, Final

from monolith.embedded.kind import NATS, ServerKind
from monolith.embedded.processes import Process, find
from monolith.embedded.server_process import ServerProcess, exists, same

CONFIGURATION_OPTION: Final = "-c"  # the last one on the command line, so that its value may hold anything


@dataclass(frozen=True, slots=True)
class NatsProcess(ServerProcess):
    """The NATS server that runs on a configuration file and keeps its data in `data`.

    It writes `nats-server_<process id>.ports` once it listens, which it does when its data is recovered, and removes it
    when it ends in order. Nothing keeps a second server from the same data but we.
    """

    kind: ClassVar[ServerKind] = NATS
    orderly: ClassVar[Signals] = SIGTERM
    insisting: ClassVar[Sequence[tuple[Signals, float]]] = ((SIGKILL, 5.0),)
    # At once: in order it would write what it knows of its streams into files that may be another's by now.
    clearing: ClassVar[Sequence[tuple[Signals, float]]] = ((SIGKILL, 5.0),)

    data: Path
    configuration: Path

    @property
    def place(self) -> Path:
        return self.data

    @property
    def process(self) -> Process | None:
        return next((process for process, _ in self._listening()), None)

    @property
    def is_ready(self) -> bool:
        return any(self._runs_here(process) for process, _ in self._listening())

    @property
    def port(self) -> int | None:
        return next((port for _, port in self._listening()), None)

    def _listening(self) -> Iterator[tuple[Process, int]]:
        for note in self.data.glob(f"{NATS.program}_*.ports"):
            number = note.stem.removeprefix(f"{NATS.program}_")
            process = find(int(number)) if number.isdigit() else None
            port = _noted_port(note)
            if process and port and self._is_ours(process):
                yield process, port

    def _is_ours(self, process: Process) -> bool:
        """Say whether the process that a file names is our server, and not one that got its id later."""
        path = _configuration(process)
        # One whose project was moved under it is still ours to end.
        return bool(path) and (self._runs_here(process) or not exists(Path(path)))

    def _runs_here(self, process: Process) -> bool:
        path = _configuration(process)
        return bool(path) and same(Path(path), self.configuration)

    def _is_leftover(self, process: Process) -> bool:
        # By its path too: the files may have been removed under it.
        return _configuration(process) == str(self.configuration) or self._runs_here(process)

    def _clear_notes(self) -> None:
        for note in self.data.glob(f"{NATS.program}_*.ports"):
            note.unlink(missing_ok=True)


def _configuration(process: Process) -> str:
    """Return the configuration file of a NATS server that was started by us; empty for any other process."""
    program, _, path = process.command.partition(f" {CONFIGURATION_OPTION} ")
    return path if program.endswith(NATS.program) else ""


def _noted_port(note: Path) -> int | None:
    try:
        (address,) = json.loads(note.read_text(encoding="utf-8"))["nats"]
        return int(address.rpartition(":")[2])
    except (OSError, ValueError, KeyError, TypeError):  # it is being written
        return None
