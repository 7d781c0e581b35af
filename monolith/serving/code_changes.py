"""Noticing that the project's files changed."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

WATCHED: Final = frozenset({".py", ".html", ".sql", ".css", ".js", ".svg"})
LEFT_OUT: Final = frozenset(
    {"var", "tests", "docs", "node_modules", "staticfiles", "__pycache__", "build", "dist"}
)
INTERVAL_S: Final = 0.5  # a walk over some hundred files takes milliseconds

type Snapshot = dict[Path, int]


def snapshot(project: Path) -> Snapshot:
    """Return the modification time (ns) of every watched file of the project."""
    return dict(_files(project))


def differences(before: Snapshot, after: Snapshot) -> list[Path]:
    """Return what was added, changed or removed."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


class CodeWatcher:
    """Calls `on_change` with the changed files once they have been left alone for one interval."""

    def __init__(
        self, project: Path, on_change: Callable[[list[Path]], None], *, interval_s: float = INTERVAL_S
    ) -> None:
        self._project = project
        self._on_change = on_change
        self._interval_s = interval_s
        self._stopped = threading.Event()
        self._known = snapshot(project)
        self._thread = threading.Thread(target=self._watch, name="code-watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        previous = self._known
        while not self._stopped.wait(self._interval_s):
            current = snapshot(self._project)
            if current == previous and (changed := differences(self._known, current)):
                self._known = current
                self._on_change(changed)
            previous = current


def _files(directory: Path) -> Iterator[tuple[Path, int]]:
    for root, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith(".")]
        for name in files:
            path = Path(root) / name
            if path.suffix in WATCHED:
                try:
                    yield path, path.stat().st_mtime_ns
                except FileNotFoundError:  # an editor's temporary file
                    continue
