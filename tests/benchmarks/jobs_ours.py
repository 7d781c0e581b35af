"""Our contestant: a project with generated modules, one of which has the job, and a process that is that module."""

import sys
from pathlib import Path
from typing import Final

from tests.benchmarks.jobs_race import Contestant
from tests.generated_project import ROOT, GeneratedProject

MODULE: Final = "module0"
DATABASE: Final = "fastmonolith"

TASKS: Final = """\
from monolith import connection
from monolith.jobs import task

@task(time_limit_s=30)
def insert(number: int) -> None:
    with connection().cursor() as cursor:
        cursor.execute("INSERT INTO effect (number) VALUES (%s)", [number])
"""

FILL: Final = f'''\
import sys
import django

django.setup()
from monolith import atomic, entering
from modules.{MODULE}.tasks import insert

with entering("{MODULE}"), atomic():
    for number in range(int(sys.argv[1])):
        insert.enqueue(number)
'''

EFFECT: Final = (
    'migrations.RunSQL("CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, '
    'number integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())")'
)


def project(place: Path, modules: int) -> GeneratedProject:
    """Write the project; its server's data directory is `place/var`."""
    made = GeneratedProject(place, [f"module{number}" for number in range(modules)]).write()
    made.add_migration(MODULE, "0003_effect", operations=EFFECT)
    (place / "modules" / MODULE / "tasks.py").write_text(TASKS, encoding="utf-8")
    (place / "modules" / MODULE / "fill.py").write_text(FILL, encoding="utf-8")
    return made


def migrate(made: GeneratedProject) -> None:
    for command in (["provision"], ["migrate_schemas"]):
        code, output = made.manage(*command)
        if code:
            raise SystemExit(output)


def contestant(place: Path, workers: int) -> Contestant:
    """Return ours: `manage.py qcluster` with the private tier's settings."""
    return Contestant(
        name="FastMonolith",
        database=DATABASE,
        schema=MODULE,
        queue=("monolith_job",),
        guess=1500,
        fill=[sys.executable, "-m", f"modules.{MODULE}.fill"],
        # Only one module has jobs here; left to itself it would get half of the workers.
        work=[
            sys.executable,
            "manage.py",
            "qcluster",
            *("--workers", str(workers), "--per-module", str(workers)),
        ],
        environ={"DJANGO_SETTINGS_MODULE": "settings.private"},
        cwd=place,
    )


__all__ = ["DATABASE", "MODULE", "ROOT", "contestant", "migrate", "project"]
