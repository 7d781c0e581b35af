"""Runs `manage.py verify` on many small projects: one process that has imported everything, and forks for each.

Reads a project's directory from each line of standard input, leaves output.json there and answers with the exit code.
"""

import os
import sys
from pathlib import Path

import monolith.verification.report  # noqa: F401 (before the fork, once for all)
from monolith.commands import execute

ARGUMENTS = ["manage.py", "verify", "--no-database", "--json"]


def verify(directory: Path) -> int:
    """Run the command in a child; returns its exit code."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        os.chdir(directory)
        sys.path.insert(0, str(directory))
        sys.argv = [str(directory / "manage.py")]
        with (directory / "output.json").open("w") as sys.stdout:
            execute(ARGUMENTS, project=directory)
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        os._exit(code)


if __name__ == "__main__":
    answers = sys.stdout
    for line in sys.stdin:
        answers.write(f"{verify(Path(line.strip()))}\n")
        answers.flush()
