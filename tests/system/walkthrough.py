"""A page of the docs as a script: its console blocks are run, its titled blocks are written into the project."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.system.running_up import STOP_TIMEOUT_S, TIMEOUT_S

_BLOCK: Final = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.MULTILINE | re.DOTALL)
_ENDLESS: Final = re.compile(r"python manage\.py (up|serve)\b")
ANYTHING: Final = "..."


@dataclass(frozen=True)
class Block:
    """One block of code."""

    kind: str
    title: str
    text: str


@dataclass(frozen=True)
class Command:
    """What a reader types, and the lines that the page says come of it."""

    text: str
    expected: tuple[str, ...]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def commands(console: str) -> Iterator[Command]:
    """Yield what stands behind `$ ` and the lines of it behind `> `; the rest is output."""
    for typed in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        first, *rest = typed.splitlines()
        more = [line for line in rest if line.startswith("> ")]
        text = "\n".join([first, *(line.removeprefix("> ") for line in more)])
        yield Command(text, tuple(rest[len(more) :]))


class Walkthrough:
    """Follows a page in a project. What it starts runs on until the block ends."""

    def __init__(self, project: Path, *, environ: Mapping[str, str], ports: Mapping[str, int]) -> None:
        self._project = project
        self._environ = environ
        self._ports = ports  # by the page's own: somebody else may have those
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._started):
            _end(process)

    def follow(self, block: Block) -> None:
        """Do what one block says."""
        path = self._project / block.title
        if block.kind == "console":
            for command in commands(self._with_ports(block.text)):
                self._run(command)
        elif block.title and block.kind == "diff":
            path.write_text(patched(path.read_text(encoding="utf-8"), block.text), encoding="utf-8")
        elif block.title:
            with path.open("x", encoding="utf-8") as file:
                file.write(block.text)
        else:
            raise AssertionError(f"a {block.kind} block without a title: nobody knows what to do with it")

    def _with_ports(self, text: str) -> str:
        for ours, free in self._ports.items():
            text = re.sub(rf"\b{ours}\b", str(free), text)
        return text

    def _options(self, text: str) -> list[str]:
        defaults = {"public": "8000", "private": "8001"} if "manage.py up" in text else {}
        return [
            f"--{tier}-port={self._ports[ours]}" for tier, ours in defaults.items() if ours in self._ports
        ]

    def _run(self, command: Command) -> None:
        if _ENDLESS.search(command.text):
            self._start(command.text)
            return
        done = subprocess.run(
            ["bash", "-c", command.text],
            cwd=self._project,
            env=dict(self._environ),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = f"$ {command.text}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, said
        assert matches(done.stdout, command.expected), f"{said}\nThe page says:\n{command.expected}"

    def _start(self, text: str) -> None:
        log = self._project / "var" / f"walkthrough-{len(self._started)}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec env {text} {' '.join(self._options(text))}"],
                cwd=self._project,
                env=dict(self._environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        _wait_until_it_serves(log, process)


def _wait_until_it_serves(log: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until `up` shows the admin's login, or `serve` where it is: there is nothing else to wait for."""
    deadline = time.monotonic() + TIMEOUT_S
    while not re.search(r"^Admin login|^[^|]* tier at http", log.read_text(encoding="utf-8"), re.MULTILINE):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def matches(output: str, expected: tuple[str, ...]) -> bool:
    """Say whether output is what a page says; `...` stands for anything, lines included."""
    pattern = re.escape("\n".join(expected)).replace(re.escape(ANYTHING), "(.|\n)*")
    return re.fullmatch(pattern, output.strip()) is not None


def patched(text: str, change: str) -> str:
    """Return a text with lines taken out (-) and put in (+); those around them must be there once."""
    lines = change.splitlines(keepends=True)
    before = "".join(line[1:] or line for line in lines if not line.startswith("+"))
    after = "".join(line[1:] or line for line in lines if not line.startswith("-"))
    assert text.count(before) == 1, f"stands {text.count(before)} times in the file:\n{before}"
    return text.replace(before, after)
