"""What is kept of headers, addresses and bodies: no secret, and not too much."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agent.redaction import (
    MAX_BODY,
    MAX_HEADER,
    MAX_HEADERS,
    REDACTED,
    is_secret,
    redact_body,
    redact_headers,
    redact_url,
)

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Set-Cookie",
        "X-Api-Key",
        "apikey",
        "client_secret",
        "access_token",
        "X-CSRFToken",
        "password",
        "PWD",
        "sessionid",
        "X-Amz-Signature",
        "private_key",
    ],
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(name)
    assert SECRET not in str(redact_headers({name: SECRET}))


@pytest.mark.parametrize("name", ["author", "authors", "Content-Type", "shipping", "design", "X-Request-Id"])
def test_other_names_are_no_secrets(name: str) -> None:
    assert not is_secret(name)
    assert redact_headers({name: "value"}) == {name.lower(): "value"}


def test_a_secret_in_a_value_goes_too() -> None:
    kept = redact_headers(
        {"X-Debug": f"Bearer {SECRET}", "Location": f"https://a.example/?token={SECRET}&q=1"}
    )

    assert SECRET not in str(kept)
    assert kept["location"] == f"https://a.example/?token={REDACTED}&q=1"


def test_many_and_long_headers_are_cut() -> None:
    kept = redact_headers({f"X-{number}": "v" * 5000 for number in range(200)})

    assert len(kept) == MAX_HEADERS
    assert {len(value) for value in kept.values()} == {MAX_HEADER}


def test_an_address_loses_user_password_fragment_and_secret_parameters() -> None:
    url = f"https://ada:{SECRET}@api.example/way?api_key={SECRET}&page=2#{SECRET}"

    assert redact_url(url) == f"https://api.example/way?api_key={REDACTED}&page=2"


def test_json_is_looked_through() -> None:
    body = json.dumps({"a": [{"refresh_token": SECRET, "n": 1}], "password": {"old": SECRET}, "user": "ada"})

    text, cut = redact_body(body)

    assert json.loads(text) == {
        "a": [{"refresh_token": REDACTED, "n": 1}],
        "password": REDACTED,
        "user": "ada",
    }
    assert not cut


@pytest.mark.parametrize(
    "body",
    [
        f"password={SECRET}&user=ada",
        f'{{"password": "{SECRET}", "cut in the mid',
        f"token: {SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"Authorization: Basic {SECRET}",
        f"client_secret='{SECRET}'",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.hunter2-hunter2",
    ],
)
def test_what_is_no_json_is_looked_through_by_its_words(body: str) -> None:
    assert SECRET not in redact_body(body)[0]


def test_a_secret_across_the_cut_is_no_part_of_what_is_kept() -> None:
    body = "x" * (MAX_BODY - 16) + f" password={SECRET}"

    text, cut = redact_body(body)

    assert cut
    assert "hunter2" not in text


def test_json_that_is_nested_too_deep_goes_as_a_whole() -> None:
    body = '{"a":' * 60 + f'{{"plain": "{SECRET}"}}' + "}" * 60

    assert SECRET not in redact_body(body)[0]


@pytest.mark.parametrize(
    "piece", ["x", "token", "eyJ-", "Bearer ", "auth ", '"', "password=", "eyJaaaaaaaaa."]
)
def test_no_answer_chooses_how_long_it_takes(piece: str) -> None:
    began = time.process_time()

    redact_body(piece * (1_000_000 // len(piece)))

    assert time.process_time() - began < 1


@given(st.text(max_size=300))
def test_once_more_changes_nothing(body: str) -> None:
    once, _ = redact_body(body)

    assert redact_body(once) == (once, False)
    assert "\x00" not in once


@given(
    st.dictionaries(
        st.sampled_from(["token", "user", "password"]), st.text(min_size=8, max_size=20), max_size=3
    )
)
def test_no_value_of_a_secret_member_is_kept(members: dict[str, str]) -> None:
    text, _ = redact_body(json.dumps(members))

    kept = json.loads(text)
    assert {name: kept[name] for name in kept if is_secret(name)} == {
        name: REDACTED for name in members if is_secret(name)
    }
