"""Calling tools as an agent with a token does: for tests in the process that answers."""

from typing import Any, Final
from uuid import uuid4

from jsonschema_rs import Draft202012Validator

from monolith.tools import Tag, decisions, tokens
from monolith.tools.attempt import Told
from monolith.tools.calls import call_tool
from monolith.tools.models import Decision, ToolCall
from monolith.tools.registry import tools
from monolith.tools.scopes import EVERY
from monolith.tools.tokens import MAX_LIMIT, Identity

EVERYTHING: Final = tuple(f"{tag}:{EVERY}" for tag in Tag)


def guest(*scopes: str, name: str = "", tenant: str = "", **limits: Any) -> Identity:
    """Return whom a new token stands for; without scopes it may call everything."""
    return known(secret_of(*scopes, name=name, tenant=tenant, **limits))


def secret_of(*scopes: str, name: str = "", tenant: str = "", **limits: Any) -> str:
    """Return the secret of a new token; without scopes it may call everything, and without limits it never waits."""
    _, secret = tokens.make(
        name=name or f"agent-{uuid4().hex[:8]}",
        scopes=scopes or EVERYTHING,
        made_by="test",
        tenant=tenant,
        **{"calls_a_minute": MAX_LIMIT, "units_a_day": MAX_LIMIT} | limits,
    )
    return secret


def known(secret: str) -> Identity:
    """Return whom a secret stands for, who has to be somebody."""
    found = tokens.authenticate(secret)
    assert found is not None
    return found


def answer(identity: Identity, tool: str, /, **arguments: Any) -> dict[str, Any]:
    """Return what a call tells, which has to be as the tool's schema says."""
    Draft202012Validator(tools()[tool].input_schema).validate(arguments)
    told = call_tool(identity, tool, arguments)
    assert told.outcome == ToolCall.Outcome.SUCCEEDED, told.text
    assert told.content is not None
    Draft202012Validator(tools()[tool].output_schema).validate(told.content)
    return told.content


def refusal(identity: Identity, tool: str, /, **arguments: Any) -> str:
    """Return why the tool itself refuses a call."""
    told = call_tool(identity, tool, arguments)
    assert told.outcome == ToolCall.Outcome.REFUSED, told
    return told.text


def confirmed(identity: Identity, tool: str, /, **arguments: Any) -> Told:
    """Return what a call of a restricted tool tells after a person has confirmed it."""
    asked = call_tool(identity, tool, arguments)
    assert asked.outcome == ToolCall.Outcome.UNDECIDED, asked
    question = Decision.objects.get(token_id=identity.id, tool=tool, status=Decision.Status.PENDING)
    assert decisions.decide(question.pk, approved=True, by="user:1")
    return call_tool(identity, tool, arguments)


def all_items(identity: Identity, tool: str, /, **arguments: Any) -> list[dict[str, Any]]:
    """Return the items of all pages of a list."""
    items: list[dict[str, Any]] = []
    after = ""
    while True:
        page = answer(identity, tool, **arguments, after=after)
        items += page["items"]
        after = page["next"]
        if not after:
            return items
        assert page["items"]
