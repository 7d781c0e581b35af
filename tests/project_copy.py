"""This project once more, for tests that change it: as a fresh clone of it would be."""

import os
import shutil
from pathlib import Path
from typing import Final

from tests.environment import outer_environment

ROOT: Final = Path(__file__).resolve().parents[1]
_LEFT_OUT: Final = shutil.ignore_patterns(
    ".git", ".venv", "var", "dist", "build", "staticfiles", "__pycache__", ".*_cache", ".hypothesis"
)


def copy_project(target: Path) -> Path:
    """Copy what a clone has to `target`, with the virtual environment of this run; returns `target`."""
    shutil.copytree(ROOT, target, ignore=_LEFT_OUT)
    if (ROOT / ".venv").exists():
        (target / ".venv").symlink_to((ROOT / ".venv").resolve())
    return target


def copy_environ(**more: str) -> dict[str, str]:
    """Return an environment for processes of the copy: nothing of this run's servers."""
    left_out = ("PYTEST_", "PYTHONPATH", "COVERAGE")
    ours = {name: value for name, value in outer_environment().items() if not name.startswith(left_out)}
    return (
        ours
        | {"PYTHONDONTWRITEBYTECODE": "1", "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{ours['PATH']}"}
        | more
    )
