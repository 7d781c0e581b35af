"""Where modules run and which keys a process holds: what `compose` gives and what it refuses."""

from pathlib import Path

import pytest

from monolith import Composition, CompositionError, Module, Profile, Tier, TierViolation, compose
from monolith.addresses import remote_origin
from monolith.serving.environments import child_environment

PRIVATE = {"MONOLITH_SECRET_KEY": "signs sessions"}
KEY = "k" * 32
MODULES = [
    Module(name="ports", tier=Tier.BOTH, requires=("ships",)),
    Module(name="ships", tier=Tier.BOTH),
    Module(name="other", tier=Tier.BOTH),
]
AWAY = PRIVATE | {"MONOLITH_REMOTE_SHIPS": "http://ships:8001", "MONOLITH_CONTRACT_KEYS_SHIPS": KEY}


def composition(environ: dict[str, str], profile: Profile = Profile.PRIVATE) -> Composition:
    return compose(profile, MODULES, environ)


def problems(environ: dict[str, str], profile: Profile = Profile.PRIVATE) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as caught:
        compose(profile, MODULES, environ)
    assert "k" * 8 not in str(caught.value)
    return caught.value.problems


def test_one_setting_moves_a_module_out_of_the_process() -> None:
    here = composition(AWAY)

    assert list(here.modules) == ["ports", "other"]
    assert here.remotes == {"ships": "http://ships:8001"}
    assert set(here.databases) == {"default", "ports", "other"}


def test_process_of_one_module_holds_its_keys_and_no_others() -> None:
    keys = {"MONOLITH_CONTRACT_KEYS_SHIPS": f"{KEY}, {'o' * 32}", "MONOLITH_CONTRACT_KEYS_OTHER": KEY}

    here = composition(PRIVATE | keys | {"MONOLITH_MODULES": "ships"})

    assert {name: len(held) for name, held in here.contract_keys.items()} == {"ships": 2}
    assert here.contract_keys["ships"][0].get_secret_value() == KEY
    assert KEY not in repr(here)


def test_caller_holds_the_keys_of_what_it_calls() -> None:
    here = composition(AWAY | {"MONOLITH_MODULES": "ports", "MONOLITH_CONTRACT_KEYS_OTHER": KEY})

    assert set(here.contract_keys) == {"ships"}


def test_module_that_nobody_here_calls_needs_no_key_to_be_elsewhere() -> None:
    assert list(composition(PRIVATE | {"MONOLITH_REMOTE_OTHER": "http://other:1"}).modules) == [
        "ports",
        "ships",
    ]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"MONOLITH_MODULES": "ports"},
            (
                "module 'ports' calls 'ships', which is not here; add it to MONOLITH_MODULES, or say where it runs with "
                "MONOLITH_REMOTE_SHIPS"
            ),
        ),
        (
            AWAY | {"MONOLITH_MODULES": "ports,ships"},
            "MONOLITH_MODULES composes 'ships' here and MONOLITH_REMOTE_SHIPS places it elsewhere; remove one of them",
        ),
        (
            {"MONOLITH_REMOTE_SHIPS": "http://ships:8001"},
            (
                "MONOLITH_CONTRACT_KEYS_SHIPS is not set; calls of 'ports' to 'ships', which runs elsewhere, are signed "
                "with it"
            ),
        ),
        (
            {"MONOLITH_REMOTE_BOATS": "http://boats:8001"},
            "MONOLITH_REMOTE_BOATS names no declared module; known: other, ports, ships",
        ),
        (
            {"MONOLITH_CONTRACT_KEYS_BOATS": KEY},
            "MONOLITH_CONTRACT_KEYS_BOATS names no declared module; known: other, ports, ships",
        ),
        (
            {"MONOLITH_CONTRACT_KEYS_SHIPS": f"{KEY},{'k' * 31}"},
            "MONOLITH_CONTRACT_KEYS_SHIPS has a key of less than 32 characters; make one with `openssl rand -hex 32`",
        ),
        (
            {"MONOLITH_REMOTE_OTHER": "http://user:secret@other:8001"},
            "MONOLITH_REMOTE_OTHER: holds a user or password; write http://host:port or https://host:port",
        ),
        (
            {"MONOLITH_REMOTE_OTHER": "other:8001"},
            "MONOLITH_REMOTE_OTHER: not the address of a process; write http://host:port or https://host:port",
        ),
    ],
)
def test_what_does_not_fit_is_named_with_the_fix(environ: dict[str, str], expected: str) -> None:
    found = problems(PRIVATE | environ)

    assert found == (expected,)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://ships",
        "http://",
        "http://ships/path",
        "http://ships?q=1",
        "http://ships#f",
        "http://ships:port",
        "http://ships:65536",
        "http://sh ips",
        "http://ships:1\n",
    ],
)
def test_address_of_anything_but_a_process_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^not the address of a process; write"):
        remote_origin(url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://ships:8001", ("http", "ships", 8001)),
        ("https://ships.example.org/", ("https", "ships.example.org", 443)),
        ("http://[::1]:8001", ("http", "::1", 8001)),
        ("http://10.0.0.7", ("http", "10.0.0.7", 80)),
    ],
)
def test_address_of_a_process_is_split(url: str, origin: tuple[str, str, int]) -> None:
    assert remote_origin(url) == origin


def test_public_process_refuses_keys_and_prints_no_value() -> None:
    with pytest.raises(TierViolation, match="MONOLITH_CONTRACT_KEYS_RENAMED is set") as caught:
        composition({"MONOLITH_CONTRACT_KEYS_RENAMED": KEY}, Profile.PUBLIC)

    assert KEY not in str(caught.value)


def test_public_process_calls_nobody() -> None:
    assert problems({"MONOLITH_REMOTE_SHIPS": "http://ships:8001"}, Profile.PUBLIC) == (
        "MONOLITH_REMOTE_SHIPS is set; the public tier holds no key and calls no other process. Start it without",
    )


def test_public_process_may_lack_what_its_modules_call() -> None:
    assert list(composition({"MONOLITH_MODULES": "ports"}, Profile.PUBLIC).modules) == ["ports"]


def test_migrator_looks_after_modules_wherever_they_run_and_holds_no_key() -> None:
    here = composition(AWAY, Profile.MIGRATOR)

    assert set(here.modules) == {"ports", "ships", "other"}
    assert (here.remotes, here.contract_keys) == ({}, {})


@pytest.mark.parametrize(
    ("profile", "expected"),
    [(Profile.PUBLIC, set()), (Profile.MIGRATOR, set()), (Profile.PRIVATE, set(AWAY))],
)
def test_children_get_places_and_keys_on_the_private_tier_alone(
    profile: Profile, expected: set[str], tmp_path: Path
) -> None:
    child = child_environment(profile, AWAY, MODULES, directory=tmp_path)

    assert set(AWAY) & set(child) == expected
