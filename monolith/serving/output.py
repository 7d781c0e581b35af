"""The lines of several processes on one screen."""

import json
import threading
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.text import Text

COLOURS: Final = ("cyan", "magenta", "green", "yellow", "blue")
LEVEL_STYLES: Final = {"warning": "yellow", "error": "red", "critical": "bold red"}
# What every line has and the prefix or the head of the line says already.
HEAD: Final = frozenset({"timestamp", "level", "module", "event", "tier", "logger", "exception", "stack"})


class Output:
    """Prints lines with the name of the process they come from; JSON lines of ours in words."""

    def __init__(self, console: Console, names: list[str]) -> None:
        self._console = console
        self._width = max(map(len, names), default=0)
        self._colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
        self._lock = threading.Lock()

    def line(self, name: str, line: str) -> None:
        """Print one line of the process `name`; safe from any thread."""
        with self._lock:
            for part in readable(line):
                text = Text(f"{name:<{self._width}} | ", style=self._colours.get(name, "bold"))
                self._console.print(text.append_text(part), soft_wrap=True, highlight=False)


def readable(line: str) -> list[Text]:
    """Return a line as it is; a JSON line of `monolith.logs` as time, level, module, text and the rest."""
    found = _parsed(line)
    if found is None:
        return [Text.from_ansi(line)]
    style = LEVEL_STYLES.get(str(found.get("level")), "")
    text = Text()
    text.append(f"{str(found['timestamp'])[11:19]} ", style="dim")
    text.append(f"{found.get('level', '')!s:<7} ", style=style)
    text.append(f"{found.get('module', '')}  ", style="dim")
    text.append(str(found["event"]), style=style)
    for key, value in found.items():
        if key not in HEAD:
            text.append(f" {key}={value}", style="dim")
    traceback = f"{found.get('exception') or ''}{found.get('stack') or ''}"
    return [text, *(Text(part) for part in traceback.splitlines())]


def _parsed(line: str) -> Mapping[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"event", "timestamp"} <= found.keys() else None
