"""A tier in a process of its own: granian hands an answer's events on as they are made."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import httpx2
import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from monolith.embedded import PostgresCluster
from tests.apps.chat.model_server import ModelServer, chunk, serving
from tests.apps.chat.notes import ASKED, write_notes
from tests.served_tier import Served, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("committed_db", "granted_for_good", "channel"),
]

FIRST_BYTES_S: Final = 0.3
ASKINGS: Final = 40
WAITING: Final = 12  # more than a pool has connections, fewer than there are places for responders


@pytest.fixture
def granted_for_good(committed_db: None, granted: None) -> None:
    """Grants that another process sees."""


@contextmanager
def staff_of(tier: Served) -> Iterator[httpx2.Client]:
    """Log a member of staff in."""
    # The suite's own hasher is a fast one that the private tier does not accept.
    password = PBKDF2PasswordHasher().encode("lovelace", salt="one test's salt", iterations=1)
    get_user_model().objects.create(username="ada", password=password, is_staff=True, is_superuser=True)
    with httpx2.Client(base_url=tier.address, timeout=30, headers={"Referer": f"{tier.address}/"}) as client:
        client.get("/admin/login/")
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        login = client.post("/admin/login/", data={"username": "ada", "password": "lovelace"})
        assert login.status_code == 302, login.text
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        yield client


def asking(client: httpx2.Client, key: str, text: str = ASKED) -> Any:
    return client.stream("POST", "/api/chat/channels/help/ask", json={"external_id": key, "text": text})


def test_first_bytes_and_the_found_note_come_within_300_ms(cluster: PostgresCluster) -> None:
    write_notes()
    first, found = list[float](), list[float]()
    with served(cluster, "private") as tier, staff_of(tier) as staff:
        for number in range(ASKINGS):
            started = time.perf_counter()
            with asking(staff, f"q{number}", f"{ASKED} {number}") as response:
                lines = response.iter_lines()
                assert next(lines) == "event: asked"
                first.append(time.perf_counter() - started)
                assert "event: found" in lines
                found.append(time.perf_counter() - started)
                assert "event: done" in lines
    p95 = int(ASKINGS * 0.95) - 1
    assert sorted(first)[p95] < FIRST_BYTES_S, sorted(first)
    assert sorted(found)[p95] < FIRST_BYTES_S, sorted(found)


def test_pieces_come_while_the_model_is_still_at_it(cluster: PostgresCluster) -> None:
    write_notes()
    with serving() as model:
        model.hold = threading.Event()
        model.events = [
            chunk("High water follows every "),
            chunk("12 hours and 25 minutes [1]."),
            "data: [DONE]\n\n",
        ]
        with (
            served(cluster, "private", **_told(model)) as tier,
            staff_of(tier) as staff,
            asking(staff, "q") as response,
        ):
            lines = response.iter_lines()
            assert "event: text" in lines
            assert json.loads(next(lines).removeprefix("data: ")) == {"text": "High water follows every "}
            model.hold.set()  # only now the rest is written
            assert "event: done" in lines
            done = json.loads(next(lines).removeprefix("data: "))
    assert (done["state"], done["responder"]) == ("answered", "openai")
    assert done["text"] == "High water follows every 12 hours and 25 minutes [1]."


def test_streams_that_wait_for_a_model_hold_no_connection(cluster: PostgresCluster) -> None:
    write_notes()
    with serving() as model, served(cluster, "private", **_told(model)) as tier, staff_of(tier) as staff:
        model.hold = threading.Event()
        model.events = [chunk("High "), chunk("water [1]."), "data: [DONE]\n\n"]
        with ExitStack() as waiting:
            for number in range(WAITING):
                response = waiting.enter_context(asking(staff, f"q{number}", f"{ASKED} {number}"))
                assert "event: text" in response.iter_lines()
            # The session, the user and the module's own rows: of three pools.
            assert staff.get("/api/chat/channels").status_code == 200
            model.hold.set()


def _told(model: ModelServer) -> dict[str, str]:
    return {
        "CHAT_RESPONDER": "openai",
        "CHAT_OPENAI_URL": model.url,
        "CHAT_OPENAI_MODEL": "small",
        "CHAT_API_KEY": "key-of-the-model",
    }
