"""A project of small modules whose jobs leave traces, and clusters that run them as processes of a test."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from monolith.embedded import PostgresCluster, erase
from tests.generated_project import GeneratedProject

EFFECT: Final = (
    'migrations.RunSQL("CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number integer NOT NULL,'
    " step integer NOT NULL DEFAULT 0, attempt integer NOT NULL DEFAULT 0,"
    ' at timestamptz NOT NULL DEFAULT clock_timestamp())")'
)

TASKS: Final = '''\
import os
import time
from datetime import timedelta

from monolith import connection
from monolith.jobs import ONCE, CatchUp, Retry, completing, task

QUICK = Retry(attempts=50, first_s=0.05, max_s=0.2)


def write(number, step=0, attempt=0):
    with connection().cursor() as cursor:
        cursor.execute("INSERT INTO effect (number, step, attempt) VALUES (%s, %s, %s)", [number, step, attempt])


@task(time_limit_s=5, retry=QUICK)
def effect(number):
    write(number)


@task(time_limit_s=5, retry=QUICK, transaction=False, takes_context=True)
def steps(context, number, pause_s=0.0):
    """Leave a committed trace of each attempt, and end with the effect."""
    for step in (1, 2, 3):
        write(number, step, context.attempt)
        time.sleep(pause_s)
    with completing():
        write(number)


@task(time_limit_s=5, retry=QUICK)
def failing(number, times):
    raise ValueError(f"number {number}")


@task(time_limit_s=2, retry=QUICK)
def sleeping(number, seconds):
    time.sleep(seconds)
    write(number)


@task(time_limit_s=2, retry=QUICK)
def stubborn(number, seconds):
    """Sleep on through the alarm."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            time.sleep(ends - time.monotonic())
        except BaseException:
            pass
    write(number)


@task(time_limit_s=10, retry=QUICK, memory_limit_mb=64)
def hungry(number, megabytes):
    taken = bytearray(megabytes * 1024 * 1024)
    write(number + len(taken) * 0)


@task(time_limit_s=5, retry=QUICK)
def exiting(number):
    os._exit(7)


@task(time_limit_s=60, retry=ONCE)
def flooding(count):
    for number in range(count):
        effect.enqueue(number)


@task(time_limit_s=40, concurrency_key="{name}", retry=QUICK, transaction=False, takes_context=True)
def alone(context, name, number, pause_s=0.0):
    write(number, 1)
    time.sleep(pause_s)
    with completing():
        write(number, 2)


@task(time_limit_s=5, heavy=True, transaction=False)
def heavy(number, pause_s=0.0):
    write(number, 1)
    time.sleep(pause_s)
    with completing():
        write(number, 2)


@task(time_limit_s=5, transaction=False)
async def asynchronous(number):
    from asgiref.sync import sync_to_async

    await sync_to_async(write)(number)
'''

TICKING: Final = f"""{TASKS}

@task(time_limit_s=5, every=timedelta(seconds=1), catch_up=CatchUp.ALL)
def ticking():
    write(-1)
"""
OURS: Final = "task LIKE 'modules.%'"  # the framework has jobs of its own in each module


class JobsProject:
    """The project, with its embedded server."""

    def __init__(self, path: Path, modules: int, *, tasks: str = TASKS) -> None:
        self.names: Final = [f"module{number}" for number in range(modules)]
        self.project: Final = GeneratedProject(path, self.names).write()
        for name in self.names:
            self.project.add_migration(name, "0003_effect", operations=EFFECT)
            (path / "modules" / name / "tasks.py").write_text(tasks, encoding="utf-8")

    def migrate(self) -> None:
        for command in ("provision", "migrate_schemas"):
            code, output = self.project.manage(command)
            assert code == 0, output

    def enqueue(self, code: str, **environ: str) -> None:
        """Run Python in the private tier: `enqueuing(module)` is a block as that module, `tasks(module)` its tasks."""
        prelude = (
            "import importlib, django; django.setup()\n"
            "from monolith import atomic, entering\n"
            "tasks = lambda name: importlib.import_module(f'modules.{name}.tasks')\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", prelude + code],
            cwd=self.project.path,
            env=self.project.environ | {"DJANGO_SETTINGS_MODULE": "settings.private"} | environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, result.stderr

    def rows(self, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Ask the database as its superuser; tables are written as module0.effect."""
        with self.project.admin() as connection:
            return connection.execute(sql, parameters).fetchall()

    def execute(self, sql: str) -> None:
        """Run a statement as the database's superuser."""
        with self.project.admin() as connection:
            connection.execute(sql)

    def each(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask for each module, with {m} for its schema, and put the rows together."""
        return self.rows(" UNION ALL ".join(f"({sql.format(m=name)})" for name in self.names))

    @property
    def cluster(self) -> PostgresCluster:
        return PostgresCluster(self.project.path / "var")

    def unfinished(self) -> int:
        counts = self.each("SELECT count(*) FROM {m}.monolith_job WHERE finished_at IS NULL AND " + OURS)
        return sum(count for (count,) in counts)


class QCluster:
    """A running `manage.py qcluster` in a session of its own, always ended."""

    def __init__(self, project: JobsProject, *options: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "qcluster", *options],
            cwd=project.project.path,
            env=project.project.environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def __enter__(self) -> "QCluster":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def processes(self) -> list[int]:
        """Return the process ids of the session, the command's own first."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[3]) == self.process.pid and fields[0] != "Z":
                    found.append(int(entry.name))
        return sorted(found)

    def workers(self) -> list[int]:
        """Return the processes below the sentinel: the keeper and the workers."""
        sentinel = self.processes()[1:2]
        return [pid for pid in self.processes()[1:] if [_parent(pid)] == sentinel]

    def stop(self, timeout_s: float = 40.0) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """End every process of it at once."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(10)
        wait_until(lambda: not self.processes(), "every process has ended", 10)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def wait_until(holds: Callable[[], Any], what: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.05)


@contextmanager
def jobs_project(modules: int, *, tasks: str = TASKS) -> Iterator[JobsProject]:
    """Give a block a migrated project with its server, and remove both."""
    place = Path(tempfile.mkdtemp(prefix="monolith-jobs-"))
    project = JobsProject(place, modules, tasks=tasks)
    try:
        project.migrate()
        yield project
    finally:
        erase(project.cluster.directory)
        shutil.rmtree(place)
