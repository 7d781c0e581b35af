"""`manage.py verify` as people run it: whole processes, start included, without a database.

uv run python tests/benchmarks/verification.py [--modules 100] [--times 5]

The fastest of several runs counts, because what else a machine does only ever adds; the processor time of that run is
shown beside it.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from monolith.module import Tier
from monolith.scaffold.new_module import NewModule, files
from tests.environment import outer_environment

ROOT: Final = Path(__file__).resolve().parents[2]
REFERENCE_S: Final = 2.0
GENERATED_S: Final = 10.0

SETTINGS: Final = """\
import os
from pathlib import Path

from monolith import Profile, compose
from settings.modules import MODULES

globals().update(compose(Profile.MIGRATOR, MODULES, os.environ).settings())
BASE_DIR = Path(__file__).resolve().parent.parent
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""


def generate(directory: Path, count: int) -> None:
    """Make a project of modules as `startmodule` makes them."""
    names = [f"module{number:03}" for number in range(count)]
    made = {
        "manage.py": (ROOT / "manage.py").read_text(),
        "apps/__init__.py": "",
        "contracts/__init__.py": "",
        "settings/__init__.py": "",
        "settings/migrator.py": SETTINGS,
        "settings/modules.py": "\n".join(
            [
                *(f"from apps.{name}.module import module as {name}" for name in names),
                f"MODULES = [{', '.join(names)}]\n",
            ]
        ),
    }
    for name in names:
        made |= files(NewModule(name=name, tier=Tier.BOTH))
    for path, text in made.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def run(directory: Path) -> tuple[float, float]:
    """Verify once; returns seconds of wall and of processor time."""
    environ = outer_environment() | {"PYTHONPATH": f"{directory}{os.pathsep}{ROOT}"}
    command = [sys.executable, str(directory / "manage.py"), "verify", "--no-database"]
    started = time.perf_counter()
    process = os.posix_spawn(
        sys.executable, command, environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    )
    _, status, used = os.wait4(process, 0)
    taken = time.perf_counter() - started
    if code := os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    return taken, used.ru_utime + used.ru_stime


def report(what: str, directory: Path, promised_s: float, times: int) -> None:
    run(directory)  # writes bytecode, as any earlier run has
    wall, processor = min(run(directory) for _ in range(times))
    verdict = "holds" if wall <= promised_s else "does NOT hold"
    print(f"{what:28} {wall:6.2f} s (processor {processor:.2f} s)   promised {promised_s:g} s: {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--modules", type=int, default=100)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    report("reference application", ROOT, REFERENCE_S, options.times)
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory), options.modules)
        report(f"{options.modules} generated modules", Path(directory), GENERATED_S, options.times)


if __name__ == "__main__":
    main()
