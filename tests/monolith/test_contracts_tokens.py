"""Who calls: what a token proves, and every way in which it proves nothing."""

import base64
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any, Final

import jwt
import pytest
import time_machine
from pydantic import SecretStr

from monolith.contracts import tokens
from monolith.contracts.tokens import LEEWAY_S, LIFE_S, REUSED_FOR_S, Caller, Signer, TokenRefused, Verifier

OLD: Final = SecretStr("old key of calls to ships " + "o" * 16)
NEW: Final = SecretStr("new key of calls to ships " + "n" * 16)
ALICE: Final = Caller("ports", tenant="acme", actor="user:7")


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(1_800_000_000, tick=False) as traveller:
        yield traveller


@pytest.fixture
def verifier() -> Verifier:
    return Verifier("ships", [OLD])


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    complete = {
        "iss": "ports",
        "aud": "ships",
        "iat": now,
        "exp": now + LIFE_S,
        "tenant": "acme",
        "actor": "a",
    }
    return {name: value for name, value in (complete | changed).items() if value is not None}


def signed(key: SecretStr = OLD, algorithm: str = "HS256", **changed: Any) -> str:
    payload = json.dumps(claims(**changed)).encode()  # jwt.encode would look at the claims
    return jwt.PyJWS().encode(payload, key.get_secret_value(), algorithm)


def unsigned(algorithm: str) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "typ": "JWT"}, claims())]
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), ""])


def test_token_says_who_calls_and_on_whose_behalf(verifier: Verifier) -> None:
    assert verifier.caller(Signer("ships", [OLD]).token(ALICE)) == ALICE
    assert verifier.caller(Signer("ships", [OLD]).token(Caller("ports"))) == Caller("ports", "", "")


def test_tenant_and_actor_of_any_writing_survive(verifier: Verifier) -> None:
    reader = Caller("ports", reads_only=True)
    assert Verifier("ships", [NEW]).caller(Signer("ships", [NEW]).token(reader)) == reader
    caller = Caller("ports", tenant="Ærø · 東京\n", actor='{"a": 1}')

    token = Signer("ships", [OLD]).token(caller)

    assert token.isascii()
    assert verifier.caller(token) == caller


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "Not enough segments"),
        ("not a token", "Not enough segments"),
        (unsigned("none"), "alg value is not allowed"),
        (unsigned("HS256"), "no key that this process holds"),
    ],
)
def test_what_is_not_signed_is_refused(verifier: Verifier, token: str, reason: str) -> None:
    with pytest.raises(TokenRefused, match=reason):
        verifier.caller(token)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_no_other_algorithm_is_believed_with_the_right_key(verifier: Verifier, algorithm: str) -> None:
    key = SecretStr(OLD.get_secret_value() * 2)

    with pytest.raises(TokenRefused, match="alg value is not allowed"):
        Verifier("ships", [key]).caller(signed(key, algorithm))


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "knowledge"},
        {"aud": ["ships"]},
        {"aud": None},
        {"iss": None},
        {"iss": 7},
        {"iss": ["ports"]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1_800_000_060.5},
        {"iat": None},
        {"tenant": None},
        {"tenant": 7},
        {"actor": None},
    ],
)
def test_claims_that_are_not_as_they_should_be_are_refused(
    verifier: Verifier, changed: dict[str, Any]
) -> None:
    with pytest.raises(TokenRefused):
        verifier.caller(signed(**changed))


def test_token_for_another_module_is_refused_also_with_a_shared_key() -> None:
    token = Signer("knowledge", [OLD]).token(ALICE)

    with pytest.raises(TokenRefused, match="Audience"):
        Verifier("ships", [OLD]).caller(token)


def test_token_ends_after_a_minute_and_what_the_clocks_may_differ(
    verifier: Verifier, clock: time_machine.Traveller
) -> None:
    token = Signer("ships", [OLD]).token(ALICE)

    clock.shift(LIFE_S + LEEWAY_S - 1)
    assert verifier.caller(token) == ALICE
    clock.shift(1)
    with pytest.raises(TokenRefused, match="expired"):
        verifier.caller(token)


def test_verified_token_that_is_kept_ends_as_well(verifier: Verifier, clock: time_machine.Traveller) -> None:
    token = Signer("ships", [OLD]).token(ALICE)
    assert verifier.caller(token) == ALICE

    clock.shift(LIFE_S + LEEWAY_S)
    with pytest.raises(TokenRefused, match="expired"):
        verifier.caller(token)


def test_token_of_a_clock_that_is_ahead_is_refused_beyond_the_leeway(verifier: Verifier) -> None:
    now = int(time.time())

    assert verifier.caller(signed(iat=now + LEEWAY_S, exp=now + LIFE_S + LEEWAY_S)).module == "ports"
    with pytest.raises(TokenRefused, match="not yet valid"):
        verifier.caller(signed(iat=now + LEEWAY_S + 1))


def test_token_that_lives_longer_than_a_minute_is_refused(verifier: Verifier) -> None:
    with pytest.raises(TokenRefused, match="lives longer"):
        verifier.caller(signed(exp=int(time.time()) + LIFE_S + LEEWAY_S + 1))


def test_process_without_a_key_believes_nobody() -> None:
    with pytest.raises(TokenRefused, match="holds no key of 'ships'"):
        Verifier("ships", []).caller(signed())


def test_token_is_reused_for_half_its_life(clock: time_machine.Traveller) -> None:
    signer = Signer("ships", [OLD])
    first = signer.token(ALICE)

    clock.shift(REUSED_FOR_S - 1)
    assert signer.token(ALICE) == first
    clock.shift(1)
    assert signer.token(ALICE) != first


def test_token_is_nobody_elses() -> None:
    signer = Signer("ships", [OLD])

    assert (
        len({signer.token(ALICE), signer.token(Caller("ports")), signer.token(Caller("ports", "acme"))}) == 3
    )


def test_no_more_tokens_are_kept_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch, verifier: Verifier
) -> None:
    monkeypatch.setattr(tokens, "MAX_KEPT", 3)
    signer = Signer("ships", [OLD])

    for number in range(10):
        assert verifier.caller(signer.token(Caller("ports", actor=str(number)))).actor == str(number)

    assert len(signer._kept) <= 3
    assert len(verifier._kept) <= 3


def test_keys_rotate_without_a_call_refused() -> None:
    """The steps of docs/how-to/run-calls-between-processes.md; within a step, any process may be the first."""
    values = [[OLD], [OLD, NEW], [NEW, OLD], [NEW]]

    for before, after in itertools.pairwise(values):
        for caller, owner in itertools.product([before, after], repeat=2):
            token = Signer("ships", caller).token(ALICE)
            assert Verifier("ships", owner).caller(token) == ALICE


def test_token_of_a_retired_key_is_refused() -> None:
    with pytest.raises(TokenRefused, match="no key that this process holds"):
        Verifier("ships", [NEW]).caller(signed(OLD))
