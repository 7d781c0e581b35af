"""What runs the same jobs with each contestant of `jobs.py`, and what the contestants are."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from monolith.embedded import PostgresCluster
from tests.environment import outer_environment

ROOT: Final = Path(__file__).resolve().parents[2]
PEERS: Final = "tests.benchmarks.peers"
POLL_S: Final = 0.2
STALLED_S: Final = 30.0  # so long without a new row is the end of a run
STOP_S: Final = 15.0

# The row that each job inserts, in every contestant's database. The number is not unique: a second insert is counted.
EFFECT: Final = """
CREATE TABLE effect (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One library with its settings, on a database of its own."""

    name: str
    database: str
    schema: str = "public"  # of the effects and the queue
    queue: tuple[str, ...]  # tables to empty before a round
    guess: float  # jobs per second, for the length of the first round
    prepare: Sequence[str] = ()  # makes the queue's tables
    fill: Sequence[str]  # takes the number of jobs
    work: Sequence[str]
    processes: int = 1  # how often `work` is started
    environ: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = ROOT


@dataclass(frozen=True)
class Result:
    """One run."""

    rate: float  # jobs per second
    processor_ms: float  # of each job, in the contestant's processes and the server's


class Race:
    """Contestants on one server; each keeps its log below `place`."""

    def __init__(self, cluster: PostgresCluster, place: Path) -> None:
        self.cluster = cluster
        self.place = place
        self.password = secrets.token_urlsafe(16)

    def admin(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            self.cluster.admin_url,
            dbname=database,
            passfile=str(self.cluster.passfile("admin")),
            autocommit=True,
        )

    def add_role(self) -> None:
        """Make the ordinary role as which peers connect."""
        with self.admin() as connection:
            connection.execute(SQL("CREATE ROLE peer LOGIN PASSWORD {}").format(Literal(self.password)))

    def url(self, database: str) -> str:
        return f"postgresql://peer:{self.password}@127.0.0.1:{self.cluster.port}/{database}"

    def prepare(self, contestant: Contestant) -> None:
        """Make a peer's database with its tables."""
        with self.admin() as connection:
            connection.execute(SQL("CREATE DATABASE {} OWNER peer").format(Identifier(contestant.database)))
        with psycopg.connect(self.url(contestant.database), autocommit=True) as connection:
            connection.execute(EFFECT)
        self._run(contestant, contestant.prepare)

    def run(self, contestant: Contestant, count: int) -> Result:
        """Run so many jobs; a rate counts from the first row to the last.

        Raises SystemExit when a row is missing or there twice.
        """
        self.empty(contestant)
        self._run(contestant, [*contestant.fill, str(count)])
        with self.admin(contestant.database) as connection:
            connection.execute("VACUUM (ANALYZE)")  # what autovacuum does within a minute
            connection.execute("CHECKPOINT")
            with self.working(contestant) as workers:
                processor_ms = self._wait(contestant, connection, workers, count)
            return Result(self._rate(contestant, connection, count), processor_ms)

    def run_one(self, contestant: Contestant) -> None:
        """Run one job with workers that are there already."""
        self._run(contestant, [*contestant.fill, "1"])
        with self.admin(contestant.database) as connection:
            self._wait(contestant, connection, [], 1)

    def empty(self, contestant: Contestant) -> None:
        """Remove every job and every row that jobs inserted."""
        tables = [Identifier(contestant.schema, table) for table in (*contestant.queue, "effect")]
        with self.admin(contestant.database) as connection:
            connection.execute(SQL("TRUNCATE {} CASCADE").format(SQL(", ").join(tables)))

    @contextmanager
    def working(self, contestant: Contestant) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Have the contestant's workers run during a block."""
        with self._log(contestant).open("a") as log:
            workers = [
                subprocess.Popen(
                    contestant.work,
                    cwd=contestant.cwd,
                    env=self.environ(contestant),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                for _ in range(contestant.processes)
            ]
            try:
                yield workers
            finally:
                stop(workers)

    def _wait(
        self,
        contestant: Contestant,
        connection: psycopg.Connection[Any],
        workers: Sequence[subprocess.Popen[bytes]],
        count: int,
    ) -> float:
        """Wait for the last row; returns milliseconds of processor time per job since the first were seen."""
        seen, since, used = 0, time.monotonic(), 0.0
        first: tuple[int, float] | None = None
        while seen < count:
            time.sleep(POLL_S)
            now = self._one(connection, SQL("SELECT count(*) FROM {}"), contestant)
            used = sum(seconds_of_session(worker.pid) for worker in workers) + server_seconds(self.cluster)
            if now > seen:
                seen, since = now, time.monotonic()
                first = first or (now, used)
            elif time.monotonic() - since > STALLED_S or any(worker.poll() is not None for worker in workers):
                tail = "\n".join(self._log(contestant).read_text().splitlines()[-30:])
                raise SystemExit(f"{contestant.name} stopped after {seen} of {count} jobs:\n{tail}")
        if first is None or seen == first[0]:
            return 0.0
        return (used - first[1]) * 1e3 / (seen - first[0])

    def _rate(self, contestant: Contestant, connection: psycopg.Connection[Any], count: int) -> float:
        query = SQL("SELECT count(*), count(DISTINCT number), extract(epoch FROM max(at) - min(at)) FROM {}")
        found = connection.execute(query.format(Identifier(contestant.schema, "effect"))).fetchone()
        assert found is not None
        rows, numbers, seconds = found
        if (rows, numbers) != (count, count):
            raise SystemExit(f"{contestant.name}: {count} jobs left {rows} rows of {numbers} numbers")
        return (count - 1) / float(seconds)

    def _one(self, connection: psycopg.Connection[Any], query: SQL, contestant: Contestant) -> int:
        row = connection.execute(query.format(Identifier(contestant.schema, "effect"))).fetchone()
        assert row is not None
        return int(row[0])

    def _run(self, contestant: Contestant, command: Sequence[str]) -> None:
        if not command:
            return
        done = subprocess.run(
            command,
            cwd=contestant.cwd,
            env=self.environ(contestant),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{contestant.name}: {' '.join(command)}\n{done.stdout}{done.stderr}")

    def environ(self, contestant: Contestant) -> dict[str, str]:
        path = os.pathsep.join(dict.fromkeys((str(contestant.cwd), str(ROOT))))
        url = self.url(contestant.database)
        known = {"PYTHONPATH": path, "PEER_URL": url, "PGDSN": url}  # the latter is what `pgq` reads
        return outer_environment() | known | dict(contestant.environ)

    def _log(self, contestant: Contestant) -> Path:
        return self.place / f"{contestant.database}.log"


def stop(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    """End workers as an operator does, and what is left of them after STOP_S by force."""
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    for worker in workers:
        try:
            worker.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


def peers(workers: int) -> list[Contestant]:
    """Return the contestants that are not ours, each with so many processes that run jobs."""
    python = sys.executable
    django_q2 = {"DJANGO_SETTINGS_MODULE": f"{PEERS}.jobs_django_q2", "PEER_WORKERS": str(workers)}
    tables = ("django_q_ormq", "django_q_task")
    programs = Path(python).parent
    return [
        Contestant(
            name="django-q2 as it ships",
            database="peer_q2",
            queue=tables,
            guess=85,
            prepare=[python, "-m", "django", "migrate", "-v0"],
            fill=[python, "-m", f"{PEERS}.jobs_django_q2"],
            work=[python, "-m", "django", "qcluster"],
            environ=django_q2,
        ),
        Contestant(
            name="django-q2 tuned",
            database="peer_q2_tuned",
            queue=tables,
            guess=875,
            prepare=[python, "-m", "django", "migrate", "-v0"],
            fill=[python, "-m", f"{PEERS}.jobs_django_q2"],
            work=[python, "-m", "django", "qcluster"],
            environ=django_q2 | {"PEER_TUNED": "1"},
        ),
        # Each of its processes runs one job at a time unless told otherwise, as ours do.
        _procrastinate("procrastinate", "peer_procrastinate", 1, guess=450, processes=workers),
        _procrastinate(
            "procrastinate, ten at once", "peer_procrastinate_10", 10, guess=700, processes=workers
        ),
        Contestant(
            name="pgqueuer",
            database="peer_pgqueuer",
            queue=("pgqueuer", "pgqueuer_log", "pgqueuer_statistics"),
            guess=1500,
            prepare=[str(programs / "pgq"), "install"],
            fill=[python, "-m", f"{PEERS}.jobs_pgqueuer"],
            work=[python, "-m", f"{PEERS}.jobs_pgqueuer", "work"],
            processes=workers,
        ),
    ]


def _procrastinate(name: str, database: str, at_once: int, *, guess: int, processes: int) -> Contestant:
    """Return procrastinate with so many jobs at once in each of its processes."""
    command = [str(Path(sys.executable).parent / "procrastinate"), "--app", f"{PEERS}.jobs_procrastinate.app"]
    return Contestant(
        name=name,
        database=database,
        queue=("procrastinate_jobs", "procrastinate_events"),
        guess=guess,
        prepare=[*command, "schema", "--apply"],
        fill=[sys.executable, "-m", f"{PEERS}.jobs_procrastinate"],
        work=[*command, "worker", "--concurrency", str(at_once)],
        processes=processes,
    )


def server_seconds(cluster: PostgresCluster) -> float:
    """Return the processor time that the server's processes have used so far, ended ones included (Linux)."""
    pid = int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return _seconds(stat_fields(pid), ended=True) + sum(
        _seconds(stat_fields(int(child))) for child in children
    )


def seconds_of_session(leader: int) -> float:
    """Return the processor time that the processes of a session have used so far (Linux)."""
    stats = [stat_fields(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return sum(_seconds(stat, ended=True) for stat in stats if stat and int(stat[3]) == leader)


def stat_fields(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the third on, none when it has ended: proc_pid_stat(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _seconds(stat: Sequence[str], *, ended: bool = False) -> float:
    # Its own, and that of children it has waited for.
    return sum(map(int, stat[11 : 15 if ended else 13])) / os.sysconf("SC_CLK_TCK")
