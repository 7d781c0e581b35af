"""The pytest plugin: one embedded PostgreSQL per run, provisioned and migrated as anywhere else.

Load it early (`addopts = "-p monolith.testing.plugin"`): it puts the data directory into the environment before
settings are read. Workers of pytest-xdist get a clone of the migrated database each.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

from monolith.environment import CONTRACT_KEYS_PREFIX, MODULE_URL_PREFIX, REMOTE_PREFIX

_REPLACED: Final = (
    "DATABASE_URL",
    "PGPASSFILE",
    "MONOLITH_ADMIN_URL",
    "MONOLITH_BROKER_CREDENTIALS",
    "MONOLITH_BROKER_URL",
    "MONOLITH_ENVIRONMENT",
    "MONOLITH_MODULES",
    "MONOLITH_SECRET_KEY",
)
_REPLACED_PREFIXES: Final = (MODULE_URL_PREFIX, REMOTE_PREFIX, CONTRACT_KEYS_PREFIX)
_NO_DATABASE_OPTIONS: Final = frozenset(
    {"--help", "-h", "--version", "--collect-only", "--co", "--markers", "--fixtures"}
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--place-remotely",
        default="",
        metavar="MODULES",
        help="serve these modules, separated by commas, and those that they call by processes of their own; contract "
        "calls to them go there by HTTP, and tests that use the database commit",
    )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for name in [name for name in os.environ if name in _REPLACED or name.startswith(_REPLACED_PREFIXES)]:
            del os.environ[name]
        directory = tempfile.mkdtemp(prefix="monolith-tests-")
        os.environ["MONOLITH_DATA_DIR"] = directory
        early_config.add_cleanup(lambda: _remove(Path(directory)))
        if not _NO_DATABASE_OPTIONS & set(args):
            _manage(early_config.rootpath, "provision")
            _manage(early_config.rootpath, "migrate_schemas")
    yield


def _manage(project: Path, command: str) -> None:
    result = subprocess.run(
        [sys.executable, str(project / "manage.py"), command],
        cwd=project,
        env={key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if result.returncode:
        raise pytest.UsageError(f"manage.py {command} failed:\n{result.stdout}\n{result.stderr}")


def _remove(directory: Path) -> None:
    from monolith.embedded import erase

    erase(directory)  # for root its files may be elsewhere, where nothing else removes them
    shutil.rmtree(directory, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    # Registered late on purpose: the last plugin's fixture of a name wins, and pytest-django has these too.
    from monolith.testing import database, events, jobs

    config.pluginmanager.register(database, "monolith-database")
    config.pluginmanager.register(jobs, "monolith-jobs")
    config.pluginmanager.register(events, "monolith-events")
    if config.getoption("--place-remotely"):
        from monolith.testing import placement

        config.pluginmanager.register(placement, "monolith-placement")
