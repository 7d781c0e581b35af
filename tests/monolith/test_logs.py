"""Log lines: whose they are, what they never hold."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog
from django.test import RequestFactory

from monolith import Module, Tier, compose, entering, logs
from monolith.contracts.scope import acting, correlated
from monolith.environment import read_environment
from monolith.http.identity import request_id as id_of
from monolith.profile import Profile

SECRET = "correct horse battery staple"


class Lines:
    """A logger whose lines can be read back."""

    def __init__(self, *, terminal: bool) -> None:
        self.stream = StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.setFormatter(logs.line_formatter("private", terminal=terminal))
        self.logger = logging.Logger("apps.test")
        self.logger.addHandler(handler)

    def last(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.stream.getvalue().splitlines()[-1])
        return found


@pytest.fixture
def lines() -> Lines:
    return Lines(terminal=False)


@pytest.fixture
def known_secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(logs, "_declared_secrets", lambda: (SECRET,))
    return iter([SECRET])


def test_line_is_one_json_object_with_module_tier_level_and_logger(lines: Lines) -> None:
    with entering("hikes"):
        lines.logger.warning("%d walks\nimported", 3, extra={"source": "gpx"})

    assert len(lines.stream.getvalue().splitlines()) == 1
    line = lines.last()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "3 walks\nimported",
        "level": "warning",
        "logger": "apps.test",
        "module": "hikes",
        "source": "gpx",
        "tier": "private",
    }


def test_line_outside_every_module_is_the_platforms(lines: Lines) -> None:
    lines.logger.info("hello")

    assert lines.last()["module"] == "platform"
    assert "request_id" not in lines.last()
    assert "trace_id" not in lines.last()


def test_line_names_the_request_it_was_written_in(lines: Lines) -> None:
    token = logs.request_id.set("abc-000001")
    try:
        lines.logger.info("hello")
    finally:
        logs.request_id.reset(token)

    assert lines.last()["request_id"] == "abc-000001"


def test_line_names_the_tenant_and_what_its_work_belongs_to(lines: Lines) -> None:
    with acting(tenant="alpine-club"), correlated(correlation="c-1"):
        lines.logger.info("hello")
    assert (lines.last()["tenant"], lines.last()["correlation_id"]) == ("alpine-club", "c-1")

    lines.logger.info("hello")
    assert not {"tenant", "correlation_id"} & lines.last().keys()


def test_request_is_what_its_lines_belong_to_unless_told_otherwise(lines: Lines) -> None:
    token = logs.request_id.set("abc-000001")
    try:
        lines.logger.info("hello")
        assert lines.last()["correlation_id"] == "abc-000001"
        with correlated(correlation="c-1"):
            lines.logger.info("hello")
        assert (lines.last()["correlation_id"], lines.last()["request_id"]) == ("c-1", "abc-000001")
    finally:
        logs.request_id.reset(token)


def test_what_django_logs_of_a_request_after_it_left_its_module_names_both(lines: Lines) -> None:
    request = RequestFactory().get("/api/hikes/walks")
    known = id_of(request)

    lines.logger.warning("Not Found: %s", request.path, extra={"status_code": 404, "request": request})

    assert lines.last()["module"] == "hikes"
    assert lines.last()["request_id"] == known
    assert lines.last()["status_code"] == 404
    assert "request" not in lines.last()


def test_exception_is_part_of_its_line(lines: Lines) -> None:
    try:
        raise ValueError("seven")
    except ValueError:
        lines.logger.exception("failed")

    assert "ValueError: seven" in lines.last()["exception"]
    assert lines.last()["level"] == "error"


@pytest.mark.usefixtures("known_secret")
def test_value_of_a_declared_secret_is_taken_out_wherever_it_stands(lines: Lines) -> None:
    try:
        raise ValueError(f"cannot log in with {SECRET}")
    except ValueError:
        lines.logger.exception(
            f"tried {SECRET}",
            extra={"deep": {"list": [SECRET, {"bytes": SECRET.encode()}]}, "object": Held()},
        )

    assert SECRET not in lines.stream.getvalue()
    assert lines.last()["event"] == f"tried {logs.REDACTED}"
    assert lines.last()["deep"] == {"list": [logs.REDACTED, {"bytes": logs.REDACTED}]}


def test_keys_of_contract_calls_are_secrets(
    lines: Lines, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest, older = "n" * 32, "o" * 32
    modules = [Module(name="ships", tier=Tier.BOTH)]
    environ = {"MONOLITH_SECRET_KEY": "signs sessions", "MONOLITH_CONTRACT_KEYS_SHIPS": f"{newest},{older}"}
    settings.MONOLITH = compose(Profile.PRIVATE, modules, environ)
    monkeypatch.setattr(logs, "_declared_secrets", logs._declared_secrets.__wrapped__)

    lines.logger.warning(f"signed with {newest} and {older}")

    assert lines.last()["event"] == f"signed with {logs.REDACTED} and {logs.REDACTED}"


def test_the_address_for_analytics_and_its_password_are_cut_out(
    lines: Lines, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://home:horse%2Bstaple%2Bbattery@clickhouse:8123/samples"
    environ = {"MONOLITH_SECRET_KEY": "signs sessions", "MONOLITH_ANALYTICS_URL": url}
    settings.MONOLITH = compose(Profile.PRIVATE, [Module(name="hikes", tier=Tier.PRIVATE)], environ)
    monkeypatch.setattr(logs, "_declared_secrets", logs._declared_secrets.__wrapped__)

    lines.logger.warning(f"{url} refused horse+staple+battery")

    assert lines.last()["event"] == f"{logs.REDACTED} refused {logs.REDACTED}"


class Held:
    def __repr__(self) -> str:
        return f"Held({SECRET})"


@pytest.mark.parametrize(
    "extra",
    [
        {"headers": {"Authorization": "Bearer 123456"}},
        {"META": {"HTTP_COOKIE": "sessionid=123456"}},
        {"Set-Cookie": "sessionid=123456"},
        {"password": "123456"},
        {"note": "sent Authorization: Bearer 123456"},
        {"note": "{'Cookie': 'sessionid=123456'}"},
    ],
)
def test_credentials_in_headers_are_never_written(lines: Lines, extra: dict[str, Any]) -> None:
    lines.logger.warning("refused", extra=extra)

    assert "123456" not in lines.stream.getvalue()
    assert logs.REDACTED in lines.stream.getvalue()


def test_terminal_gets_a_readable_line() -> None:
    lines = Lines(terminal=True)

    with entering("ships"):
        lines.logger.info("ingested", extra={"count": 7})

    text = lines.stream.getvalue()
    assert "ingested" in text
    assert "ships" in text
    assert not text.startswith("{")


def test_structlog_loggers_write_the_same_lines(lines: Lines) -> None:
    logger = structlog.wrap_logger(lines.logger)

    with entering("hikes"):
        logger.warning("refreshed", walks=3, password="123456")

    assert lines.last()["module"] == "hikes"
    assert lines.last()["walks"] == 3
    assert lines.last()["password"] == logs.REDACTED


def test_settings_are_pure_and_hold_no_secret() -> None:
    environment = read_environment({"MONOLITH_SECRET_KEY": SECRET})

    first = logs.logging_settings(Profile.PRIVATE, environment)

    assert first == logs.logging_settings(Profile.PRIVATE, environment)
    assert SECRET not in json.dumps(first)
