"""Embedded servers after a SIGKILL."""

import os
import signal
import subprocess
import sys

import psycopg

from monolith.embedded import PostgresCluster
from monolith.embedded.processes import Process, find, running
from tests.monolith.embedded_clusters import (
    NewCluster,
    cluster,
    connect,
    new_cluster,
    place,
    postmaster_id,
    read_rows,
    write_row,
)

__all__ = ["cluster", "new_cluster", "place"]


def server_processes(cluster: PostgresCluster) -> list[Process]:
    """Return the server's processes, its first one at the front."""
    first = cluster.postmaster.process
    children = [p for p in running() if p.command.startswith(f"postgres: {cluster.title}: ")]
    return [*([first] if first else []), *children]


def kill(*processes: Process) -> None:
    for process in processes:
        process.signal(signal.SIGKILL)
    for process in processes:
        assert process.ends_within(10)


def test_killing_every_process_loses_no_committed_row(cluster: PostgresCluster) -> None:
    write_row(cluster)
    found = server_processes(cluster)
    assert len(found) > 4
    kill(*found)
    assert not cluster.is_running()
    cluster.start()
    assert read_rows(cluster) == [(42,)]


def test_killing_it_again_and_again_is_recovered_each_time(cluster: PostgresCluster) -> None:
    write_row(cluster)
    for _ in range(4):
        kill(*server_processes(cluster))
        cluster.start()
        assert read_rows(cluster) == [(42,)]


def test_killing_the_first_process_alone_is_recovered(cluster: PostgresCluster) -> None:
    write_row(cluster)
    kill(server_processes(cluster)[0])
    cluster.start()
    assert read_rows(cluster) == [(42,)]


def busy_session(cluster: PostgresCluster) -> "tuple[psycopg.Connection[object], Process]":
    """Return a session that computes without end and so never notices that its server is gone."""
    busy = connect(cluster)
    session = find(busy.info.backend_pid)
    assert session is not None
    busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
    question = "SELECT state FROM pg_stat_activity WHERE pid = %s"
    with connect(cluster) as watcher:
        while watcher.execute(question, [session.id]).fetchone() != ("active",):
            watcher.execute("SELECT pg_stat_clear_snapshot()")
    return busy, session


def test_session_that_outlives_its_server_is_ended_before_the_next_server_starts(
    cluster: PostgresCluster,
) -> None:
    write_row(cluster)
    connection, session = busy_session(cluster)
    kill(server_processes(cluster)[0])
    assert not session.ends_within(0.5), "the session noticed by itself, so this test shows nothing"
    cluster.start()
    assert find(session.id) is None
    assert read_rows(cluster) == [(42,)]
    connection.close()


def test_stop_ends_the_sessions_of_a_server_that_was_killed(cluster: PostgresCluster) -> None:
    connection, session = busy_session(cluster)
    kill(server_processes(cluster)[0])
    assert cluster.stop()
    assert session.ends_within(0)
    connection.close()


def test_process_id_that_went_to_another_server_is_not_taken_for_ours(new_cluster: NewCluster) -> None:
    ours, other = new_cluster("ours/var"), new_cluster("other/var")
    ours.start()
    other.start()
    write_row(ours)
    kept = (ours.data / "postmaster.pid").read_text()
    kill(*server_processes(ours))
    bystander = postmaster_id(other)
    (ours.data / "postmaster.pid").write_text("\n".join([str(bystander), *kept.splitlines()[1:], ""]))
    assert not ours.is_running()
    ours.start()
    assert read_rows(ours) == [(42,)]
    assert postmaster_id(other) == bystander


def test_project_that_is_moved_while_its_server_runs_still_finds_it(new_cluster: NewCluster) -> None:
    before = new_cluster("before/var")
    before.start()
    write_row(before)
    number = postmaster_id(before)
    moved = new_cluster("after/var")
    before.directory.parent.rename(moved.directory.parent)
    moved.start()
    assert postmaster_id(moved) == number
    assert read_rows(moved) == [(42,)]


def test_server_whose_files_were_removed_does_not_live_on_beside_the_new_one(
    cluster: PostgresCluster,
) -> None:
    first = server_processes(cluster)[0]
    subprocess.run(["rm", "-rf", str(cluster.directory)], check=True)
    cluster.start()
    assert first.ends_within(0)
    assert cluster.is_running()


def test_start_that_was_killed_during_initdb_is_made_good(new_cluster: NewCluster) -> None:
    fresh = new_cluster()
    unfinished = fresh.directory / "postgres" / "new-abc" / "data"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    fresh.start()
    write_row(fresh)
    assert not unfinished.exists()


def test_ended_child_that_nobody_waited_for_does_not_count_as_running() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    assert Process(child.pid, "").ends_within(30)
    assert find(child.pid) is None
    os.kill(child.pid, 0)  # though its id is still in the process table
    assert child.wait() == 0


def test_process_that_was_started_this_moment_is_found() -> None:
    for _ in range(200):
        with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as child:
            assert find(child.pid) is not None
