"""A project of small modules that tell each other of counted things."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from monolith.embedded import erase
from tests.system.jobs_project import JobsProject

PUBLISHERS: Final = ("module0", "module1")
READERS: Final = ("module2", "module3")

CONTRACT: Final = '''\
"""What {name} tells."""

from monolith.contracts import Event


class Counted(Event, key="thing"):
    """A thing was counted."""

    thing: str
    number: int
    chain: bool = False


class Passed(Event, key="thing", external={external}):
    """A count was passed on."""

    thing: str
    number: int
'''

SEEN: Final = (
    'migrations.RunSQL("CREATE TABLE seen (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source text NOT NULL,'
    " thing text NOT NULL, number integer NOT NULL, correlation text NOT NULL, causation text NOT NULL,"
    ' at timestamptz NOT NULL DEFAULT clock_timestamp(), published timestamptz)")'
)

READER: Final = """\
import os
from datetime import datetime
from contracts.module0 import Counted as First
from contracts.module1 import Counted as Second
{more}
from monolith import connection
from monolith.contracts.scope import call_scope
from monolith.events import publish, subscriber
from monolith.jobs import Retry

QUICK = Retry(attempts=50, first_s=0.05, max_s=0.2)


def see(source, event):
    scope = call_scope()
    with connection().cursor() as cursor:
        cursor.execute(
            "INSERT INTO seen (source, thing, number, correlation, causation) VALUES (%s, %s, %s, %s, %s)",
            [source, event.thing, event.number, scope.correlation, scope.causation],
        )


"""
MODULE2: Final = """\
@subscriber(retry=QUICK, time_limit_s=10)
def first(event: First) -> None:
    see("module0", event)
    if event.chain:
        publish(Passed(thing=event.thing, number=event.number))


@subscriber(retry=QUICK, time_limit_s=10)
def second(event: Second) -> None:
    see("module1", event)
"""
MODULE3: Final = """\
@subscriber(retry=QUICK, time_limit_s=10)
def first(event: First) -> None:
    see("module0", event)


@subscriber(retry=QUICK, time_limit_s=10)
def passed(event: Passed) -> None:
    see("module2", event)
"""
TASKS: Final = '''\
import time

from contracts.{name} import Counted
from monolith import atomic, connection
from monolith.events import publish_all
from monolith.jobs import task


@task(time_limit_s=600, transaction=False)
def count(things, per_thing, chain=False, batch=50):
    """Publish per_thing numbers for each thing, many transactions, things interleaved."""
    for number in range(per_thing):
        for begin in range(0, things, batch):
            with atomic():
                publish_all(
                    [
                        Counted(thing=f"thing-{thing}", number=number, chain=chain)
                        for thing in range(begin, min(begin + batch, things))
                    ]
                )
'''


class EventsProject(JobsProject):
    """Two modules that count, one that passes on, two that see."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 4, tasks="")
        (path / "contracts").mkdir()
        (path / "contracts" / "__init__.py").touch()
        for name in self.names:
            external = name != "module2"
            (path / "contracts" / f"{name}.py").write_text(CONTRACT.format(name=name, external=external))
            (path / "modules" / name / "tasks.py").write_text(TASKS.replace("{name}", name))
            self.project.add_migration(name, "0004_seen", operations=SEEN, after="0003_effect")
        passed = "from contracts.module2 import Passed"
        (path / "modules/module2/subscribers.py").write_text(READER.replace("{more}", passed) + MODULE2)
        (path / "modules/module3/subscribers.py").write_text(READER.replace("{more}", passed) + MODULE3)

    def settle(self) -> tuple[int, int]:
        """Return how many messages wait in outboxes, and how many deliveries have not ended."""
        waiting = self.each("SELECT count(*) FROM {m}.monolith_outbox")
        open_ = self.each(
            "SELECT count(*) FROM {m}.monolith_job WHERE message_id IS NOT NULL AND finished_at IS NULL"
        )
        return sum(n for (n,) in waiting), sum(n for (n,) in open_)


@contextmanager
def events_project() -> Iterator[EventsProject]:
    """Give a block a migrated project with its database server, and remove both."""
    place = Path(tempfile.mkdtemp(prefix="monolith-events-"))
    project = EventsProject(place)
    try:
        project.migrate()
        yield project
    finally:
        erase(project.cluster.directory)
        shutil.rmtree(place)
