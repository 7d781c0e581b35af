"""Events while processes and brokers are killed: every effect once, nothing lost, the order of each key kept.

With MONOLITH_CHAOS_EVENTS=100000 in the environment as many as the design promises; a thousand otherwise. What is
checked is read from the subscribers' own tables, by the database's superuser.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tests.nats_server import NatsServer, nats_server
from tests.system.events_project import (
    PUBLISHERS,
    READERS,
    EventsProject,
    events_project,
)
from tests.system.jobs_project import QCluster, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

EVENTS = int(os.environ.get("MONOLITH_CHAOS_EVENTS", "1000"))
KEYS = int(os.environ.get("MONOLITH_CHAOS_KEYS", "50"))
CLUSTERS = 4
PACE_S = 2.0  # between two kills


@pytest.fixture(scope="module")
def project() -> Iterator[EventsProject]:
    with events_project() as made:
        yield made


@pytest.fixture
def nats(project: EventsProject) -> Iterator[NatsServer]:
    with nats_server(project.project.path) as server:
        yield server


class Fire(threading.Thread):
    """Runs clusters, kills a random process of a random one again and again, and sees that each is there again."""

    def __init__(self, project: EventsProject, environ: dict[str, str], broker: NatsServer | None) -> None:
        super().__init__(daemon=True)
        self.project = project
        self.environ = environ
        self.broker = broker
        self.random = random.Random(7)
        self.ended = threading.Event()
        self.kills: dict[str, int] = {"process": 0, "cluster": 0, "broker": 0}
        self.clusters = [self._cluster() for _ in range(CLUSTERS)]

    def _cluster(self) -> QCluster:
        return QCluster(self.project, "--workers", "1", **self.environ)

    def run(self) -> None:
        choices = ["process"] * 6 + ["cluster"] + ["broker"] * (self.broker is not None)
        first = ["broker", "process"] if self.broker else ["process"]  # in any case, and then at random
        while not self.ended.wait(PACE_S * self.random.uniform(0.5, 1.5)):
            what = first.pop() if first else self.random.choice(choices)
            self.kills[what] += 1
            if what == "broker":
                self._kill_broker()
            else:
                self._kill_one(whole=what == "cluster")

    def _kill_broker(self) -> None:
        assert self.broker is not None
        self.broker.kill()
        time.sleep(self.random.uniform(0.0, 1.0))
        self.broker.start()

    def _kill_one(self, *, whole: bool) -> None:
        index = self.random.randrange(CLUSTERS)
        cluster = self.clusters[index]
        processes = cluster.processes()
        if whole or not processes or cluster.process.poll() is not None:
            cluster.kill()
            self.clusters[index] = self._cluster()
        else:
            kill(self.random.choice(processes))

    def stop(self) -> None:
        self.ended.set()
        if self.is_alive():
            self.join(60)


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def count_things(project: EventsProject, environ: dict[str, str]) -> None:
    """Publish EVENTS events of KEYS things, half of them by each of the two modules at the same time."""
    per_thing = EVENTS // KEYS
    threads = [
        threading.Thread(
            target=project.enqueue,
            args=(
                f"with entering({name!r}): tasks({name!r}).count.func({KEYS // 2}, {per_thing}, chain={name == 'module0'})",
            ),
            kwargs=environ,
        )
        for name in PUBLISHERS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def expected() -> int:
    """Return how many deliveries there are to be: module2 gets all, module3 one half and what module2 passes on."""
    return EVENTS + EVENTS // 2 * 2


def seen(project: EventsProject) -> int:
    return sum(count for name in READERS for (count,) in project.rows(f"SELECT count(*) FROM {name}.seen"))


def check(project: EventsProject) -> None:
    """Every number of every thing once, in order, and each message caused by the one that it should be."""
    wanted = sorted((f"thing-{thing}", EVENTS // KEYS) for thing in range(KEYS // 2))
    for reader, sources in (("module2", ("module0", "module1")), ("module3", ("module0", "module2"))):
        for source in sources:
            found = project.rows(
                f"SELECT thing, count(*) FROM {reader}.seen WHERE source = '{source}' GROUP BY thing"
            )
            assert sorted(found) == wanted, (reader, source)
            breaks = project.rows(
                "SELECT thing, number, place FROM (SELECT thing, number, row_number() OVER"
                f" (PARTITION BY thing ORDER BY id) - 1 AS place FROM {reader}.seen WHERE source = '{source}') AS in_order"
                " WHERE number <> place"
            )
            assert breaks == [], (reader, source)
    # Passed on under the same correlation, and caused by the very message that was passed on.
    assert project.rows(
        "SELECT count(*) FROM module3.seen AS late JOIN module2.seen AS early USING (thing, number)"
        " JOIN module3.monolith_job AS job ON job.message_id = late.causation::uuid"
        " WHERE late.source = 'module2' AND early.source = 'module0' AND late.correlation = early.correlation"
        " AND job.arguments -> 'args' -> 0 ->> 'causationid' = early.causation"
    ) == [(EVENTS // 2,)]
    assert project.each("SELECT count(*) FROM {m}.monolith_outbox") == [(0,)] * 4
    states = project.each(
        "SELECT DISTINCT status, leased_until IS NULL FROM {m}.monolith_job WHERE message_id IS NOT NULL"
    )
    assert set(states) == {("succeeded", True)}


def run_under_fire(project: EventsProject, environ: dict[str, str], broker: NatsServer | None) -> None:
    for name in project.names:
        tables = ("seen", "monolith_job", "monolith_outbox", "monolith_position")
        project.execute(f"TRUNCATE {', '.join(f'{name}.{table}' for table in tables)} RESTART IDENTITY")
    fire = Fire(project, environ, broker)
    started = time.monotonic()
    try:
        fire.start()
        count_things(project, environ)
        published_s = time.monotonic() - started
        wait_until(lambda: seen(project) > expected() / 3, "a third is there", 120 + EVENTS / 20)
        project.cluster.stop()
        project.cluster.start()
        wait_until(lambda: seen(project) > expected() * 0.9, "most are there", 120 + EVENTS / 20)
        fire.stop()
        wait_until(lambda: seen(project) == expected(), "all are there", 120 + EVENTS / 50)
        wait_until(lambda: project.settle() == (0, 0), "all is quiet", 30)
        sys.stdout.write(
            f"\n{EVENTS} events, {expected()} deliveries, published in {published_s:.0f} s, all seen after "
            f"{time.monotonic() - started:.0f} s, killed: {fire.kills}\n"
        )
        assert fire.kills["process"]
        assert fire.kills["broker"] or broker is None
    finally:
        fire.stop()
        for cluster in fire.clusters:
            cluster.kill()
    check(project)


def test_every_event_has_its_effect_once_and_in_order_whatever_is_killed(
    project: EventsProject, nats: NatsServer
) -> None:
    environ = {"MONOLITH_BROKER_URL": nats.url, "MONOLITH_ENVIRONMENT": "test"}
    run_under_fire(project, environ, nats)


def test_the_same_holds_when_postgresql_is_the_broker(project: EventsProject) -> None:
    environ = {"MONOLITH_BROKER_URL": project.cluster.url(), "MONOLITH_ENVIRONMENT": "test"}
    run_under_fire(project, environ, None)
