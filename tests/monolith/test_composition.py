"""Assembling a process: what `compose` gives and what it refuses."""

import subprocess
import sys

import pytest

from monolith import (
    CompositionError,
    Module,
    Need,
    NeedNotDeclared,
    OutsideConsumer,
    Profile,
    SecretNotDeclared,
    Tier,
    TierViolation,
    compose,
)
from monolith.analytics import AnalyticsServer
from monolith.environment import BROKER_MIN_BYTES
from monolith.events.broker import MAX_MESSAGE_BYTES
from monolith.events.brokers.postgresql import OVERHEAD

PRIVATE = {"MONOLITH_SECRET_KEY": "signs sessions"}
ALPHA = Module(name="alpha", tier=Tier.BOTH)
BETA = Module(name="beta", tier=Tier.PRIVATE, secrets=("BETA_KEY",))


def problems(profile: Profile, modules: list[Module], environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as caught:
        compose(profile, modules, environ)
    return caught.value.problems


def test_public_process_has_one_alias_one_role_and_no_admin() -> None:
    composition = compose(Profile.PUBLIC, [ALPHA, BETA], {})

    assert list(composition.modules) == ["alpha"]
    assert list(composition.databases) == ["default"]
    assert composition.databases["default"]["USER"] == "public_reader"
    assert not [app for app in composition.installed_apps if "admin" in app or "sessions" in app]
    assert not [name for name in composition.middleware if "session" in name or "auth" in name]
    assert composition.alias_of("alpha") == "default"


def test_private_process_has_one_role_per_module_and_the_platforms() -> None:
    composition = compose(Profile.PRIVATE, [ALPHA, BETA], PRIVATE | {"BETA_KEY": "b"})

    roles = {alias: options["USER"] for alias, options in composition.databases.items()}
    assert roles == {"default": "platform_rw", "alpha": "alpha_rw", "beta": "beta_rw"}


def test_role_prefix_reaches_every_alias() -> None:
    composition = compose(Profile.PRIVATE, [ALPHA], PRIVATE | {"MONOLITH_ROLE_PREFIX": "shop_"})

    assert {options["USER"] for options in composition.databases.values()} == {
        "shop_platform_rw",
        "shop_alpha_rw",
    }


def test_public_process_has_one_connection_so_no_module_of_it_lives_elsewhere() -> None:
    assert problems(Profile.PUBLIC, [ALPHA], {"DATABASE_URL_ALPHA": "postgresql://far/alpha"}) == (
        (
            "DATABASE_URL_ALPHA moves 'alpha' away, but a public process has one connection; serve it by one of its own, "
            "with MONOLITH_MODULES=alpha and that address as DATABASE_URL"
        ),
    )


def test_one_module_can_live_on_another_server() -> None:
    composition = compose(
        Profile.PRIVATE, [ALPHA], PRIVATE | {"DATABASE_URL_ALPHA": "postgresql://far:5433/alpha"}
    )

    assert (composition.databases["alpha"]["HOST"], composition.databases["alpha"]["PORT"]) == ("far", "5433")
    assert composition.databases["default"]["HOST"] == "127.0.0.1"


@pytest.mark.parametrize(
    "secret",
    [
        "BETA_KEY",
        "MONOLITH_SECRET_KEY",
        "MONOLITH_ADMIN_URL",
        "MONOLITH_BROKER_CREDENTIALS",
        "PGPASSWORD",
        "PGSERVICE",
        "PGUSER",
    ],
)
def test_public_process_refuses_every_secret_and_prints_no_value(secret: str) -> None:
    with pytest.raises(TierViolation, match=secret) as caught:
        compose(Profile.PUBLIC, [ALPHA, BETA], {secret: "hunter2"})

    assert "hunter2" not in str(caught.value)


def test_public_process_refuses_secrets_of_modules_that_are_not_composed() -> None:
    with pytest.raises(TierViolation, match="BETA_KEY is set; it is a secret of module 'beta'"):
        compose(Profile.PUBLIC, [ALPHA, BETA], {"MONOLITH_MODULES": "alpha", "BETA_KEY": "b"})


def test_password_of_the_administrator_is_in_no_repr() -> None:
    composition = compose(Profile.MIGRATOR, [ALPHA], {"MONOLITH_ADMIN_URL": "postgresql://a:hunter2@h/d"})

    assert "hunter2" not in repr(composition)
    assert "hunter2" not in repr(composition.environment)


def test_published_settings_are_copies() -> None:
    composition = compose(Profile.PRIVATE, [ALPHA], PRIVATE)

    composition.settings()["DATABASES"]["alpha"]["OPTIONS"]["pool"]["max_size"] = 99

    assert composition.databases["alpha"]["OPTIONS"]["pool"]["max_size"] != 99


def test_signing_key_of_the_public_tier_is_new_in_every_process() -> None:
    composition = compose(Profile.PUBLIC, [ALPHA], {})

    assert composition.settings()["SECRET_KEY"] != composition.settings()["SECRET_KEY"]


def test_a_module_gets_its_own_secrets_only() -> None:
    composition = compose(Profile.PRIVATE, [ALPHA, BETA], PRIVATE | {"BETA_KEY": "b"})

    assert composition.secret("beta", "BETA_KEY") == "b"
    with pytest.raises(SecretNotDeclared, match="Module 'alpha' does not declare the secret BETA_KEY"):
        composition.secret("alpha", "BETA_KEY")
    assert "'b'" not in repr(composition)


def test_every_problem_is_reported_at_once() -> None:
    modules = [
        Module(name="Bad", tier=Tier.BOTH),
        Module(name="platform", tier=Tier.BOTH, requires=("gone",)),
    ]

    found = problems(Profile.PRIVATE, modules, {"MONOLITH_MODULES": "nobody"})

    assert [line.split(":")[0].split(" which")[0] for line in found] == [
        "module 'Bad'",
        "module 'platform'",
        "module 'platform' requires 'gone',",
        "MONOLITH_MODULES names 'nobody',",
    ]


def test_a_consumer_is_named_after_its_module() -> None:
    consumer = OutsideConsumer(name="worker", types=("a.Ask",))
    modules = [Module(name="a", tier=Tier.BOTH, consumers=(consumer,))]

    (found,) = problems(Profile.PRIVATE, modules, PRIVATE)

    assert "begin its name with 'a_'" in found


def test_circle_of_requires_is_drawn() -> None:
    modules = [
        Module(name="a", tier=Tier.BOTH, requires=("b",)),
        Module(name="b", tier=Tier.BOTH, requires=("c",)),
        Module(name="c", tier=Tier.BOTH, requires=("b",)),
    ]

    assert problems(Profile.PRIVATE, modules, PRIVATE) == (
        "modules require each other in a circle: b -> c -> b; break it with an event",
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "MONOLITH_SECRET_KEY is not set"),
        (PRIVATE | {"DATABASE_URL": "postgresql://u:p@h/d"}, "DATABASE_URL: holds a user or password"),
        (
            PRIVATE | {"DATABASE_URL": "postgresql://h/d?passfile=/p"},
            "DATABASE_URL: holds a user or password (passfile)",
        ),
        (
            PRIVATE | {"DATABASE_URL": "postgresql://h/d?service=s"},
            "DATABASE_URL: holds a user or password (service)",
        ),
        (
            PRIVATE | {"MONOLITH_ADMIN_URL": "postgresql//a:u:p@h/d"},
            "MONOLITH_ADMIN_URL: not a PostgreSQL address",
        ),
        (
            PRIVATE | {"MONOLITH_ADMIN_URL": "postgresql://a:b@h/d"},
            "MONOLITH_ADMIN_URL is set; it is for `provision` alone",
        ),
        (PRIVATE | {"DATABASE_URL": "postgresql://h:5432"}, "DATABASE_URL: names no database"),
        (PRIVATE | {"DATABASE_URL": "nonsense"}, "DATABASE_URL: not a PostgreSQL address"),
        (PRIVATE | {"DATABASE_URL_ALPHA": "postgresql://h:5432"}, "DATABASE_URL_ALPHA: names no database"),
        (
            PRIVATE | {"DATABASE_URL_NOBODY": "postgresql://h/d"},
            "DATABASE_URL_NOBODY names no declared module",
        ),
        (PRIVATE | {"MONOLITH_BOUNDARY": "off"}, "MONOLITH_BOUNDARY"),
        (PRIVATE | {"MONOLITH_ROLE_PREFIX": "Sh;op"}, "MONOLITH_ROLE_PREFIX"),
    ],
)
def test_bad_environment_names_the_variable(environ: dict[str, str], expected: str) -> None:
    found = problems(Profile.PRIVATE, [ALPHA], environ)

    assert any(expected in line for line in found)
    assert "u:p" not in str(found)


def test_missing_secret_of_a_composed_module_is_named() -> None:
    assert problems(Profile.PRIVATE, [BETA], PRIVATE) == (
        "module 'beta' needs the secret BETA_KEY, which is not set",
    )


def test_a_subset_needs_only_its_own_secrets() -> None:
    composition = compose(Profile.PRIVATE, [ALPHA, BETA], PRIVATE | {"MONOLITH_MODULES": "alpha"})

    assert list(composition.modules) == ["alpha"]
    assert set(composition.declared) == {"alpha", "beta"}


def test_what_settings_import_pulls_in_neither_ninja_nor_models() -> None:
    code = "import sys, settings.modules, monolith; sys.exit(bool({'ninja', 'django.db.models'} & sys.modules.keys()))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


GAMMA = Module(name="gamma", tier=Tier.PRIVATE, needs=(Need.ANALYTICS,))
ANALYTICS = {"MONOLITH_ANALYTICS_URL": "https://home:p%40ss@clickhouse.example/samples"}


def test_analytics_is_a_server_by_address_or_postgresql() -> None:
    assert compose(Profile.PRIVATE, [GAMMA], PRIVATE).analytics_server("gamma") is None
    server = compose(Profile.PRIVATE, [GAMMA], PRIVATE | ANALYTICS).analytics_server("gamma")
    assert server == AnalyticsServer(
        secure=True, host="clickhouse.example", port=8443, database="samples", user="home", password="p@ss"
    )
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url",
    ["clickhouse.example", "http://", "postgresql://a/b", "http://a:b/c", "http://a/b/c", "http://a/b?c=1"],
)
def test_an_address_that_is_none_is_refused_where_a_module_would_use_it(url: str) -> None:
    environ = PRIVATE | {"MONOLITH_ANALYTICS_URL": url}
    (problem,) = problems(Profile.PRIVATE, [ALPHA, GAMMA], environ)
    assert problem.startswith("MONOLITH_ANALYTICS_URL, which 'gamma' would use, is ")
    assert url not in problem
    compose(Profile.PRIVATE, [ALPHA], environ)  # nobody would use it


def test_who_does_not_declare_the_need_does_not_get_the_address() -> None:
    composition = compose(Profile.PRIVATE, [ALPHA, GAMMA], PRIVATE | ANALYTICS)
    with pytest.raises(NeedNotDeclared, match=r"Add Need\.ANALYTICS to `needs`"):
        composition.analytics_server("alpha")


def test_public_process_refuses_the_address_for_analytics() -> None:
    with pytest.raises(TierViolation, match="MONOLITH_ANALYTICS_URL is set"):
        compose(Profile.PUBLIC, [ALPHA, GAMMA], ANALYTICS)


BROKERS = [
    "nats://broker",
    "nats://127.0.0.1:4222",
    "tls://a.example:4222, tls://b.example:4222/,tls://[::1]:4222",
    "postgresql://broker:5432/messages",
]


@pytest.mark.parametrize("url", BROKERS)
@pytest.mark.parametrize("profile", [Profile.PRIVATE, Profile.MIGRATOR])
def test_broker_is_named_together_with_the_environment(url: str, profile: Profile) -> None:
    own = PRIVATE if profile is Profile.PRIVATE else {}
    named = own | {"MONOLITH_BROKER_URL": url}
    assert (
        compose(profile, [ALPHA], named | {"MONOLITH_ENVIRONMENT": "staging"}).environment.broker_url == url
    )
    for missing in ({}, {"MONOLITH_ENVIRONMENT": ""}):
        (problem,) = problems(profile, [ALPHA], named | missing)
        assert problem.startswith(
            "MONOLITH_BROKER_URL is set and MONOLITH_ENVIRONMENT is not; say which environment"
        )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "nats://me:hunter2@broker:4222",
            "holds a user or password; put them into a file and name it in MONOLITH_BR",
        ),
        ("nats://a,nats://hunter2@b", "holds a user or password; put them into a file"),
        ("postgresql://me:hunter2@h/d", "holds a user or password (password, user)"),
        ("postgresql://h:5432", "names no database"),
        ("nats://a,tls://b", "mixes nats:// and tls://"),
        ("nats://broker:99999", "not the address of a broker; write nats://host:port"),
        ("nats://broker/hunter2", "not the address of a broker"),
        ("nats://a,", "not the address of a broker"),
        ("amqp://broker", "not the address of a broker"),
        ("hunter2", "not the address of a broker"),
    ],
)
def test_address_of_no_broker_is_refused_and_no_password_repeated(url: str, expected: str) -> None:
    environ = PRIVATE | {"MONOLITH_BROKER_URL": url, "MONOLITH_ENVIRONMENT": "staging"}
    (problem,) = problems(Profile.PRIVATE, [ALPHA], environ)
    assert problem.startswith(f"MONOLITH_BROKER_URL: {expected}")
    assert "hunter2" not in problem


def test_credentials_for_no_broker_are_refused() -> None:
    assert problems(
        Profile.PRIVATE, [ALPHA], PRIVATE | {"MONOLITH_BROKER_CREDENTIALS": "/etc/user.creds"}
    ) == ("MONOLITH_BROKER_CREDENTIALS is set and MONOLITH_BROKER_URL is not; say where that broker is",)


@pytest.mark.parametrize("replicas", ["0", "2", "4", "7"])
def test_messages_are_kept_by_an_odd_number_of_servers(replicas: str) -> None:
    (problem,) = problems(Profile.PRIVATE, [ALPHA], PRIVATE | {"MONOLITH_BROKER_REPLICAS": replicas})
    assert problem.startswith("MONOLITH_BROKER_REPLICAS: ")


def test_a_broker_without_room_for_a_message_is_refused() -> None:
    (problem,) = problems(Profile.PRIVATE, [ALPHA], PRIVATE | {"MONOLITH_BROKER_MAX_BYTES": "500000"})
    assert problem.startswith("MONOLITH_BROKER_MAX_BYTES: ")
    assert "no room for the largest message; give it 1,048,576 or more" in problem
    assert BROKER_MIN_BYTES > MAX_MESSAGE_BYTES + OVERHEAD
