"""What of today's operations breaks readers of the last release."""

from types import new_class
from typing import Any, Protocol

import pytest

from monolith.contracts import DeclaredError, Interface, command, gate, raises
from monolith.contracts.contract import contract_of
from monolith.contracts.documents.openapi import openapi_document
from monolith.contracts.documents.releases import document_breaks


class Lost(DeclaredError):
    """It is lost."""

    status = 404
    mmsi: int


class Sunk(DeclaredError):
    """It is sunk."""


class Later:
    """Errors of the same names, as they became."""

    class Lost(DeclaredError):
        """It is lost."""

        status = 410
        mmsi: int | None


def name(self: Any, *, mmsi: int) -> str:
    """Return a name."""
    return ""


def name_up_to(self: Any, *, mmsi: int, limit: int = 5) -> str:
    """Return a name."""
    return ""


def name_up_to_six(self: Any, *, mmsi: int, limit: int = 6) -> str:
    """Return a name."""
    return ""


def name_or_none(self: Any, *, mmsi: int) -> str | None:
    """Return a name."""
    return ""


@command
def name_as_command(self: Any, *, idempotency_key: str, mmsi: int) -> str:
    """Return a name."""
    return ""


@gate(on_failure="", callers=("hikes",))
def name_as_gate(self: Any, *, mmsi: int) -> str:
    """Return a name."""
    return ""


@raises(Lost)
def name_or_lost(self: Any, *, mmsi: int) -> str:
    """Return a name."""
    return ""


@raises(Lost, Sunk)
def name_or_lost_or_sunk(self: Any, *, mmsi: int) -> str:
    """Return a name."""
    return ""


@raises(Later.Lost)
def name_or_lost_later(self: Any, *, mmsi: int) -> str:
    """Return a name."""
    return ""


def document(**methods: Any) -> dict[str, Any]:
    """Return the OpenAPI document of a contract of ships."""
    body = {"__doc__": "A contract.", "__module__": "contracts.ships", **methods}
    interface = new_class("Ships", (Interface, Protocol), {}, lambda namespace: namespace.update(body))
    return openapi_document(contract_of(interface))


UNREAD = "readers take it for a failure of the call; say it in the result, or in a new version"
KIND = "callers make calls of each kind differently; keep the kind, or give the operation a new name"

# Operations as they were and as they become, and what that breaks.
OPERATIONS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing": ({"name": name_or_lost}, {"name": name_or_lost}, []),
    "an operation more": ({"name": name}, {"name": name, "other": name}, []),
    "an operation less": (
        {"name": name, "other": name},
        {"name": name},
        ["ships.other is gone; keep it, under its name"],
    ),
    "an operation under another name": (
        {"name": name},
        {"other": name},
        ["ships.name is gone; keep it, under its name"],
    ),
    "a parameter with a default more": ({"name": name}, {"name": name_up_to}, []),
    "a parameter less": (
        {"name": name_up_to},
        {"name": name},
        ["ships.name.limit is gone; keep it, under its name"],
    ),
    "another default": (
        {"name": name_up_to},
        {"name": name_up_to_six},
        ["ships.name.limit had the default 5, now 6; keep the default"],
    ),
    "another result": (
        {"name": name},
        {"name": name_or_none},
        ["ships.name -> result may be null now; send what readers take"],
    ),
    "a command of a query": (
        {"name": name},
        {"name": name_as_command},
        [
            f"ships.name was a query, now a command; {KIND}",
            "ships.name.idempotency_key is new and required; give it a default",
        ],
    ),
    "a query of a command": (
        {"name": name_as_command},
        {"name": name},
        [
            f"ships.name was a command, now a query; {KIND}",
            "ships.name.idempotency_key is gone; keep it, under its name",
        ],
    ),
    "a gate of a query": (
        {"name": name},
        {"name": name_as_gate},
        [f"ships.name was a query, now a gate; {KIND}"],
    ),
    "an error more": (
        {"name": name_or_lost},
        {"name": name_or_lost_or_sunk},
        [f"ships.name (sunk) is raised now; {UNREAD}"],
    ),
    "an error less": (
        {"name": name_or_lost_or_sunk},
        {"name": name_or_lost},
        ["ships.name (sunk) is no longer raised; keep the error declared"],
    ),
    "an error that differs": (
        {"name": name_or_lost},
        {"name": name_or_lost_later},
        [
            "ships.name (lost) had status 404, now 410; keep the status",
            "ships.name (lost).mmsi may be null now; send what readers take",
        ],
    ),
}


@pytest.mark.parametrize("change", OPERATIONS)
def test_operations_keep_their_names_kinds_and_errors(change: str) -> None:
    old, new, expected = OPERATIONS[change]

    assert [str(each) for each in document_breaks(document(**old), document(**new))] == expected
