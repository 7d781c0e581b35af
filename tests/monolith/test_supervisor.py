"""Keeping processes running, and leaving none behind."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from rich.console import Console

from monolith.serving.back_off import STABLE_AFTER_S, BackOff
from monolith.serving.child import ProcessSpec
from monolith.serving.code_changes import CodeWatcher, differences, snapshot
from monolith.serving.exit_codes import PORT_TAKEN, REFUSED
from monolith.serving.output import Output
from monolith.serving.ports import require_free
from monolith.serving.run_state import RecordedProcess, RunFile, RunState, began, end_orphans, recorded
from monolith.serving.supervisor import Supervisor

PROJECT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 20.0

SERVES = """
import os, signal, sys
# Not print(): the signal may come while the one below is still at it, and printing is not reentrant.
signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"ended in order\\n"), sys.exit(0)))
print("ready", flush=True)
signal.pause()
"""
IGNORES_SIGTERM = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    signal.pause()
"""
STARTS_ANOTHER = """
import subprocess, sys
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("grandchild", other.pid, flush=True)
other.wait()
"""
WAITS_AT_GATE = """
import os, signal, sys
gate = int(sys.argv[sys.argv.index("--gate") + 1])
print("loaded", flush=True)
while os.read(gate, 1):
    pass
print("let go", flush=True)
signal.pause()
"""


class Watched:
    """A supervisor of scripts in a thread of its own, and what its processes wrote."""

    def __init__(
        self,
        directory: Path,
        scripts: Mapping[str, str],
        *,
        stop_timeout_s: float = 5.0,
        starts_after_s: Mapping[str, float] | None = None,
        waits_at_gate: Collection[str] = (),
    ) -> None:
        self.lines: list[tuple[str, str]] = []
        self.pids: Mapping[str, int] = {}
        self._changed = threading.Condition()
        self.supervisor = Supervisor(
            [
                ProcessSpec(
                    name=name,
                    command=(sys.executable, "-c", textwrap.dedent(script)),
                    environment={"PATH": os.environ["PATH"], "ONLY": "this"},
                    directory=directory,
                    follows_lifeline=False,
                    stop_timeout_s=stop_timeout_s,
                    starts_after_s=(starts_after_s or {}).get(name, 0.0),
                    waits_at_gate=name in waits_at_gate,
                )
                for name, script in scripts.items()
            ],
            on_line=self._line,
            on_change=self._pids,
        )
        self.code: int | None = None
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self.supervisor.start()
        self._thread.start()

    def end(self) -> None:
        self.supervisor.request_stop()
        self.join()
        self.supervisor.stop()
        self.supervisor.close()

    def join(self) -> None:
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, TIMEOUT_S), self.lines

    def count(self, name: str, text: str) -> int:
        return sum(1 for who, line in self.lines if who == name and text in line)

    def _run(self) -> None:
        self.code = self.supervisor.run()
        with self._changed:
            self._changed.notify_all()

    def _line(self, name: str, line: str) -> None:
        with self._changed:
            self.lines.append((name, line))
            self._changed.notify_all()

    def _pids(self, pids: Mapping[str, int]) -> None:
        with self._changed:
            self.pids = dict(pids)
            self._changed.notify_all()


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    started: list[Watched] = []

    def start(scripts: Mapping[str, str], *, stop_timeout_s: float = 5.0) -> Watched:
        watched = Watched(tmp_path, scripts, stop_timeout_s=stop_timeout_s)
        started.append(watched)
        watched.start()
        return watched

    yield start
    for watched in started:
        watched.end()


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while began(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)  # not our child: nothing tells us of its end


def test_stop_lets_every_process_end_in_order(watch: Callable[..., Watched]) -> None:
    watched = watch({"one": SERVES, "two": SERVES})
    watched.wait_for(lambda: watched.count("one", "ready") == 1 and watched.count("two", "ready") == 1)

    watched.supervisor.request_stop()
    watched.join()
    watched.supervisor.stop()

    assert watched.code == 0
    assert [watched.count(name, "ended in order") for name in ("one", "two")] == [1, 1]
    assert watched.pids == {}


def test_stop_is_bounded_by_killing_what_does_not_end(watch: Callable[..., Watched]) -> None:
    watched = watch({"stubborn": IGNORES_SIGTERM}, stop_timeout_s=0.3)
    watched.wait_for(lambda: watched.count("stubborn", "ready") == 1)
    pid = watched.pids["stubborn"]

    watched.supervisor.stop()

    assert watched.count("up", "stubborn did not end within 0.3 s; killing it") == 1
    assert not began(pid)


def test_killed_process_is_started_again(watch: Callable[..., Watched]) -> None:
    watched = watch({"one": SERVES, "two": SERVES})
    watched.wait_for(lambda: watched.count("one", "ready") == 1 and watched.count("two", "ready") == 1)
    first, other = watched.pids["one"], watched.pids["two"]

    os.kill(first, signal.SIGKILL)

    watched.wait_for(lambda: watched.count("one", "ready") == 2)
    assert watched.count("up", "one ended with SIGKILL; starting it again in 0.5 s") == 1
    assert watched.pids["one"] != first
    assert watched.pids["two"] == other


def test_what_a_killed_process_started_ends_before_it_is_started_again(
    watch: Callable[..., Watched],
) -> None:
    watched = watch({"one": STARTS_ANOTHER})
    watched.wait_for(lambda: watched.count("one", "grandchild") == 1)
    grandchild = int(watched.lines[0][1].split()[1])

    os.kill(watched.pids["one"], signal.SIGKILL)
    watched.wait_for(lambda: watched.count("one", "grandchild") == 2)

    assert not began(grandchild)


@pytest.mark.parametrize("code", [REFUSED, PORT_TAKEN])
def test_process_that_refuses_to_start_is_not_started_again(watch: Callable[..., Watched], code: int) -> None:
    watched = watch({"refusing": f"print('a secret is set'); raise SystemExit({code})", "other": SERVES})

    watched.join()

    assert watched.code == code
    assert watched.count("refusing", "a secret is set") == 1


def test_restart_ends_and_starts_every_process(watch: Callable[..., Watched]) -> None:
    watched = watch({"one": SERVES})
    watched.wait_for(lambda: watched.count("one", "ready") == 1)

    watched.supervisor.request_restart("models.py changed")

    watched.wait_for(lambda: watched.count("one", "ready") == 2)
    assert watched.count("one", "ended in order") == 1
    assert watched.count("up", "models.py changed; restarting one") == 1


def test_process_has_its_own_environment_and_nothing_of_ours(
    watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAT_API_KEY", "secret")

    watched = watch({"one": "import json, os; print(json.dumps(sorted(os.environ)), flush=True)" + SERVES})

    watched.wait_for(lambda: watched.count("one", "ready") == 1)
    assert {"ONLY", "PATH"} <= set(json.loads(watched.lines[0][1])) <= {"ONLY", "PATH", "LC_CTYPE"}


SUPERVISES = """
import sys
from pathlib import Path
from monolith.serving.child import ProcessSpec
from monolith.serving.supervisor import Supervisor

child = '''
import sys
from monolith.serving.lifeline import follow
follow(int(sys.argv[-1]))
import signal
print("ready", flush=True)
while True:
    signal.pause()
'''
specs = [ProcessSpec(name="one", command=(sys.executable, "-c", child), environment={}, directory=Path.cwd())]
supervisor = Supervisor(
    specs, on_line=lambda name, line: print(line, flush=True), on_change=lambda pids: print(*pids.values(), flush=True)
)
supervisor.start()
with supervisor.handling_signals():
    supervisor.run()
supervisor.stop()
print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_no_process_outlives_its_supervisor(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISES], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert process.stdout.readline() == "ready\n"

        process.send_signal(number)

        rest = process.stdout.read()
    wait_until_gone(child)
    assert ("stopped" in rest) == (number is not signal.SIGKILL)


def test_back_off_doubles_to_a_bound_and_forgets_after_a_stable_run() -> None:
    back_off = BackOff()

    assert [back_off.delay_s(ran_for_s=1) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert back_off.delay_s(ran_for_s=STABLE_AFTER_S) == 0.5
    assert back_off.delay_s(ran_for_s=1) == 1


def test_second_up_of_a_directory_is_told_about_the_first(tmp_path: Path) -> None:
    first, second = RunFile(tmp_path), RunFile(tmp_path)
    with first.held():
        first.write(RunState(pid=4711, addresses={"public": "http://127.0.0.1:8000"}))

        with (
            pytest.raises(CommandError, match=r"process 4711 \(public at http://127.0.0.1:8000\)"),
            second.held(),
        ):
            pass

    with second.held():
        pass


def test_orphan_of_an_earlier_run_is_ended(tmp_path: Path) -> None:
    orphan = subprocess.Popen(
        [sys.executable, "-c", IGNORES_SIGTERM], stdout=subprocess.PIPE, start_new_session=True
    )
    with orphan:
        assert orphan.stdout is not None
        orphan.stdout.readline()
        file = RunFile(tmp_path)
        file.write(RunState(pid=1, processes=recorded({"public": orphan.pid})))
        reaper = threading.Thread(target=orphan.wait)
        reaper.start()

        assert end_orphans(file.read()) == ["public"]

        reaper.join()
    assert orphan.returncode == -signal.SIGKILL


def test_process_that_got_an_orphans_id_is_left_alone() -> None:
    state = RunState(processes=[RecordedProcess("public", os.getpid(), "another time")])

    assert end_orphans(state) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "processes": [{"x": 1}]}'])
def test_unreadable_run_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "up.json").write_text(text)

    assert RunFile(tmp_path).read() == RunState()


def test_taken_port_is_named_with_what_to_do() -> None:
    import socket

    with socket.socket() as other:
        # granian's workers listen like this, and two of them would share the port without a word.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(
            CommandError, match=f"Port {port} on 127.0.0.1 is in use.*--public-port"
        ) as raised:
            require_free("127.0.0.1", port, option="--public-port")

    assert raised.value.returncode == PORT_TAKEN
    require_free("127.0.0.1", port, option="--public-port")


def test_changed_files_are_reported_together(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "var").mkdir()
    kept, removed = tmp_path / "apps" / "kept.py", tmp_path / "apps" / "removed.py"
    for path in (kept, removed):
        path.write_text("")
    seen: list[list[Path]] = []
    changed = threading.Event()

    def on_change(paths: list[Path]) -> None:
        seen.append(paths)
        changed.set()

    watcher = CodeWatcher(tmp_path, on_change, interval_s=0.05)
    os.utime(kept, ns=(1, 1))
    removed.unlink()
    (tmp_path / "var" / "ignored.py").write_text("")
    watcher.start()
    try:
        assert changed.wait(TIMEOUT_S)
    finally:
        watcher.stop()

    assert seen == [[kept, removed]]


def test_snapshot_without_changes_has_no_differences() -> None:
    assert differences(snapshot(PROJECT), snapshot(PROJECT)) == []


def test_json_lines_are_printed_in_words_with_the_process_before_them() -> None:
    console = Console(width=200, record=True, color_system=None)
    output = Output(console, ["up", "public"])
    line = {
        "timestamp": "2026-11-21T10:11:12.5Z",
        "level": "error",
        "module": "hikes",
        "event": "failed [for] real",
        "walks": 3,
        "exception": "Traceback\nValueError: 7",
    }

    output.line("public", json.dumps(line))
    output.line("up", "plain [text]")
    output.line("public", "{not json")

    assert console.export_text().splitlines() == [
        "public | 10:11:12 error   hikes  failed [for] real walks=3",
        "public | Traceback",
        "public | ValueError: 7",
        "up     | plain [text]",
        "public | {not json",
    ]


def test_a_process_that_has_time_starts_later(tmp_path: Path) -> None:
    script = "import time; print(time.monotonic(), flush=True); time.sleep(600)"
    watched = Watched(tmp_path, {"late": script, "soon": script}, starts_after_s={"late": 0.5})
    began = time.monotonic()
    watched.start()
    try:
        watched.wait_for(lambda: len(watched.lines) == 2)
    finally:
        watched.end()
    started = {name: float(line) - began for name, line in watched.lines}
    assert started["soon"] < started["late"]
    assert started["late"] >= 0.5


def test_process_started_ahead_waits_at_the_gate_until_all_start_and_only_then(tmp_path: Path) -> None:
    watched = Watched(tmp_path, {"private": WAITS_AT_GATE, "jobs": SERVES}, waits_at_gate=("private",))
    watched.supervisor.start_ahead()
    try:
        watched.wait_for(lambda: watched.count("private", "loaded") == 1)
        assert watched.lines == [("private", "loaded")]
        assert set(watched.supervisor.pids) == {"private"}

        watched.start()
        watched.wait_for(lambda: bool(watched.count("private", "let go") and watched.count("jobs", "ready")))
        assert watched.count("private", "loaded") == 1

        os.kill(watched.supervisor.pids["private"], signal.SIGKILL)
        watched.wait_for(lambda: watched.count("private", "let go") == 2)
    finally:
        watched.end()
