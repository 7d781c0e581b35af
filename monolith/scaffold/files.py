"""Writing several files so that either all of them are there or none."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_all(project: Path, *, new: Mapping[str, str], changed: Mapping[str, str]) -> None:
    """Make the `new` files, then put the `changed` ones in the place of what is there.

    When something fails, all that was made is removed again and the error is raised.
    """
    made: list[Path] = []
    try:
        for name, text in new.items():
            _make(project / name, text, made)
        for name, text in changed.items():
            _replace(project / name, text)
    except BaseException:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink()
        raise


def _make(path: Path, text: str, made: list[Path]) -> None:
    for folder in reversed([folder for folder in path.parents if not folder.exists()]):
        folder.mkdir()
        made.append(folder)
    with path.open("x", encoding="utf-8") as file:
        made.append(path)
        file.write(text)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    written = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        written.chmod(path.stat().st_mode)
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
