"""Whatever is killed: the system comes back by itself, leaves no process and loses no row."""

import os
import re
import shutil
import signal
import socket
import tempfile
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from monolith.embedded import erase
from monolith.serving.exit_codes import PORT_TAKEN
from tests.system.running_up import Up, children, wait_until, wait_until_gone

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A data directory that was up once; its path has a space."""
    place = Path(tempfile.mkdtemp(prefix="monolith up "))
    try:
        with Up(place) as up:
            up.wait_until_ready()
            assert up.stop() == 0
        yield place
    finally:
        erase(place)
        shutil.rmtree(place)


def test_first_start_makes_an_admin_login_and_later_ones_keep_it(directory: Path) -> None:
    login = directory / "admin-login"
    user, password = login.read_text().splitlines()

    with Up(directory) as up:
        up.wait_until_ready()

        assert login.read_text().splitlines() == [user, password]
        assert login.stat().st_mode & 0o777 == 0o600
        assert password not in up.output
        assert str(login) in up.output


def test_ctrl_c_ends_servers_database_and_broker(directory: Path) -> None:
    with Up(directory) as up:
        up.wait_until_ready()
        pids = up.pids
        assert re.search(rf"broker .* {up.broker.address} .* embedded NATS", up.output)

        assert up.stop() == 0

        assert pids.keys() == {"public", "private", "jobs"}
        wait_until_gone(pids)
        assert not up.cluster.is_running()
        assert not up.broker.is_running()
        assert up.pids == {}


def test_sigkill_of_up_leaves_no_server_and_the_next_up_takes_over(directory: Path) -> None:
    with Up(directory) as first:
        first.wait_until_ready()
        first.write_summary("before up was killed")
        servers = first.pids
        workers = {str(child): child for pid in servers.values() for child in children(pid)}
        assert len(workers) == 3  # of each server one, and the sentinel of jobs
        first.process.kill()
        first.process.wait()
        wait_until_gone(servers | workers)

    with Up(directory) as second:
        second.wait_until_ready()

        assert second.read_summary() == "before up was killed"
        assert second.stop() == 0
        assert not second.cluster.is_running()
        assert not second.broker.is_running()


@pytest.mark.parametrize("tier", ["public", "private"])
def test_sigkill_of_a_server_brings_it_back_and_leaves_the_other_alone(directory: Path, tier: str) -> None:
    with Up(directory) as up:
        up.wait_until_ready()
        before = up.pids
        (worker,) = children(before[tier])

        os.kill(before[tier], signal.SIGKILL)

        up.wait_for_line(rf"{tier} ended with SIGKILL; starting it again")
        wait_until_gone({tier: before[tier], "worker": worker})
        up.wait_until_answers(tier)
        after = up.pids
        assert after[tier] != before[tier]
        assert {**after, tier: 0} == {**before, tier: 0}


def test_sigkill_of_the_jobs_brings_them_back(directory: Path) -> None:
    with Up(directory) as up:
        up.wait_until_ready()
        before = up.pids
        (sentinel,) = children(before["jobs"])
        seen = len(up.lines)

        os.kill(before["jobs"], signal.SIGKILL)

        up.wait_for_line("jobs ended with SIGKILL; starting it again", after=seen)
        wait_until_gone({"jobs": before["jobs"], "sentinel": sentinel})
        up.wait_for_line(r"^jobs +\| Running the jobs", after=seen)
        after = up.pids
        assert {**after, "jobs": 0} == {**before, "jobs": 0}


def test_sigkill_of_a_worker_brings_it_back(directory: Path) -> None:
    with Up(directory) as up:
        up.wait_until_ready()
        server = up.pids["public"]
        (worker,) = children(server)

        os.kill(worker, signal.SIGKILL)

        wait_until_gone({"worker": worker})
        up.wait_until_answers("public")
        assert up.pids["public"] == server


def test_sigkill_of_postgresql_brings_it_back_with_every_committed_row(directory: Path) -> None:
    with Up(directory) as up:
        up.wait_until_ready()
        up.wait_until_answers("private")
        up.write_summary("before PostgreSQL was killed")

        os.kill(postmaster(up), signal.SIGKILL)

        up.wait_for_line("PostgreSQL runs again")
        for tier in ("public", "private"):
            up.wait_until_answers(tier)
            assert up.read_summary(tier) == "before PostgreSQL was killed"


def test_sigkill_of_the_broker_brings_it_back_on_its_port(directory: Path) -> None:
    with Up(directory) as up:
        up.wait_until_ready()
        address = up.broker.address

        os.kill(broker(up), signal.SIGKILL)

        up.wait_for_line("NATS runs again")
        assert up.broker.is_running()
        assert up.broker.address == address


def test_sigkill_of_everything_at_once_is_survived(directory: Path) -> None:
    with Up(directory) as first:
        first.wait_until_ready()
        first.write_summary("before everything was killed")
        servers = first.pids
        workers = {str(child): child for pid in servers.values() for child in children(pid)}
        embedded = {"PostgreSQL": postmaster(first), "NATS": broker(first)}

        for pid in (first.process.pid, *servers.values(), *workers.values(), *embedded.values()):
            os.kill(pid, signal.SIGKILL)

        first.process.wait()
        wait_until_gone(servers | workers | embedded)

    with Up(directory) as second:
        second.wait_until_ready()
        assert second.read_summary() == "before everything was killed"


def test_second_ctrl_c_kills(directory: Path) -> None:
    with Up(directory) as up:
        up.wait_until_ready()
        pids = up.pids
        for pid in pids.values():
            os.kill(pid, signal.SIGSTOP)  # so that it cannot end in order

        up.process.send_signal(signal.SIGINT)
        up.process.send_signal(signal.SIGINT)

        up.wait()
        wait_until_gone(pids)


def test_taken_port_is_said_before_anything_starts(directory: Path) -> None:
    with socket.socket() as other, Up(directory) as up:
        other.bind(("127.0.0.1", up.ports["private"]))
        other.listen()

        assert up.wait() == PORT_TAKEN

        assert f"Port {up.ports['private']} on 127.0.0.1 is in use" in up.output
        assert "--private-port" in up.output
        assert not up.cluster.is_running()


def test_second_up_of_the_same_directory_says_where_the_first_is(directory: Path) -> None:
    with Up(directory) as first:
        first.wait_until_ready()
        with Up(directory) as second:
            assert second.wait() == 1

        assert f"process {first.process.pid}" in second.output
        assert f"http://127.0.0.1:{first.ports['public']}" in second.output
        assert first.read("public", "/healthz") == {"status": "ok"}


def test_each_server_finds_only_its_own_in_its_environment(directory: Path) -> None:
    with Up(
        directory,
        MONOLITH_SECRET_KEY="signs the sessions of this test",
        MONOLITH_ADMIN_URL="postgresql://nobody@127.0.0.1:1/postgres",
        PGPASSWORD="not for children",
    ) as up:
        up.wait_until_ready()

        found = {name: environment_of(pid) for name, pid in up.pids.items()}
        assert not {"MONOLITH_SECRET_KEY", "MONOLITH_ADMIN_URL", "PGPASSWORD"} & found["public"].keys()
        for name in ("private", "jobs"):
            assert not {"MONOLITH_ADMIN_URL", "PGPASSWORD"} & found[name].keys()
        assert found["private"]["MONOLITH_SECRET_KEY"] == "signs the sessions of this test"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            up.read("public", "/admin/")


def test_changed_code_is_served_with_reload(directory: Path, tmp_path: Path) -> None:
    project = tmp_path / "a project"
    project.mkdir()
    for name in ("monolith", "apps", "contracts", "settings"):
        shutil.copytree(Path.cwd() / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path.cwd() / "manage.py", project)
    with Up(directory, "--reload", project=project) as up:
        up.wait_until_ready()
        before = up.pids
        base = project / "apps" / "hikes" / "apps.py"

        base.write_text(f"{base.read_text()}\n# changed\n")

        up.wait_for_line(r"apps/hikes/apps.py changed; restarting public, private")
        wait_until(lambda: up.pids.keys() == before.keys() and up.pids != before, "both servers are new")
        for tier in ("public", "private"):
            up.wait_until_answers(tier)


def postmaster(up: Up) -> int:
    return int((up.cluster.data / "postmaster.pid").read_text().splitlines()[0])


def broker(up: Up) -> int:
    process = up.broker.process.process
    assert process is not None
    return process.id


def environment_of(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)
