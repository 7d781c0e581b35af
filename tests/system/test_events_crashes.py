"""A process that ends at each step of a message's way: whatever it was doing, the end is the same.

Each step is done by a process of its own that ends with os._exit() in the middle, as SIGKILL would end it; then a cluster
runs in peace.
"""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.nats_server import nats_server
from tests.system.events_project import READERS, EventsProject, events_project
from tests.system.jobs_project import QCluster, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

CRASHED = 9
NUMBERS = 5

PUBLISH = f"""
from contracts.module0 import Counted
from monolith.events import publish
with entering("module0"), atomic():
    for number in range({NUMBERS}):
        publish(Counted(thing="thing", number=number))
"""
RELAY = """
from monolith.events import outbox
from monolith.events.brokers import broker
from monolith.events.registry import consumers
from monolith.events.relay import relay_once
broker().converge(consumers())
with entering("module0"):
    relay_once(broker())
"""
CONSUME = """
from monolith.events import inbox
from monolith.events.brokers import broker
with entering("module2"):
    reader = broker().reader("module2")
    since = inbox.begin(reader.stream)
    reader.start_after(since)
    found = reader.fetch(limit=100, wait_s=5)
    inbox.keep("module2", reader.stream, since, found)
    {then}
    reader.acknowledge(found[-1].position)
    broker().close()
"""
WORK = """
from monolith.jobs import records, registry
from monolith.jobs.runner import Attempt, run
with entering("module2"):
    (job, *_) = [each for each in records.claim("module2", limit=100, heavy=False) if each.ordered]
    task = registry.find(job.task)
    records.start(job, lease_s=1, worker="killed")
    {before}
    run(Attempt(job, task, "killed"))
"""


@pytest.fixture(scope="module")
def project() -> Iterator[EventsProject]:
    with events_project() as made:
        yield made


@pytest.fixture
def environ(project: EventsProject) -> Iterator[dict[str, str]]:
    for name in project.names:
        project.execute(
            f"TRUNCATE {name}.seen, {name}.monolith_job, {name}.monolith_outbox, {name}.monolith_position"
            " RESTART IDENTITY"
        )
    with nats_server(project.project.path) as server:
        yield {"MONOLITH_BROKER_URL": server.url, "MONOLITH_ENVIRONMENT": "test"}


def crash(project: EventsProject, environ: dict[str, str], code: str) -> None:
    """Run Python in the private tier, and expect it to end in the middle."""
    assert run(project, environ, f"import os\n{code}") == CRASHED


def run(project: EventsProject, environ: dict[str, str], code: str) -> int:
    prelude = "import django; django.setup()\nfrom monolith import atomic, entering\n"
    return subprocess.run(
        [sys.executable, "-c", prelude + code],
        cwd=project.project.path,
        env=project.project.environ | {"DJANGO_SETTINGS_MODULE": "settings.private"} | environ,
        timeout=60,
        check=False,
    ).returncode


def seen(project: EventsProject) -> list[list[tuple[int]]]:
    """Return the numbers that each subscriber has seen, in that order."""
    sql = "SELECT number FROM {}.seen WHERE source = 'module0' ORDER BY id"
    return [project.rows(sql.format(reader)) for reader in READERS]


def end_in_peace(project: EventsProject, environ: dict[str, str], published: int = NUMBERS) -> None:
    """Let a cluster do what is left; then each subscriber has seen each number once, in order."""
    wanted = [(number,) for number in range(published)]
    with QCluster(project, "--workers", "2", **environ) as cluster:
        wait_until(lambda: all(len(each) >= published for each in seen(project)), "both have seen all", 30)
        wait_until(lambda: project.settle() == (0, 0), "all is quiet", 30)
        cluster.stop()
    assert seen(project) == [wanted, wanted]


def test_before_the_publisher_commits_nothing_was_said(
    project: EventsProject, environ: dict[str, str]
) -> None:
    crash(project, environ, PUBLISH + "    os._exit(9)\n")
    assert project.settle() == (0, 0)
    end_in_peace(project, environ, published=0)


def test_after_the_publisher_committed_everything_was_said(
    project: EventsProject, environ: dict[str, str]
) -> None:
    crash(project, environ, PUBLISH + "os._exit(9)\n")
    assert project.settle() == (NUMBERS, 0)
    end_in_peace(project, environ)


def test_after_the_broker_confirmed_and_before_the_outbox_forgets(
    project: EventsProject, environ: dict[str, str]
) -> None:
    assert run(project, environ, PUBLISH) == 0
    crash(
        project, environ, RELAY.replace("broker().conv", "outbox.sent = lambda _: os._exit(9)\nbroker().conv")
    )
    assert project.settle() == (NUMBERS, 0)  # the broker has them, the outbox still has them
    end_in_peace(project, environ)


def test_after_the_inbox_kept_it_and_before_the_broker_was_told(
    project: EventsProject, environ: dict[str, str]
) -> None:
    assert run(project, environ, PUBLISH + RELAY) == 0
    crash(project, environ, CONSUME.format(then="os._exit(9)"))
    assert project.settle() == (0, NUMBERS)
    end_in_peace(project, environ)


def test_before_the_inbox_transaction_commits(project: EventsProject, environ: dict[str, str]) -> None:
    assert run(project, environ, PUBLISH + RELAY) == 0
    die = "from monolith.events import inbox\nwrite = inbox.fetch_each\n"
    die += "inbox.fetch_each = lambda *given: (write(*given), os._exit(9))\n"
    crash(project, environ, die + CONSUME.format(then=""))
    assert project.settle() == (0, 0)
    end_in_peace(project, environ)


def test_in_the_middle_of_the_handler(project: EventsProject, environ: dict[str, str]) -> None:
    assert run(project, environ, PUBLISH + RELAY + CONSUME.format(then="")) == 0
    die = "from modules.module2 import subscribers\n    see = subscribers.see\n"
    die += "    subscribers.see = lambda *given: (see(*given), os._exit(9))"
    crash(project, environ, WORK.format(before=die))
    end_in_peace(project, environ)


def test_after_the_handler_ran_and_before_its_end_commits(
    project: EventsProject, environ: dict[str, str]
) -> None:
    assert run(project, environ, PUBLISH + RELAY + CONSUME.format(then="")) == 0
    die = "write = records.fetch_each\n    records.fetch_each = lambda *given: (write(*given), os._exit(9))"
    crash(project, environ, WORK.format(before=die))
    end_in_peace(project, environ)


def test_after_the_handler_committed(project: EventsProject, environ: dict[str, str]) -> None:
    assert run(project, environ, PUBLISH + RELAY + CONSUME.format(then="")) == 0
    crash(project, environ, WORK.format(before="pass") + "os._exit(9)\n")
    assert project.rows("SELECT count(*) FROM module2.seen") == [(1,)]
    end_in_peace(project, environ)
