"""Calls that nobody waits for, calls that come twice, and the message that cancels one."""

import json
from typing import Any
from uuid import uuid4

import pytest

from monolith.tools import cancelling
from monolith.tools.calls import call_tool, read_resource
from monolith.tools.models import Token, ToolCall
from monolith.tools.progress import Progress
from monolith.tools.tokens import Identity
from tests.tool_calls import answer, guest

INGEST = "knowledge_ingest_raw"


class Exchange:
    """Stands where a request is under way, and notes that it was cancelled."""

    is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


def asked(identity: Identity, session: str, **message: Any) -> cancelling.Asked:
    return cancelling.read(identity, session, json.dumps({"jsonrpc": "2.0", **message}).encode())


@pytest.mark.django_db(databases="__all__")
def test_a_call_that_was_cancelled_before_it_began_costs_nothing_and_is_kept() -> None:
    reader, progress = guest("read:*"), Progress()
    progress.mark_cancelled()
    told = call_tool(reader, "stars_find_sites", {}, progress)
    assert (told.outcome, told.is_error) == ("cancelled", True)
    assert read_resource(reader, "knowledge://notes/a-note", progress).outcome == "cancelled"
    assert set(ToolCall.objects.values_list("outcome", "units")) == {("cancelled", 0)}
    assert Token.objects.get(pk=reader.id).spent_units == 0


@pytest.mark.django_db(databases="__all__")
def test_a_key_is_one_tokens_own() -> None:
    one, other = guest("propose:knowledge"), guest("propose:knowledge")
    first = answer(one, INGEST, idempotency_key="k", text="The first text.")
    assert first["is_new"]
    assert answer(one, INGEST, idempotency_key="k", text="The first text.") == first
    assert call_tool(one, INGEST, {"idempotency_key": "k", "text": "Another."}).outcome == "refused"
    # What another agent used as a key says nothing to this one, and keeps nothing from it.
    assert answer(other, INGEST, idempotency_key="k", text="Another.")["is_new"]


def test_a_message_cancels_a_call_of_its_own_session_and_token() -> None:
    one = Identity(uuid4(), "one", "", frozenset())
    other = Identity(uuid4(), "other", "", frozenset())
    exchange: Any = Exchange()
    asked(one, "s", id=3, method="tools/call").remember(exchange)
    cancel = {"method": "notifications/cancelled", "params": {"requestId": 3}}

    for message in (
        asked(other, "s", **cancel),
        asked(one, "t", **cancel),
        asked(one, "", **cancel),
        asked(one, "s", method="notifications/cancelled", params={"requestId": 4}),
        asked(one, "s", method="notifications/cancelled"),
        asked(one, "s", method="notifications/progress", params={"requestId": 3}),
    ):
        message.cancel_named()
    assert not exchange.is_cancelled
    asked(one, "s", **cancel).cancel_named()
    assert exchange.is_cancelled


def test_what_cannot_be_read_cancels_nothing_and_keeps_nothing() -> None:
    identity = Identity(uuid4(), "one", "", frozenset())
    for body in (b"", b"{", b"[" * 100_000, b"[1]", b"\xff", b'{"id": ' + b"9" * 6000 + b"}"):
        read = cancelling.read(identity, "s", body)
        assert (read.message, read.begins) == ({}, False)
        read.cancel_named()
    assert asked(identity, "", id=1, method="initialize").begins
