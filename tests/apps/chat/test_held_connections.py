"""Whoever waits for a responder holds no connection: pools are smaller than the number of those who may wait."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client
from django.utils import timezone

from apps.chat import answering
from apps.chat.answering import Piece, Text
from apps.chat.models import Channel
from monolith import composed, entering
from tests.apps.chat.notes import ASKED, write_notes
from tests.apps.chat.test_answering import Hangs

pytestmark = pytest.mark.usefixtures("committed_db", "granted_for_good", "channel")

ASKING: Final = 10
JSON: Final = "application/json"
ENOUGH_S: Final = 15


@pytest.fixture
def granted_for_good(committed_db: None, granted: None) -> None:
    """Grants that other threads see."""


def begun(number: int, responder: Hangs, everybody: threading.Barrier) -> list[Piece]:
    """Ask, and hold on where the responder hangs until everybody does."""
    try:
        with entering("chat"):
            asked = answering.ask(
                channel="help",
                subject=f"user:{number}",
                external_id=f"q{number}",
                text=ASKED,
                now=timezone.now(),
            )
            pieces = answering.make_answer(asked.answer.pk, responder=responder, limit_s=ENOUGH_S)
            told = [next(pieces), next(pieces)]
            everybody.wait(ENOUGH_S)
            return [*told, *pieces]
    finally:
        connections.close_all()


def test_more_answers_than_a_pool_has_connections_are_waited_for_at_once() -> None:
    assert composed().databases["chat"]["OPTIONS"]["pool"]["max_size"] < ASKING
    write_notes()
    connections.close_all()
    hanging = [Hangs() for _ in range(ASKING)]
    everybody = threading.Barrier(ASKING + 1)
    with ThreadPoolExecutor(ASKING) as threads:
        runs = [threads.submit(begun, number, each, everybody) for number, each in enumerate(hanging)]
        everybody.wait(ENOUGH_S)
        with entering("chat"):
            assert Channel.objects.count() == 1
        for each in hanging:
            each.go.set()
        assert all(isinstance(run.result(ENOUGH_S)[1], Text) for run in runs)


def test_a_stream_holds_none_between_its_chunks(client: Client) -> None:
    write_notes()
    client.force_login(get_user_model().objects.create_superuser("keeper", "keeper@example.org", "secret"))
    response = client.post("/api/chat/channels/help/ask", {"external_id": "q", "text": ASKED}, JSON)
    chunks = iter(response.streaming_content)  # type: ignore[attr-defined]
    told = [next(chunks), next(chunks)]
    assert [each.partition(b"\n")[0] for each in told] == [b"event: asked", b"event: found"]
    assert [each.alias for each in connections.all(initialized_only=True) if each.connection] == []
    assert b"event: done" in b"".join(chunks)
