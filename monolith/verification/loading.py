"""A project that does not load is a finding too, and what can be said without loading it is said all the same."""

import traceback
from pathlib import Path
from typing import Final

import monolith
from monolith.errors import CompositionError
from monolith.module import PLATFORM
from monolith.verification.system import System
from monolith.verification.violation import Code, Place, Violation

_FRAMEWORK: Final = Path(monolith.__file__).parent


def composition_failures(error: CompositionError) -> list[Violation]:
    """Return one violation for each reason why the modules cannot be composed."""
    return [
        Violation(
            place=Place(),
            code=Code.LOADING_COMPOSITION,
            module=PLATFORM,
            message=message or problem,
            fix=fix if message else "correct the declaration or the environment",
        )
        for problem in error.problems
        for message, _, fix in [problem.rpartition("; ")]
    ]


def failure(system: System, error: Exception) -> Violation:
    """Return one violation for what importing code of the project raised."""
    place = _place(system.project, error)
    return Violation(
        place=place,
        code=Code.LOADING_IMPORT,
        module=system.module_at(place.path),
        message=f"cannot be imported: {type(error).__name__}: {error}".replace(f"{system.project}/", ""),
        fix="correct it and look again: what needs it loaded was left out",
    )


def _place(project: Path, error: Exception) -> Place:
    """Return the innermost line of the project's own code that the error came from."""
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno or 0))
    for filename, line in reversed(frames):
        file = Path(filename)
        is_ours = file.is_relative_to(project) and "site-packages" not in file.parts
        if is_ours and not file.is_relative_to(_FRAMEWORK):
            return Place(file.relative_to(project).as_posix(), line)
    return Place()
