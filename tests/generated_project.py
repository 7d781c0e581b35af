"""A whole project with generated modules, on an embedded server of its own, for tests of the framework alone."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from monolith.embedded import PostgresCluster, erase
from monolith.embedded.postgres import DATABASE
from tests.environment import outer_environment

ROOT: Final = Path(__file__).resolve().parents[1]

MANAGE: Final = """\
import sys
from pathlib import Path
from monolith.commands import execute
execute(sys.argv, project=Path(__file__).resolve().parent)
"""

SETTINGS: Final = """\
import os
from pathlib import Path
from monolith import Module, Profile, PublicRelation, Tier, compose
from monolith.embedded import environ
MODULES = [
    Module(name=name, tier=Tier.BOTH, app=f"modules.{{name}}", public_relations=(PublicRelation(name=f"{{name}}_item"),))
    for name in {names}
]
profile = Profile.{profile}
globals().update(compose(profile, MODULES, environ(profile, os.environ, Path(__file__).resolve().parents[1])).settings())
BASE_DIR = Path(__file__).resolve().parents[1]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""

MODELS: Final = """\
from django.db import models

class Item(models.Model):
    title = models.CharField(max_length=100)
    note = models.TextField(blank=True)
    class Meta:
        app_label = "{name}"

class Part(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="parts")
    weight = models.IntegerField(default=0)
    class Meta:
        app_label = "{name}"
"""

INITIAL: Final = """\
from django.db import migrations, models

class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel("Item", [
            ("id", models.BigAutoField(primary_key=True)), ("title", models.CharField(max_length=100)),
        ]),
        migrations.CreateModel("Part", [
            ("id", models.BigAutoField(primary_key=True)),
            ("item", models.ForeignKey("{name}.Item", on_delete=models.CASCADE, related_name="parts")),
            ("weight", models.IntegerField(default=0)),
        ]),
    ]
"""

SECOND: Final = """\
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("{name}", "0001_initial")]
    operations = [migrations.AddField("Item", "note", models.TextField(blank=True, default=""))]
"""

MIGRATION: Final = """\
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [{dependencies}]
    operations = [{operations}]
"""


@dataclass(frozen=True)
class GeneratedProject:
    """A project directory; its data directory is `var` inside it."""

    path: Path
    names: Sequence[str]

    def write(self) -> "GeneratedProject":
        files = {"manage.py": MANAGE, "modules/__init__.py": "", "settings/__init__.py": ""}
        for profile in ("PUBLIC", "PRIVATE", "MIGRATOR"):
            files[f"settings/{profile.lower()}.py"] = SETTINGS.format(names=list(self.names), profile=profile)
        for name in self.names:
            base = f"modules/{name}"
            files |= {
                f"{base}/__init__.py": "",
                f"{base}/models.py": MODELS.format(name=name),
                f"{base}/migrations/__init__.py": "",
                f"{base}/migrations/0001_initial.py": INITIAL.format(name=name),
                f"{base}/migrations/0002_note.py": SECOND.format(name=name),
            }
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return self

    def add_migration(self, module: str, name: str, *, operations: str, after: str = "0002_note") -> None:
        text = MIGRATION.format(dependencies=f"({module!r}, {after!r})", operations=operations)
        (self.path / "modules" / module / "migrations" / f"{name}.py").write_text(text, encoding="utf-8")

    @property
    def environ(self) -> dict[str, str]:
        return outer_environment() | {"PYTHONPATH": f"{self.path}{os.pathsep}{ROOT}"}

    def start(self, *arguments: str, **extra: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=self.path,
            env=self.environ | extra,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def manage(self, *arguments: str, **extra: str) -> tuple[int, str]:
        """Run a command to its end; returns its exit code and everything it printed."""
        process = self.start(*arguments, **extra)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def admin(self, database: str = DATABASE) -> psycopg.Connection[Any]:
        cluster = PostgresCluster(self.path / "var")
        return psycopg.connect(
            cluster.admin_url, dbname=database, passfile=str(cluster.passfile("admin")), autocommit=True
        )

    def stop(self) -> None:
        erase(self.path / "var")
