"""What the metadata of the tools says of where they are, and of who gives out tokens for them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from django.test import Client
from pytest_django import Settings

from monolith import Profile, compose
from monolith.composition import composed
from monolith.environment import read_environment
from monolith.errors import CompositionError
from settings.modules import MODULES

type Told = Callable[..., tuple[dict[str, Any], str]]

METADATA: Final = "/.well-known/oauth-protected-resource/mcp"
GATEWAY: Final = "https://tools.example.org/agents/mcp"
ISSUER: Final = "https://login.example.org/realms/one"
AT_LEAST: Final = {"MONOLITH_SECRET_KEY": "k" * 50}


@pytest.fixture
def told(client: Client, settings: Settings) -> Told:
    """Return what the metadata says with these variables, and where an answer of 401 says that it is."""

    def tell(**environ: str) -> tuple[dict[str, Any], str]:
        settings.MONOLITH = replace(composed(), environment=read_environment(environ))
        return client.get(METADATA).json(), client.post("/mcp").headers["WWW-Authenticate"]

    return tell


@pytest.mark.django_db(databases="__all__")
def test_without_a_gateway_the_address_is_the_one_that_was_asked(told: Told) -> None:
    said, challenge = told()
    assert said["resource"] == "http://testserver/mcp"
    assert "authorization_servers" not in said
    assert challenge == f'Bearer resource_metadata="http://testserver{METADATA}"'


@pytest.mark.django_db(databases="__all__")
def test_a_process_that_others_reach_is_behind_tls(told: Told) -> None:
    said, challenge = told(MONOLITH_ALLOWED_HOSTS="testserver")
    assert said["resource"] == "https://testserver/mcp"
    assert challenge == f'Bearer resource_metadata="https://testserver{METADATA}"'


@pytest.mark.django_db(databases="__all__")
def test_a_gateway_and_its_issuers_are_named(told: Told) -> None:
    said, challenge = told(MONOLITH_TOOLS_URL=GATEWAY, MONOLITH_TOOLS_ISSUERS=f"{ISSUER}, https://b.example")
    assert said["resource"] == GATEWAY
    assert said["authorization_servers"] == [ISSUER, "https://b.example"]
    where = "https://tools.example.org/.well-known/oauth-protected-resource/agents/mcp"
    assert challenge == f'Bearer resource_metadata="{where}"'


def test_issuers_without_a_gateway_are_refused() -> None:
    with pytest.raises(CompositionError, match="MONOLITH_TOOLS_URL is not; say where the gateway is"):
        compose(Profile.PRIVATE, MODULES, AT_LEAST | {"MONOLITH_TOOLS_ISSUERS": ISSUER})
    both = {"MONOLITH_TOOLS_ISSUERS": ISSUER, "MONOLITH_TOOLS_URL": GATEWAY}
    assert compose(Profile.PRIVATE, MODULES, AT_LEAST | both).environment.tools_issuers == (ISSUER,)


@pytest.mark.parametrize("name", ["MONOLITH_TOOLS_URL", "MONOLITH_TOOLS_ISSUERS"])
@pytest.mark.parametrize(
    "address", ["tools.example.org", "ftp://x.example", "https://u:p@x.example/", "https://x.example/?a#b"]
)
def test_what_is_no_address_is_refused_without_being_repeated(name: str, address: str) -> None:
    with pytest.raises(CompositionError) as caught:
        read_environment({name: address})
    assert name in str(caught.value)
    assert address not in str(caught.value)
