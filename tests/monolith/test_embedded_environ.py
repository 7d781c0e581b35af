"""What embedded servers add to an environment."""

import stat
from pathlib import Path

import psycopg
import pytest

from monolith import Profile
from monolith.embedded import NatsServer, PostgresCluster, environ
from monolith.embedded.passfile import entries, write_passfile
from tests.monolith.embedded_clusters import NewCluster, cluster, new_cluster, place

__all__ = ["cluster", "new_cluster", "place"]


@pytest.mark.parametrize("profile", Profile)
def test_environment_that_names_a_server_is_returned_unchanged(tmp_path: Path, profile: Profile) -> None:
    given = {"DATABASE_URL": "postgresql://db.example/app", "OTHER": "1"}
    completed = environ(profile, given, tmp_path)
    assert completed == given
    assert completed is not given
    assert not list(tmp_path.iterdir())


def test_public_profile_gets_its_address_and_its_password_file_and_no_secret(tmp_path: Path) -> None:
    completed = environ(Profile.PUBLIC, {}, tmp_path)
    port = PostgresCluster(tmp_path / "var").port
    assert completed == {
        "DATABASE_URL": f"postgresql://127.0.0.1:{port}/fastmonolith",
        "PGPASSFILE": str(tmp_path / "var" / "passfiles" / "public.pgpass"),
    }


def test_secret_in_the_public_environment_is_left_for_compose_to_refuse(tmp_path: Path) -> None:
    assert environ(Profile.PUBLIC, {"MONOLITH_SECRET_KEY": "x"}, tmp_path)["MONOLITH_SECRET_KEY"] == "x"


def test_signing_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    keys = {environ(Profile.PRIVATE, {}, tmp_path)["MONOLITH_SECRET_KEY"] for _ in range(3)}
    assert len(keys) == 1
    assert len(keys.pop()) > 50
    assert stat.S_IMODE((tmp_path / "var" / "secret-key").stat().st_mode) == 0o600


def test_signing_key_that_is_given_wins(tmp_path: Path) -> None:
    completed = environ(Profile.PRIVATE, {"MONOLITH_SECRET_KEY": "mine"}, tmp_path)
    assert completed["MONOLITH_SECRET_KEY"] == "mine"
    assert not (tmp_path / "var" / "secret-key").exists()


def test_each_profile_names_its_own_password_file_and_only_the_migrator_an_administrator(
    tmp_path: Path,
) -> None:
    completed = {profile: environ(profile, {}, tmp_path) for profile in Profile}
    assert len({values["PGPASSFILE"] for values in completed.values()}) == 3
    assert [p for p in Profile if "MONOLITH_ADMIN_URL" in completed[p]] == [Profile.MIGRATOR]


@pytest.mark.parametrize(
    ("told", "own"),
    [
        ({}, {"platform_rw", "hikes_rw", "stars_rw", "ships_rw"}),
        ({"MONOLITH_MODULES": "stars"}, {"platform_rw", "stars_rw"}),
        ({"MONOLITH_MODULES": "stars, ships"}, {"platform_rw", "stars_rw", "ships_rw"}),
        ({"MONOLITH_REMOTE_STARS": "http://stars:1"}, {"platform_rw", "hikes_rw", "ships_rw"}),
    ],
    ids=["all", "one", "two", "one elsewhere"],
)
def test_private_process_of_some_modules_gets_the_passwords_of_their_roles_alone(
    tmp_path: Path, told: dict[str, str], own: set[str]
) -> None:
    whole = PostgresCluster(tmp_path / "var").passfile("private")
    write_passfile(whole, dict.fromkeys(("platform_rw", "hikes_rw", "stars_rw", "ships_rw"), "secret"))

    assert set(entries(Path(environ(Profile.PRIVATE, told, tmp_path)["PGPASSFILE"]))) == own


def test_roles_of_some_modules_are_found_under_their_prefix(tmp_path: Path) -> None:
    whole = PostgresCluster(tmp_path / "var").passfile("private")
    write_passfile(whole, dict.fromkeys(("a_platform_rw", "a_hikes_rw", "a_stars_rw"), "secret"))
    told = {"MONOLITH_ROLE_PREFIX": "a_", "MONOLITH_REMOTE_HIKES": "http://hikes:1"}

    assert set(entries(Path(environ(Profile.PRIVATE, told, tmp_path)["PGPASSFILE"]))) == {
        "a_platform_rw",
        "a_stars_rw",
    }


def test_address_of_the_administrator_finds_its_password_by_itself(new_cluster: NewCluster) -> None:
    started = new_cluster("with space & more/var")
    started.start()
    project = started.directory.parent
    url = environ(Profile.MIGRATOR, {}, project)["MONOLITH_ADMIN_URL"]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("postgres",)


def test_private_profile_alone_is_told_where_the_broker_is_and_who_to_be_there(tmp_path: Path) -> None:
    broker = NatsServer(tmp_path / "var")
    told = environ(Profile.PRIVATE, {}, tmp_path)
    assert told["MONOLITH_BROKER_URL"] == f"nats://127.0.0.1:{broker.port}"
    assert told["MONOLITH_BROKER_CREDENTIALS"] == str(broker.credentials)
    assert told["MONOLITH_ENVIRONMENT"] == "development"
    for other in (Profile.PUBLIC, Profile.MIGRATOR):
        assert not [name for name in environ(other, {}, tmp_path) if "BROKER" in name]


def test_name_of_the_environment_is_kept(tmp_path: Path) -> None:
    told = environ(Profile.PRIVATE, {"MONOLITH_ENVIRONMENT": "staging"}, tmp_path)
    assert told["MONOLITH_ENVIRONMENT"] == "staging"


@pytest.mark.parametrize(
    "given",
    [{"MONOLITH_BROKER_URL": "nats://broker.example"}, {"MONOLITH_BROKER_CREDENTIALS": "/etc/user.creds"}],
    ids=["address", "credentials alone, for compose to refuse"],
)
def test_broker_that_is_named_is_not_mixed_with_the_embedded_one(
    tmp_path: Path, given: dict[str, str]
) -> None:
    told = environ(Profile.PRIVATE, given, tmp_path)
    assert {name: value for name, value in told.items() if "BROKER" in name} == given
    assert "MONOLITH_ENVIRONMENT" not in told


def test_embedded_broker_beside_a_database_of_ones_own_is_named_once_it_was_started(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://db.example/app"}
    assert environ(Profile.PRIVATE, given, tmp_path) == given
    (tmp_path / "var" / "nats" / "data").mkdir(parents=True)
    broker = NatsServer(tmp_path / "var")
    assert environ(Profile.PRIVATE, given, tmp_path)["MONOLITH_BROKER_URL"] == broker.address


def test_data_directory_is_relative_to_the_project_or_absolute(tmp_path: Path) -> None:
    relative = environ(Profile.PUBLIC, {"MONOLITH_DATA_DIR": "data"}, tmp_path / "project")
    absolute = environ(Profile.PUBLIC, {"MONOLITH_DATA_DIR": str(tmp_path / "data")}, tmp_path / "project")
    assert relative["PGPASSFILE"] == str(tmp_path / "project" / "data" / "passfiles" / "public.pgpass")
    assert absolute["PGPASSFILE"] == str(tmp_path / "data" / "passfiles" / "public.pgpass")


def test_nothing_is_started(new_cluster: NewCluster) -> None:
    fresh = new_cluster()
    environ(Profile.MIGRATOR, {}, fresh.directory.parent)
    assert not fresh.is_running()
    assert not fresh.data.exists()
