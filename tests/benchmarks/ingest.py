"""How fast AIS sentences go into the database, and where the time goes.

    python tests/benchmarks/ingest.py [--sentences 200000] [--all-cores]

Starts a PostgreSQL of its own in a throw-away directory, provisions and migrates it, generates a log (types 1, 18,
5 and 24 behind TAG blocks, 0.2 % of it broken), and ingests it twice in one process through the module's serving
role. This process and the server share one core unless --all-cores is given. The peer in the same run is the
obvious loop: pyais' own reader and Django's bulk_create in batches of 1,000. It does less: no checksums, no moored
repeats, no latest positions, no descriptions, no rejections kept.

Rates are given twice: by the clock, which decides, and by the processor time of this process and every server process,
which is what one core would do if nothing else ran on it and nothing waited for a disk. A busy machine parts the two:
run this on one that has nothing else to do.

Exits 1 when the first ingest is slower than the target, the second slower than the first, or anything changed in it.
"""

import argparse
import cProfile
import os
import pstats
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

PROJECT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

if TYPE_CHECKING:
    from monolith.embedded import PostgresCluster

TARGET: Final = 20_000  # sentences a second
VESSELS: Final = 2_000
EVERY_S: Final = 10  # a moving class A vessel reports every 2 to 10 seconds
MOORED: Final = 0.15  # of all vessels
STATIC: Final = 0.06  # of all messages; every 6 minutes among reports every 10 seconds is 0.03
BROKEN: Final = 0.002
PEER_SENTENCES: Final = 50_000
PROFILED: Final = 50_000
BATCH_LINES: Final = 10_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sentences", type=int, default=200_000)
    parser.add_argument("--all-cores", action="store_true", help="do not share one core with the server")
    arguments = parser.parse_args()
    if not arguments.all_cores:
        core = max(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {core})  # what is started from here inherits it
        print(f"client and server share core {core}")
    with running_database() as cluster:
        return measure(arguments.sentences, cluster)


@dataclass(frozen=True)
class Rates:
    """Sentences a second: by the clock, and of processor time spent here and in the server."""

    clock: float
    core: float

    def __str__(self) -> str:
        return f"{self.clock:,.0f} sentences/s by the clock, {self.core:,.0f} per second of one core"


@contextmanager
def running_database() -> Iterator["PostgresCluster"]:
    """Run a provisioned and migrated PostgreSQL, set Django up on it as the private tier, and yield it."""
    directory = Path(tempfile.mkdtemp(prefix="monolith-ingest-"))
    for name in (
        "DATABASE_URL",
        "PGPASSFILE",
        "MONOLITH_ADMIN_URL",
        "MONOLITH_MODULES",
        "MONOLITH_SECRET_KEY",
    ):
        os.environ.pop(name, None)
    os.environ["MONOLITH_DATA_DIR"] = str(directory)
    from monolith.embedded import PostgresCluster

    cluster = PostgresCluster(directory)
    try:
        for command in ("provision", "migrate_schemas"):
            subprocess.run(
                [sys.executable, "manage.py", command], cwd=PROJECT, check=True, capture_output=True
            )
        os.environ["DJANGO_SETTINGS_MODULE"] = "settings.private"
        import django

        django.setup()
        try:
            yield cluster
        finally:
            close_connections()
    finally:
        cluster.erase()
        shutil.rmtree(directory, ignore_errors=True)


def close_connections() -> None:
    from django.db import connections

    connections.close_all()
    for connection in connections.all():
        if hasattr(connection, "close_pool"):
            connection.close_pool()


def measure(sentences: int, cluster: "PostgresCluster") -> int:
    from monolith import entering

    started = time.perf_counter()
    now = datetime.now(UTC)
    lines = log(sentences, ends_at=now)
    kinds = ", ".join(f"{kind}: {count:,}" for kind, count in kinds_in(lines).items())
    print(f"{len(lines):,} sentences generated in {time.perf_counter() - started:.1f} s ({kinds})\n")
    with entering("ships"):
        first = ingest(lines, now, "first ingest", cluster)
        before = rows()
        second = ingest(lines, now, "second ingest", cluster)
        unchanged = rows() == before
        print(
            f"rows after the first ingest: {before[0]}; the second {'changed nothing' if unchanged else 'CHANGED THEM'}\n"
        )
        empty()
        other = peer(lines[:PEER_SENTENCES], now, cluster)
        empty()
        print(
            f"this against the peer: {first.clock / other.clock:.1f} x by the clock,"
            f" {first.core / other.core:.1f} x per second of one core\n"
        )
        profile(lines[:PROFILED], now)
    met = first.clock >= TARGET and second.clock >= first.clock and unchanged
    print(
        f"target {TARGET:,} a second by the clock, no change and no slower the second time: {'met' if met else 'MISSED'}"
    )
    for label, rates in (("first", first), ("second", second)):
        print(f"  {label}: {rates}")
    return 0 if met else 1


def log(sentences: int, *, ends_at: datetime) -> list[bytes]:
    """Return a log of at least so many sentences whose last was heard at `ends_at`."""
    from apps.ships.sample.generate import broken, encoded
    from apps.ships.sentences import tagged

    rng = random.Random(1805)
    fleet = [
        {
            "mmsi": 219_000_000 + index,
            "lat": rng.uniform(50, 60),
            "lon": rng.uniform(0, 11),
            "course": rng.uniform(0, 359.9),
            "speed": 0.1 if rng.random() < MOORED else rng.uniform(5, 20),
        }
        for index in range(VESSELS)
    ]
    rounds = sentences // VESSELS + 1
    start = ends_at - timedelta(seconds=EVERY_S * rounds)
    lines: list[bytes] = []
    for turn in range(rounds):
        for index, vessel in enumerate(fleet):
            at = start + timedelta(seconds=EVERY_S * (turn + index / VESSELS))
            fields = description(vessel, turn) if rng.random() < STATIC else report(vessel)
            for sentence in encoded(fields, sequence=(turn + index) % 10):
                heard = broken(sentence, rng) if rng.random() < BROKEN else sentence
                lines.append(tagged(heard, at=int(at.timestamp()) * 1000, source="2573535").encode())
            if len(lines) >= sentences:
                return lines
    return lines


def report(vessel: dict[str, Any]) -> dict[str, Any]:
    if vessel["speed"] > 1:
        vessel["lat"] += (
            vessel["speed"] * EVERY_S / 3600 / 60
        )  # northwards: a knot is a minute of latitude an hour
    class_b = vessel["mmsi"] % 3 == 0
    return {"type": 18, **vessel} if class_b else {"type": 1, "status": 0, "turn": 0, "heading": 90, **vessel}


def description(vessel: dict[str, Any], turn: int) -> dict[str, Any]:
    identity = {
        "mmsi": vessel["mmsi"],
        "callsign": f"OX{vessel['mmsi'] % 10_000}",
        "ship_type": 70,
        "to_bow": 90,
    }
    if vessel["mmsi"] % 3:
        return {
            "type": 5,
            "shipname": f"VESSEL {vessel['mmsi']}",
            "destination": "AARHUS",
            "draught": 7.1,
            **identity,
        }
    return {"type": 24, "partno": turn % 2, "shipname": f"VESSEL {vessel['mmsi']}", **identity}


def kinds_in(lines: Sequence[bytes]) -> dict[str, int]:
    names = {b"1": "type 1", b"5": "type 5", b"B": "type 18", b"H": "type 24"}
    kinds = dict.fromkeys((*names.values(), "second parts"), 0)
    for line in lines:
        fields = line.rpartition(b"\\")[2].split(b",")
        kinds["second parts" if fields[2] == b"2" else names[fields[5][:1]]] += 1
    return kinds


def ingest(lines: Sequence[bytes], now: datetime, label: str, cluster: "PostgresCluster") -> Rates:
    """Ingest once; print rates, split and outcome."""
    from apps.ships.ingestion import Ingestion

    ingestion = Ingestion(source="benchmark")
    with stopwatch() as spent:
        started, own, served = time.perf_counter(), time.process_time(), server_seconds(cluster)
        for index in range(0, len(lines), BATCH_LINES):
            ingestion.take(lines[index : index + BATCH_LINES], received=now, now=now)
        counts = ingestion.finish()
        seconds = time.perf_counter() - started
    own, served = time.process_time() - own, server_seconds(cluster) - served
    rates = Rates(len(lines) / seconds, len(lines) / (own + served))
    spent["database"] = seconds - sum(spent.values())
    print(f"{label}: {rates}")
    print(f"  {seconds:.2f} s; processor: {own:.2f} s here, {served:.2f} s in the server")
    for phase, phase_seconds in spent.items():
        print(
            f"  {phase:<9} {phase_seconds:6.2f} s {phase_seconds / seconds:6.1%} {phase_seconds / len(lines) * 1e6:6.1f} us each"
        )
    print(f"  {counts.as_dict()}")
    if counts.settled != counts.lines:
        raise SystemExit(f"{counts.lines - counts.settled} sentences are in no bucket")
    return rates


@contextmanager
def stopwatch() -> Iterator[dict[str, float]]:
    """Add up the seconds that batches spend in reading and in deciding what to store; the rest is the database."""
    from apps.ships import ingestion, positions

    spent = {"decode": 0.0, "dedupe": 0.0}

    def timed(phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent[phase] += time.perf_counter() - started

        return call

    watched = [
        (ingestion.Ingestion, "read", "decode"),
        (positions, "once", "dedupe"),
        (positions, "select", "dedupe"),
    ]
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in watched]
    for owner, name, phase in watched:
        setattr(owner, name, timed(phase, getattr(owner, name)))
    try:
        yield spent
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


def peer(lines: Sequence[bytes], now: datetime, cluster: "PostgresCluster") -> Rates:
    """Run the obvious loop and print its rates."""
    from pyais.stream import IterMessages

    from apps.ships.models import Position
    from apps.ships.partitions import ensure_days

    ensure_days([now.date() - timedelta(days=1), now.date()])
    batch: list[Position] = []
    stored = 0
    started, own, served = time.perf_counter(), time.process_time(), server_seconds(cluster)
    for sentence in IterMessages(lines):
        decoded: Any = sentence.decode()
        if decoded.msg_type not in (1, 18) or sentence.tag_block is None:
            continue
        sentence.tag_block.init()
        heard = int(sentence.tag_block.receiver_timestamp or 0)
        batch.append(
            Position(
                mmsi=decoded.mmsi,
                at=datetime.fromtimestamp(heard, tz=UTC),
                latitude=decoded.lat,
                longitude=decoded.lon,
                sog=decoded.speed,
                cog=decoded.course,
                heading=decoded.heading,
                status=getattr(decoded, "status", None),
                message_type=decoded.msg_type,
            )
        )
        if len(batch) == 1_000:
            stored += len(Position.objects.bulk_create(batch, ignore_conflicts=True))
            batch.clear()
    stored += len(Position.objects.bulk_create(batch, ignore_conflicts=True))
    seconds = time.perf_counter() - started
    rates = Rates(
        len(lines) / seconds, len(lines) / (time.process_time() - own + server_seconds(cluster) - served)
    )
    print(f"peer (pyais and bulk_create), {stored:,} positions of {len(lines):,} sentences:")
    print(f"  {rates}")
    return rates


def server_seconds(cluster: "PostgresCluster") -> float:
    """Return the processor time that the server's processes have used so far, ended ones included (Linux)."""
    pid = (cluster.data / "postmaster.pid").read_text().split("\n", 1)[0]
    ticks = sum(map(int, stat_fields(pid)[11:15]))  # its own, and that of children it has waited for
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        ticks += sum(map(int, stat_fields(child)[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def stat_fields(pid: str) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the third on: proc_pid_stat(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def profile(lines: Sequence[bytes], now: datetime) -> None:
    """Print the functions that a first ingest spends most of its own time in."""
    from apps.ships.ingestion import Ingestion

    profiler = cProfile.Profile()
    ingestion = Ingestion(source="benchmark")
    profiler.enable()
    for index in range(0, len(lines), BATCH_LINES):
        ingestion.take(lines[index : index + BATCH_LINES], received=now, now=now)
    profiler.disable()
    stats: Any = pstats.Stats(profiler)
    total = stats.total_tt
    print(
        f"where a first ingest of {len(lines):,} spends its own time (cProfile slows Python down, not the server):"
    )
    ordered = sorted(stats.stats.items(), key=lambda item: -item[1][2])
    for (file, line, name), (_, calls, own, _, _) in ordered[:14]:
        place = "/".join(Path(file).parts[-2:]) if line else "built in"
        print(f"  {own / total:6.1%} {calls:>9,} calls  {name}  ({place})")
    print()


def rows() -> tuple[Any, ...]:
    """Return counts and everything but the positions themselves, to compare."""
    from apps.ships.models import LatestPosition, Position, RejectedMessage, Vessel

    counts = {
        model.__name__: model._default_manager.count()
        for model in (Vessel, Position, LatestPosition, RejectedMessage)
    }
    return (
        counts,
        list(Vessel.objects.values()),
        list(LatestPosition.objects.values()),
        list(RejectedMessage.objects.values()),
    )


def empty() -> None:
    from monolith import atomic, connection

    with atomic(), connection().cursor() as cursor:
        for table in ("latestposition", "position", "vessel", "rejectedmessage"):
            cursor.execute(f"DELETE FROM ships_{table}")


if __name__ == "__main__":
    sys.exit(main())
