"""Timers: due ones fire within a second, also after a restart, however many wait.

With MONOLITH_WAITING_TIMERS=1000000 in the environment as many as the design promises; fewer otherwise.
"""

import os
import sys
from collections.abc import Iterator

import pytest

from tests.nats_server import nats_server
from tests.system.events_project import EventsProject, events_project
from tests.system.jobs_project import QCluster, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

WAITING = int(os.environ.get("MONOLITH_WAITING_TIMERS", "200000"))
TIMERS = 20

FILL = f"""
INSERT INTO module0.monolith_outbox (id, type, partition_key, environment, envelope, status, due_at)
SELECT gen_random_uuid(), 'module0.Counted', ':later', 'test', '{{}}', 'waiting', now() + interval '1 day' * (1 + random())
FROM generate_series(1, {WAITING})
"""
PUBLISH = f"""
from datetime import UTC, datetime, timedelta
from contracts.module0 import Counted
from monolith.events import cancel, publish, reschedule
with entering("module0"), atomic():
    for number in range({TIMERS}):
        publish(
            Counted(thing=f"thing-{{number}}", number=0),
            deliver_at=datetime.now(UTC) + timedelta(seconds=AFTER + number * 0.1),
        )
    gone = publish(Counted(thing="cancelled", number=0), deliver_at=datetime.now(UTC) + timedelta(seconds=1))
    moved = publish(Counted(thing="moved", number=0), deliver_at=datetime.now(UTC) + timedelta(days=1))
    assert cancel(gone)
    assert reschedule(moved, datetime.now(UTC) + timedelta(seconds=AFTER))
"""


@pytest.fixture(scope="module")
def project() -> Iterator[EventsProject]:
    with events_project() as made:
        yield made


def lateness(project: EventsProject) -> list[float]:
    """Return by how many seconds each timer came late: from its time, which its row carries, to the subscriber's row."""
    rows = project.rows(
        "SELECT extract(epoch FROM seen.at - due.due_at)::float8 FROM module2.seen JOIN due ON due.id = seen.causation::uuid"
    )
    return sorted(late for (late,) in rows)


def test_due_timers_fire_within_a_second_while_many_wait(project: EventsProject) -> None:
    project.execute(FILL)
    project.execute("ANALYZE module0.monolith_outbox")
    project.execute("CREATE TABLE due AS SELECT id, due_at FROM module0.monolith_outbox WHERE false")
    with nats_server(project.project.path) as server:
        environ = {"MONOLITH_BROKER_URL": server.url, "MONOLITH_ENVIRONMENT": "test"}
        with QCluster(project, "--workers", "2", **environ):
            project.enqueue(PUBLISH.replace("AFTER", "4"), **environ)
            project.execute(
                "INSERT INTO due SELECT id, due_at FROM module0.monolith_outbox WHERE partition_key <> ':later'"
            )
            wait_until(lambda: len(lateness(project)) == TIMERS + 1, "all timers fired", 30)
        late = lateness(project)
        sys.stdout.write(
            f"\n{WAITING} wait; {len(late)} fired, {late[0]:.3f} to {late[-1]:.3f} s after their time\n"
        )
        assert late[0] >= 0
        assert late[-1] < 1.0
        assert project.rows("SELECT count(*) FROM module2.seen WHERE thing = 'cancelled'") == [(0,)]
        # Those that came due while nothing ran fire when something does.
        project.enqueue(PUBLISH.replace("AFTER", "0"), **environ)
        with QCluster(project, "--workers", "2", **environ):
            wait_until(
                lambda: project.rows("SELECT count(*) FROM module2.seen") == [(2 * (TIMERS + 1),)],
                "the late ones fired",
                30,
            )
        assert project.rows(
            f"SELECT count(*) = {WAITING} FROM module0.monolith_outbox WHERE status = 'waiting'"
        ) == [(True,)]
