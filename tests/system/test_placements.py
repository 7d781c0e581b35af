"""Any set of modules is a deployable: the same code and settings, placed by the environment of each process."""

import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import psycopg
import pytest

from monolith.embedded import PostgresCluster
from monolith.embedded.passfile import entries
from monolith.embedded.port import free_port
from monolith.module import Tier
from monolith.serving import exercise
from monolith.serving.deployables import make_keys, process_environment
from settings.modules import MODULES
from tests.environment import outer_environment
from tests.served_tier import ROOT, serve_command, served, stop, wait_until_it_answers
from tests.system.running_up import PROJECT, TIMEOUT_S, environment, prepared_directory

pytestmark = pytest.mark.slow

DECLARED: Final = {module.name: module for module in MODULES}
ALONE: Final = ("compliance", "knowledge", "stars")
GROUPS: Final = {
    **{name: [name] for name in ALONE},
    "rest": [name for name in DECLARED if name not in ALONE],
}
SENTENCE: Final = b"!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24"


@dataclass
class Process:
    """A private process with some of the modules."""

    modules: Collection[str]
    url: str
    environment: Mapping[str, str]
    running: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        self.running.kill()
        self.running.wait()


@contextmanager
def spread(cluster: PostgresCluster) -> Iterator[dict[str, Process]]:
    """Serve each group of modules from a process of its own until the block ends."""
    ports = {group: free_port() for group in GROUPS}
    addresses = {
        name: f"http://127.0.0.1:{ports[group]}" for group, names in GROUPS.items() for name in names
    }
    keys = make_keys(DECLARED, {})
    whole = outer_environment() | {
        "DATABASE_URL": cluster.url(),
        "PGPASSFILE": str(cluster.passfile("private")),
        "MONOLITH_SECRET_KEY": "signs the sessions of every process of one test",
    }
    with ExitStack() as stack:
        processes = {}
        for group, names in GROUPS.items():
            own = process_environment(
                names,
                environ=whole,
                declared=DECLARED,
                addresses=addresses,
                keys=keys,
                directory=cluster.directory / "placed" / group,
            )
            running = subprocess.Popen(
                serve_command("settings.private", ports[group]),
                cwd=ROOT,
                env=own,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(stop, running)
            processes[group] = Process(names, addresses[names[0]], own, running)
        for group, process in processes.items():
            wait_until_it_answers(process.running, ports[group])
        yield processes


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    """A server with walks, rules and grants, and an account for staff."""
    with prepared_directory() as directory:
        for command in (("load_samples", "compliance", "hikes"), ("admin_login",)):
            subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=PROJECT,
                env=environment(directory),
                stdout=subprocess.DEVNULL,
                timeout=TIMEOUT_S,
                check=True,
            )
        yield PostgresCluster(directory)


@pytest.fixture
def processes(cluster: PostgresCluster) -> Iterator[dict[str, Process]]:
    with spread(cluster) as running:
        yield running


def login(cluster: PostgresCluster) -> tuple[str, str]:
    user, password = (cluster.directory / "admin-login").read_text(encoding="utf-8").splitlines()
    return user, password


@contextmanager
def staff_of(process: Process, cluster: PostgresCluster) -> Iterator[httpx2.Client]:
    """Log in to one process."""
    user, password = login(cluster)
    with httpx2.Client(base_url=process.url, timeout=30) as client:
        client.get("/admin/login/")
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        answer = client.post("/admin/login/", data={"username": user, "password": password})
        assert answer.status_code == 302, answer.text
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]  # another one, after a login
        yield client


def paths_of(client: exercise.Client) -> set[str]:
    return set(client.expect("/api/openapi.json").document["paths"])


def refresh(staff: httpx2.Client) -> Any:
    return staff.post("/api/hikes/refresh", json={"slug": "tryfan", "force": True}).json()


def test_each_process_serves_its_modules_and_no_other(
    cluster: PostgresCluster, processes: dict[str, Process]
) -> None:
    clients = {group: exercise.Client(process.url) for group, process in processes.items()}
    served = {group: paths_of(client) for group, client in clients.items()}
    for group, client in clients.items():
        exercise.log_in(client, *login(cluster))

        exercise.read_api(client, GROUPS[group], staff=True)
        assert {path.split("/")[2] for path in served[group]} == set(GROUPS[group])
        for path in set().union(*served.values()) - served[group]:
            client.expect(re.sub(r"{[^}]+}", "1", path), 404)


def test_each_process_holds_its_modules_roles_and_keys_and_no_other(
    cluster: PostgresCluster, processes: dict[str, Process]
) -> None:
    everybody = entries(cluster.passfile("private")).keys()
    for process in processes.values():
        passfile = Path(process.environment["PGPASSFILE"])
        own = {"platform_rw", "broker_rw", *(f"{name}_rw" for name in process.modules)}

        assert entries(passfile).keys() == own
        for role in everybody - own:
            with pytest.raises(psycopg.OperationalError, match="no password supplied"):
                psycopg.connect(cluster.url(), user=role, passfile=str(passfile))
        neighbours = {*process.modules, *(o for name in process.modules for o in DECLARED[name].requires)}
        keys = {name for name in DECLARED if f"MONOLITH_CONTRACT_KEYS_{name.upper()}" in process.environment}
        assert keys == neighbours


def test_process_of_one_module_refuses_to_start_with_the_passwords_of_others(
    cluster: PostgresCluster,
) -> None:
    told = {
        "DATABASE_URL": cluster.url(),
        "PGPASSFILE": str(cluster.passfile("private")),
        "MONOLITH_SECRET_KEY": "of this test",
        "MONOLITH_MODULES": "stars",
    }
    refused = subprocess.run(
        serve_command("settings.private", free_port()),
        cwd=ROOT,
        env=outer_environment() | told,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert refused.returncode == 3
    assert "has a password for 'hikes_rw', which the private tier of stars must not hold" in refused.stderr


def test_what_needs_a_call_works_across_and_says_what_is_missing_once_the_other_is_gone(
    cluster: PostgresCluster, processes: dict[str, Process]
) -> None:
    with staff_of(processes["rest"], cluster) as staff:
        refreshed = refresh(staff)
        assert (refreshed["outcomes"], refreshed["problems"]) == ({"fetched": 1}, {})
        sent = staff.post("/api/ships/ingest", content=SENTENCE, headers={"Content-Type": "text/plain"})
        assert sent.status_code == 200
        before = staff.get("/api/hikes/walks/tryfan/windows").json()

        processes["stars"].kill()
        processes["compliance"].kill()

        refreshed = refresh(staff)
        assert refreshed["outcomes"] == {"failed": 1}
        assert "stars could not be asked when it is light" in refreshed["problems"]["tryfan"]
        assert staff.get("/api/hikes/walks/tryfan/windows").json() == before
        # Another question than the one above: its answer is kept for five seconds, and that is promised.
        denied = staff.post("/api/ships/ingest/replay", json={"limit": 10}).json()
        assert (denied["status"], denied["type"]) == (403, "/problems/not-allowed")
        assert "the compliance gate could not be asked" in denied["detail"]


def test_public_tier_does_not_care_where_private_processes_are(
    cluster: PostgresCluster, processes: dict[str, Process]
) -> None:
    with served(cluster, "public") as tier:
        for process in processes.values():
            process.kill()

        public = [name for name, module in DECLARED.items() if Tier.PUBLIC in module.tier]
        exercise.read_api(exercise.Client(tier.address), public, staff=False)


def test_up_refuses_to_split_off_what_is_no_module_or_all_of_them(cluster: PostgresCluster) -> None:
    for names, reason in (("stars,nothing", "--split names nothing"), (",".join(DECLARED), "leave one out")):
        refused = subprocess.run(
            [sys.executable, "manage.py", "up", "--split", names],
            cwd=PROJECT,
            env=environment(cluster.directory),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

        assert (refused.returncode, reason in refused.stderr) == (1, True), refused.stderr
