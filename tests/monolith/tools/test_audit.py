"""The record of calls: each is in it once, the database keeps it, and no secret is in it."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from monolith.logs import redacted
from monolith.tools import Tag, audit, retention, tokens, tool
from monolith.tools.calls import call_tool
from monolith.tools.models import Decision, Token, ToolCall
from monolith.tools.secret_text import without_secrets
from tests.monolith.tools.offered_tools import offered
from tests.tool_calls import guest, secret_of

pytestmark = pytest.mark.django_db(databases="__all__")

SECRET = "hunter2-and-more"
DEEP: Any = SECRET
for _ in range(900):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM monolith_tools_call",
        "UPDATE monolith_tools_call SET outcome = 'failed'",
        "UPDATE monolith_tools_call SET at = now() - interval '91 days'",
        "UPDATE monolith_tools_call SET outcome = outcome",
        "UPDATE monolith_tools_call SET outcome = 'running'",
        "TRUNCATE monolith_tools_call",
        "ALTER TABLE monolith_tools_call DISABLE TRIGGER ALL",
        "DROP TRIGGER monolith_tools_call_kept ON monolith_tools_call",
        "CREATE OR REPLACE FUNCTION keep_tool_calls() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "DROP TABLE monolith_tools_call CASCADE",
        """INSERT INTO monolith_tools_call SELECT * FROM monolith_tools_call
        ON CONFLICT (id) DO UPDATE SET outcome = 'failed'""",
    ],
)
def test_what_is_kept_is_not_changed(statement: str) -> None:
    call_tool(guest("read:stars"), "stars_find_sites", {})
    before = list(ToolCall.objects.values())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert list(ToolCall.objects.values()) == before


def test_what_has_begun_takes_one_end() -> None:
    entry = ToolCall(token_name="agent", tool="home_x", outcome="running", duration_ms=0, arguments={"a": 1})
    entry.token_id = guest().id
    audit.record(entry)
    changes: list[dict[str, Any]] = [
        {"tool": "other"},
        {"arguments": {}},
        {"outcome": "failed", "token_name": "other"},
        {"units": 3},
    ]
    for changed in changes:
        with pytest.raises(DatabaseError, match="only grows"), transaction.atomic():
            ToolCall.objects.filter(pk=entry.pk).update(**changed)
    entry.outcome, entry.detail, entry.duration_ms = "failed", "It failed.", 2.5
    audit.record_end(entry)
    entry.outcome = "succeeded"
    audit.record_end(entry)  # too late
    kept = ToolCall.objects.get()
    assert (kept.outcome, kept.detail, kept.duration_ms, kept.arguments) == (
        "failed",
        "It failed.",
        2.5,
        {"a": 1},
    )


def aged(days: int) -> None:
    """Keep a call that is so old."""
    ToolCall.objects.create(
        token_id=guest(name=f"of {days}").id,
        token_name=f"{days} days",
        tool="x",
        outcome="succeeded",
        duration_ms=1,
        at=timezone.now() - timedelta(days=days),
    )


def test_what_is_old_goes_and_nothing_younger() -> None:
    for days in (89, 91, 400):
        aged(days)
    long_ago = timezone.now() - timedelta(days=91)
    names = ("good", "revoked long ago", "with a decision")
    made = {name: tokens.make(name=name, scopes=["read:stars"], made_by="me")[0] for name in names}
    Token.objects.filter(name__startswith="of ").delete()
    Token.objects.exclude(name="good").update(revoked_at=long_ago)
    for name, until in (("good", long_ago), ("with a decision", timezone.now())):
        Decision.objects.create(
            token=made[name], tool="x", arguments={}, fingerprint=b"", expires_at=until, status="used"
        )

    call_command("tokens", "forget", "--json")

    assert list(ToolCall.objects.values_list("token_name", flat=True)) == ["89 days"]
    assert set(Token.objects.values_list("name", flat=True)) == set(
        names
    )  # what was granted to a name stays its own
    assert Decision.objects.get().token.name == "with a decision"
    assert retention.forget_all().is_nothing


def test_calls_forget_in_passing_once_in_a_while() -> None:
    agent = guest("read:stars")
    retention._due.at = 0.0
    aged(91)
    call_tool(agent, "stars_find_sites", {})
    assert not ToolCall.objects.filter(token_name="91 days").exists()
    aged(92)
    call_tool(agent, "stars_find_sites", {})  # not again within the hour
    assert ToolCall.objects.filter(token_name="92 days").exists()


HOSTILE: dict[str, Any] = {
    "nul": "a\0b",
    "surrogate": "\ud800\udfff",
    "infinite": float("inf"),
    "minus infinite": float("-inf"),
    "no number": float("nan"),
    "huge": 10**5000,
    "minus huge": -(10**5000),
    "a\0\ud800name": 1,
    "deep": DEEP,
    "wide": list(range(100_000)),
    "long": "x" * 1_000_000,
    "lines": "a\nlevel=CRITICAL message=forged\r\n\x1b[2J\u2028",
    "bytes": b"\xff",
    "object": object(),
    "none": None,
    "x" * 5000: "long name",
}


@pytest.mark.parametrize("name", ["stars_find_sites", "nobody\0\ud800\n" + "x" * 10_000, "fmt_" + "a" * 43])
@pytest.mark.parametrize(
    "arguments", [*({k: v} for k, v in HOSTILE.items()), HOSTILE], ids=lambda a: next(iter(a))[:20]
)
def test_whatever_a_guest_sends_is_kept_once(name: str, arguments: dict[str, Any]) -> None:
    told = call_tool(guest("read:stars"), name, arguments)
    assert told.outcome in ("invalid", "forbidden")
    kept = ToolCall.objects.get()
    assert kept.outcome == told.outcome
    assert len(json.dumps(kept.arguments)) < 20_000
    assert len(told.text) < 20_000
    assert "fmt_a" not in str([kept.tool, kept.detail, told.text])


@pytest.mark.parametrize(
    "arguments",
    [
        {"password": SECRET},
        {"Authorization": f"Bearer {SECRET}"},
        {"api_key": SECRET},
        {"apiKey": [SECRET]},
        {"X-API-Key": SECRET},
        {"client_secret": {"value": SECRET}},
        {"token": SECRET},
        {"refreshTokens": [SECRET]},
        {"credentials": {"user": "x", "of": SECRET}},
        {"a": {"b": [{"passphrase": SECRET}]}},
        {"private_key": SECRET},
        {"deep": DEEP},
        {"text": f"password={SECRET}"},
        {"text": f'{{"api_key": "{SECRET}"}}'},
        {"text": f"postgresql://user:{SECRET}@host/db"},
        {"text": f"Authorization: Bearer {SECRET}"},
        {"text": "x" * (audit.MAX_TEXT - 10) + f"token={SECRET}"},
    ],
    ids=str,
)
def test_no_secret_is_kept(arguments: dict[str, Any]) -> None:
    call_tool(guest("read:stars"), "stars_find_sites", arguments)
    kept = ToolCall.objects.get()
    for part in (SECRET, SECRET[:6]):
        assert part not in json.dumps([kept.arguments, kept.detail])


def test_our_own_secrets_are_kept_nowhere() -> None:
    secret = secret_of("read:stars", name="other")
    for planted in (secret, str(settings.SECRET_KEY)):
        texts = {
            "text": planted,
            planted: 1,
            "list": [{"x": f"look: {planted}!"}],
            "cut": "y" * 180 + planted,
        }
        told = call_tool(guest("read:stars", name=planted[-5:]), "stars_find_sites", texts)
        again = call_tool(guest("read:stars", name=planted[-6:]), planted, {})
        for text in (told.text, again.text, *map(str, ToolCall.objects.values_list())):
            assert planted[:10] not in text or planted is not secret
            assert planted not in text


@pytest.mark.parametrize(
    "text",
    [
        "fmt_" + "A1b2-_" * 7,
        "ghp_" + "a1" * 18,
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END",
    ],
)
def test_what_is_written_like_a_secret_is_one(text: str) -> None:
    assert text not in without_secrets(f"before {text} after")
    assert without_secrets("A walk by the lake; authors and passages stay.").count("stay") == 1


@tool(tag=Tag.EXECUTE, from_users=False)
def fill_stove(*, logs: int) -> str:
    """Fill the stove."""
    if logs < 0:
        raise RuntimeError(f"no such number of logs, fmt_{'s' * 43}")
    return "y" * logs


def test_results_are_not_kept_and_one_that_is_too_long_does_not_undo_what_was_done() -> None:
    with offered("home", fill_stove) as [name]:
        agent = guest("execute:home")
        assert call_tool(agent, name, {"logs": 7}).content == {"result": "yyyyyyy"}
        long = call_tool(agent, name, {"logs": 300_000})
        assert (long.outcome, long.is_error, "It was done" in long.text) == ("succeeded", True, True)
    assert "yyy" not in str(list(ToolCall.objects.values()))


def test_a_failure_tells_where_to_look_and_the_log_has_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    with offered("home", fill_stove) as [name]:
        told = call_tool(guest("execute:home"), name, {"logs": -1})
    kept = ToolCall.objects.get()
    assert told.text == f"It failed. The log has it as {kept.pk}."
    assert kept.correlation == str(kept.pk)
    assert "no such number" not in f"{told.text} {kept.detail}"
    assert "no such number" in caplog.text
    assert "fmt_s" not in redacted(caplog.text)


@pytest.mark.parametrize(
    "part", ["eyJaaaaaaaa-", "eyJaaaaaaaa.", "fmt_-", "sk-", "a:b@", "secret ", "-----BEGIN PRIVATE KEY-----"]
)
def test_a_long_text_is_looked_through_in_no_time(part: str) -> None:
    text = part * (1_000_000 // len(part))
    began = time.process_time()
    without_secrets(text)
    audit.kept_text(text, 200)
    assert time.process_time() - began < 5  # what grows with the square of the length takes minutes
