"""How services are asked: by real requests to a real server that misbehaves."""

import threading
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final

import pytest
from django.test import override_settings

from apps.home import services
from apps.home.asking import MAX_BYTES
from apps.home.errors import OriginNotAllowedError
from apps.home.models import ProbeSample, Service
from apps.home.probing import ProbeReport, probe_services
from apps.home.samples.port import Sample
from apps.home.samples.postgres import PostgresSamples
from monolith.embedded.port import free_port
from tests.apps.home.flaky_server import FlakyServer

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_home")]

NOW: Final = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
STORE: Final = PostgresSamples()


def probed(origin: str, *, answered: bool = True, **fields: Any) -> Sample | None:
    """Probe one new service once; return its sample."""
    known = {"slug": "web", "name": "Web", "path": "/", "origin": origin} | fields
    service = services.add_service(**known)
    if answered:
        Service.objects.update(answered_at=NOW - timedelta(days=1))
    probe_services(store=STORE, now=NOW)
    return next(iter(STORE.newest(service.pk, limit=1)), None)


def outcome(sample: Sample | None) -> tuple[bool, int | None, str]:
    assert sample is not None
    return sample.good, sample.status, sample.failure


def test_an_answer_as_expected_is_good(flaky: FlakyServer) -> None:
    sample = probed(flaky.origin, path="/api/things?limit=1")
    assert outcome(sample) == (True, 200, "")
    assert sample is not None
    assert sample.at == NOW
    assert 0 < (sample.latency_ms or 0) < 5000
    assert flaky.asked == ["/api/things?limit=1"]


@pytest.mark.parametrize("status", [201, 301, 404, 500])
def test_another_status_is_not(flaky: FlakyServer, status: int) -> None:
    flaky.status_of["/"] = lambda _: status
    assert outcome(probed(flaky.origin)) == (False, status, "status")


def test_another_status_may_be_expected(flaky: FlakyServer) -> None:
    flaky.status_of["/"] = lambda _: 401
    assert outcome(probed(flaky.origin, expected_status=401)) == (True, 401, "")


def test_a_redirect_is_not_followed(flaky: FlakyServer) -> None:
    flaky.status_of["/"] = lambda _: 302
    flaky.headers["Location"] = f"{flaky.origin}/elsewhere"
    assert outcome(probed(flaky.origin)) == (False, 302, "status")
    assert flaky.asked == ["/"]


def test_no_answer_in_time_is_a_failure(flaky: FlakyServer) -> None:
    flaky.hold = threading.Event()
    assert outcome(probed(flaky.origin, timeout_ms=100)) == (False, None, "timeout")


def test_an_answer_that_trickles_is_not_waited_for(flaky: FlakyServer) -> None:
    flaky.trickle = True
    started = monotonic()
    assert outcome(probed(flaky.origin, timeout_ms=200)) == (False, 200, "timeout")
    assert monotonic() - started < 3


def test_no_more_of_an_answer_is_read_than_needed(flaky: FlakyServer) -> None:
    """The server would send 64 MB; it gets rid of what the sockets buffer, and then the connection is closed."""
    flaky.body = bytes(1000 * MAX_BYTES)
    assert outcome(probed(flaky.origin)) == (True, 200, "")
    assert MAX_BYTES <= flaky.sent < len(flaky.body) / 2


def test_something_else_than_http_is_a_failure() -> None:
    import socketserver

    class Babble(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"220 mail.example.org ESMTP\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Babble) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        origin = f"http://127.0.0.1:{server.server_address[1]}"
        with override_settings(HOME_PROBE_ORIGINS=[origin]):
            assert outcome(probed(origin)) == (False, None, "protocol")
        thread.join()


def test_an_address_without_a_server_is_a_failure_once_it_has_answered() -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    with override_settings(HOME_PROBE_ORIGINS=[origin]):
        assert outcome(probed(origin)) == (False, None, "unreachable")


def test_an_address_that_never_answered_is_not_up_yet() -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    with override_settings(HOME_PROBE_ORIGINS=[origin]):
        assert probed(origin, answered=False) is None
        assert probe_services(store=STORE, now=NOW) == ProbeReport(not_up_yet=1)


def test_it_is_measured_from_its_first_answer(flaky: FlakyServer) -> None:
    flaky.status_of["/"] = lambda _: 500
    assert outcome(probed(flaky.origin, answered=False)) == (False, 500, "status")
    assert Service.objects.get().answered_at == NOW


def test_an_address_on_no_list_is_neither_taken_nor_asked(flaky: FlakyServer) -> None:
    services.add_service(slug="web", name="Web", path="/", origin=flaky.origin)
    with override_settings(HOME_PROBE_ORIGINS=[]):
        with pytest.raises(OriginNotAllowedError, match=r"allowed: none.*HOME_PROBE_ORIGINS"):
            services.add_service(slug="other", name="Other", path="/", origin=flaky.origin)
        with pytest.raises(OriginNotAllowedError):
            services.edit_service(slug="web", changes={"origin": "http://169.254.169.254"})
        assert probe_services(store=STORE, now=NOW) == ProbeReport(not_allowed=1)
    assert flaky.asked == []
    assert not ProbeSample.objects.exists()


def test_without_an_address_the_public_tier_is_not_asked() -> None:
    services.add_service(slug="public", name="Public", path="/healthz")
    assert probe_services(store=STORE, now=NOW) == ProbeReport(not_allowed=1)


def test_what_is_switched_off_is_not_asked(flaky: FlakyServer) -> None:
    services.add_service(slug="web", name="Web", path="/", origin=flaky.origin)
    services.edit_service(slug="web", changes={"active": False})
    assert probe_services(store=STORE, now=NOW) == ProbeReport()
    assert flaky.asked == []


def test_a_slow_service_does_not_hold_up_the_others(flaky: FlakyServer) -> None:
    flaky.hold = threading.Event()
    for number in range(8):
        services.add_service(
            slug=f"s{number}", name="S", path=f"/{number}", origin=flaky.origin, timeout_ms=300
        )
    started = monotonic()
    assert probe_services(store=STORE, now=NOW) == ProbeReport(bad=8)
    assert monotonic() - started < 8 * 0.3


def test_when_the_time_is_used_up_the_rest_is_left_without_a_sample(flaky: FlakyServer) -> None:
    services.add_service(slug="web", name="Web", path="/", origin=flaky.origin)
    assert probe_services(store=STORE, now=NOW, budget_s=-1) == ProbeReport(left=1)
    assert not ProbeSample.objects.exists()


def test_a_service_that_moves_is_measured_anew(flaky: FlakyServer) -> None:
    probed(flaky.origin)
    moved = services.edit_service(slug="web", changes={"path": "/other"})
    assert moved.answered_at is None
    same = services.edit_service(slug="web", changes={"path": "/other", "name": "Web 2"})
    assert (same.name, same.path) == ("Web 2", "/other")
