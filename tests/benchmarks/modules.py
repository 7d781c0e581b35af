"""Many modules: composing a process, and migrating thirty schemas from empty and again.

uv run python tests/benchmarks/modules.py [--modules 30]
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from monolith import Module, Profile, Tier, compose
from tests.generated_project import GeneratedProject

COMPOSE_S: Final = 0.05
EMPTY_S: Final = 60.0
AGAIN_S: Final = 5.0


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def report(what: str, taken: float, promised: float) -> None:
    print(
        f"{what:40} {taken:8.3f} s   promised {promised:g} s: {'holds' if taken <= promised else 'does NOT hold'}"
    )


def migrate(project: GeneratedProject) -> None:
    code, output = project.manage("migrate_schemas", "--parallel")
    if code:
        raise SystemExit(output)


def main(count: int) -> None:
    names = [f"module{number:02}" for number in range(count)]
    modules = [Module(name=name, tier=Tier.BOTH) for name in names]
    report(
        f"compose, {count} modules",
        max(
            seconds(lambda: compose(Profile.PRIVATE, modules, {"MONOLITH_SECRET_KEY": "k"}))
            for _ in range(20)
        ),
        COMPOSE_S,
    )
    with tempfile.TemporaryDirectory() as directory:
        project = GeneratedProject(Path(directory), names).write()
        try:
            print(f"{'provision':40} {seconds(lambda: project.manage('provision')):8.3f} s")
            report("migrate_schemas --parallel from empty", seconds(lambda: migrate(project)), EMPTY_S)
            report("migrate_schemas --parallel again", seconds(lambda: migrate(project)), AGAIN_S)
        finally:
            project.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--modules", type=int, default=30)
    main(parser.parse_args().modules)
