"""What `up` tells the processes it starts, and what it keeps from them."""

from pathlib import Path

import pytest
from rich.console import Console

from monolith import Module, Need, Profile, Tier, compose
from monolith.serving.deployables import process_environment
from monolith.serving.environments import child_environment
from monolith.serving.system import System, Wanted

URL = "http://home:secret@clickhouse:8123/samples"
ALPHA = Module(name="alpha", tier=Tier.BOTH, needs=(Need.ANALYTICS,))
BETA = Module(name="beta", tier=Tier.PRIVATE)
PORTS = {Profile.PUBLIC: 8100, Profile.PRIVATE: 8101}
PRIVATE = {"MONOLITH_SECRET_KEY": "signs sessions"}


def system(directory: Path, *modules: Module, **environ: str) -> System:
    """Return an `up` that was not started."""
    given = {"MONOLITH_DATA_DIR": str(directory), **environ}
    composition = compose(Profile.PRIVATE, modules, given | PRIVATE)
    return System(
        Wanted(ports=PORTS), environ=given, project=directory, composition=composition, console=Console()
    )


def test_the_private_tier_is_told_where_the_public_one_is(tmp_path: Path) -> None:
    told = system(tmp_path, ALPHA, BETA).environment(Profile.PRIVATE)
    assert told["MONOLITH_PUBLIC_ORIGIN"] == "http://127.0.0.1:8100"


def test_an_address_that_was_given_is_kept(tmp_path: Path) -> None:
    given = system(tmp_path, ALPHA, MONOLITH_PUBLIC_ORIGIN="https://www.example.org")
    assert given.environment(Profile.PRIVATE)["MONOLITH_PUBLIC_ORIGIN"] == "https://www.example.org"


def test_where_nothing_is_public_there_is_no_address(tmp_path: Path) -> None:
    assert "MONOLITH_PUBLIC_ORIGIN" not in system(tmp_path, BETA).environment(Profile.PRIVATE)


@pytest.mark.parametrize(
    ("profile", "gets_it"), [(Profile.PUBLIC, False), (Profile.PRIVATE, True), (Profile.MIGRATOR, False)]
)
def test_the_server_for_analytics_is_the_private_tiers_alone(
    tmp_path: Path, profile: Profile, gets_it: bool
) -> None:
    environ = {"MONOLITH_ANALYTICS_URL": URL}
    told = child_environment(profile, environ, [ALPHA, BETA], directory=tmp_path)
    assert ("MONOLITH_ANALYTICS_URL" in told) is gets_it


@pytest.mark.parametrize(("here", "gets_it"), [("alpha", True), ("beta", False)])
def test_a_process_without_a_module_that_needs_analytics_does_not_get_its_address(
    tmp_path: Path, here: str, gets_it: bool
) -> None:
    told = process_environment(
        [here],
        environ={"MONOLITH_ANALYTICS_URL": URL},
        declared={"alpha": ALPHA, "beta": BETA},
        addresses={},
        keys={},
        directory=tmp_path,
    )
    assert ("MONOLITH_ANALYTICS_URL" in told) is gets_it


@pytest.mark.parametrize(
    ("profile", "gets_it"), [(Profile.PUBLIC, False), (Profile.PRIVATE, True), (Profile.MIGRATOR, False)]
)
def test_the_broker_is_the_private_tiers_alone(tmp_path: Path, profile: Profile, gets_it: bool) -> None:
    environ = {
        "MONOLITH_BROKER_URL": "nats://broker.example",
        "MONOLITH_BROKER_CREDENTIALS": "/etc/user.creds",
        "MONOLITH_ENVIRONMENT": "staging",
    }
    told = child_environment(profile, environ, [ALPHA, BETA], directory=tmp_path)
    assert ("MONOLITH_BROKER_URL" in told) is ("MONOLITH_BROKER_CREDENTIALS" in told) is gets_it
    assert told["MONOLITH_ENVIRONMENT"] == "staging"


def test_up_embeds_what_is_not_named(tmp_path: Path) -> None:
    named = {"DATABASE_URL": "postgresql://db.example/app", "MONOLITH_BROKER_URL": "nats://broker.example"}
    named["MONOLITH_ENVIRONMENT"] = "staging"
    assert [server.name for server in system(tmp_path, BETA).embedded] == ["NATS", "PostgreSQL"]
    assert system(tmp_path, BETA, **named).embedded == []
