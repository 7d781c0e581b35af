"""Every store of samples does the same: PostgreSQL, and ClickHouse's own engine behind its driver."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from apps.home import services
from apps.home.errors import SampleStoreError
from apps.home.models import Failure, ProbeSample, Service
from apps.home.probing import probe_services
from apps.home.pruning import SAMPLES_KEPT, prune
from apps.home.rollup import measure, roll_up
from apps.home.samples import clickhouse as clickhouse_samples
from apps.home.samples.port import Bucket, Latencies, Sample, SampleStore, Totals, interval_start
from apps.home.samples.postgres import PostgresSamples
from monolith.analytics import AnalyticsServer
from tests.apps.home.flaky_server import FlakyServer

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_home")]

START: Final = datetime(2026, 2, 28, 22, 59, 30, 123_456, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
EVER: Final = {"after": datetime(2000, 1, 1, tzinfo=UTC), "until": datetime(2100, 1, 1, tzinfo=UTC)}


@pytest.fixture(params=["postgresql", "clickhouse"])
def store(request: pytest.FixtureRequest) -> Iterator[SampleStore]:
    """One store after the other, empty."""
    if request.param == "postgresql":
        yield PostgresSamples()
        return
    opened = clickhouse_samples.connect(request.getfixturevalue("clickhouse"))
    opened.prune(before=EVER["until"])
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def web() -> int:
    return service("web")


def service(slug: str) -> int:
    return services.add_service(slug=slug, name=slug, path="/").pk


def sample(owner: int, number: int = 0, *, latency_ms: float | None = 10.0, **fields: Any) -> Sample:
    known = {"good": True, "status": 200} | fields
    return Sample(service=owner, at=START + number * MINUTE, latency_ms=latency_ms, **known)


def lost(owner: int, number: int) -> Sample:
    return sample(owner, number, latency_ms=None, good=False, status=None, failure=Failure.TIMEOUT.value)


def test_what_was_recorded_comes_back_newest_first(store: SampleStore, web: int) -> None:
    samples = [sample(web, latency_ms=12.3456), lost(web, 1), sample(web, 2, status=204, latency_ms=0.0)]
    store.record(samples)
    store.record([sample(service("other"))])
    assert store.newest(web, limit=10) == [samples[2], samples[1], replace(samples[0], latency_ms=12.346)]
    assert store.newest(web, limit=1) == [samples[2]]


def test_nothing_recorded_is_nothing_counted(store: SampleStore, web: int) -> None:
    store.record([])
    assert store.newest(web, limit=10) == []
    assert store.totals([web], **EVER) == {}
    assert store.buckets([web], since=START, until=START + HOUR, interval=HOUR) == []
    assert store.totals([], **EVER) == {}
    assert store.prune(before=EVER["until"]) == 0


def test_a_sample_recorded_twice_is_one(store: SampleStore, web: int) -> None:
    for _ in range(2):
        store.record([sample(web, number) for number in range(3)])
    assert store.totals([web], **EVER)[web].total == 3
    assert len(store.newest(web, limit=10)) == 3
    assert store.prune(before=EVER["until"]) == 3


def test_totals_count_after_one_moment_up_to_another(store: SampleStore, web: int) -> None:
    store.record([*(sample(web, number) for number in range(5)), lost(web, 5)])
    found = store.totals([web], after=START + MINUTE, until=START + 4 * MINUTE)
    assert found == {
        web: Totals(
            service=web,
            total=3,
            good=3,
            newest_at=START + 4 * MINUTE,
            latencies=Latencies(p50_ms=10.0, p95_ms=10.0, p99_ms=10.0),
        )
    }
    assert store.totals([web], after=START + 4 * MINUTE, until=START + HOUR)[web].good == 0


def test_totals_keep_services_apart(store: SampleStore, web: int) -> None:
    mail, unasked, silent = service("mail"), service("unasked"), service("silent")
    store.record([sample(web), lost(mail, 1), sample(mail, 2), sample(unasked)])
    found = store.totals([web, mail, silent], **EVER)
    assert {owner: (totals.total, totals.good) for owner, totals in found.items()} == {
        web: (1, 1),
        mail: (2, 1),
    }


def test_percentiles_lie_between_the_latencies_of_answers(store: SampleStore, web: int) -> None:
    """By linear interpolation: of 1 to 20, the median is 10.5, and 0.95 lies 0.05 above the 19th."""
    store.record(
        [*(sample(web, n, latency_ms=float(n + 1)) for n in range(20)), lost(web, 20), lost(web, 21)]
    )
    totals = store.totals([web], **EVER)[web]
    assert (totals.total, totals.good) == (22, 20)
    assert totals.latencies == Latencies(p50_ms=10.5, p95_ms=19.05, p99_ms=19.81)
    (bucket,) = store.buckets([web], since=START, until=START + HOUR, interval=48 * HOUR)
    assert (bucket.total, bucket.good, bucket.latencies) == (22, 20, totals.latencies)


def test_without_an_answer_there_is_no_latency(store: SampleStore, web: int) -> None:
    store.record([lost(web, 0), lost(web, 1)])
    assert store.totals([web], **EVER)[web].latencies == Latencies()
    (bucket,) = store.buckets([web], since=START, until=START + HOUR, interval=48 * HOUR)
    assert bucket.latencies == Latencies()


def test_buckets_begin_at_multiples_of_their_length(store: SampleStore, web: int) -> None:
    """From 22:59:30 on: one in its hour, 60 in the next, the rest in the one after, which is another month."""
    mail = service("mail")
    store.record([sample(web, n, latency_ms=float(n)) for n in range(62)])
    store.record([lost(mail, n) for n in range(2)])
    found = store.buckets([web, mail], since=START, until=START + 61 * MINUTE, interval=HOUR)
    first = START.replace(minute=0, second=0, microsecond=0)

    def between(low: float, high: float) -> Latencies:
        return Latencies(
            p50_ms=low + 0.5 * (high - low),
            p95_ms=round(low + 0.95 * (high - low), 3),
            p99_ms=round(low + 0.99 * (high - low), 3),
        )

    assert found == [
        Bucket(service=web, starts_at=first, total=1, good=1, latencies=between(0, 0)),
        Bucket(service=web, starts_at=first + HOUR, total=60, good=60, latencies=between(1, 60)),
        Bucket(service=web, starts_at=first + 2 * HOUR, total=1, good=1, latencies=between(61, 61)),
        Bucket(service=mail, starts_at=first, total=1, good=0, latencies=Latencies()),
        Bucket(service=mail, starts_at=first + HOUR, total=1, good=0, latencies=Latencies()),
    ]
    # From the interval that `since` is in, and no sample after `until`.
    assert [
        b.total for b in store.buckets([web], since=START + MINUTE, until=START + MINUTE, interval=HOUR)
    ] == [1]


def test_buckets_of_odd_lengths_agree_with_the_arithmetic(store: SampleStore, web: int) -> None:
    interval = timedelta(seconds=97)
    store.record([sample(web, n) for n in range(10)])
    expected = sorted({interval_start(START + n * MINUTE, interval) for n in range(10)})
    found = store.buckets([web], since=START, until=START + HOUR, interval=interval)
    assert [bucket.starts_at for bucket in found] == expected


def test_pruning_removes_what_is_before_a_moment_and_counts_it(store: SampleStore, web: int) -> None:
    store.record([sample(web, n) for n in range(10)])
    assert store.prune(before=START + 4 * MINUTE) == 4
    assert store.prune(before=START + 4 * MINUTE) == 0
    assert store.totals([web], **EVER)[web].total == 6
    assert store.newest(web, limit=10)[-1].at == START + 4 * MINUTE


def test_many_are_recorded_at_once(store: SampleStore, web: int) -> None:
    store.record([sample(web, n, good=bool(n % 7), failure="" if n % 7 else "status") for n in range(10_000)])
    totals = store.totals([web], **EVER)[web]
    assert (totals.total, totals.good) == (10_000, 8_571)


def test_probes_and_roll_ups_give_the_same_with_every_store(store: SampleStore, flaky: FlakyServer) -> None:
    flaky.status_of["/"] = lambda number: 500 if number % 3 == 0 else 200
    web = services.add_service(slug="web", name="Web", path="/", origin=flaky.origin)
    for number in range(9):
        probe_services(store=store, now=START + number * MINUTE)
    now = START + 8 * MINUTE
    assert roll_up(store=store, now=now).breached == ("web",)
    measured = measure(store, [web], now=now)
    assert (measured.totals[web.pk].total, measured.totals[web.pk].good) == (9, 6)
    assert sum(bucket.total for bucket in measured.buckets) == 9
    kept = prune(store=store, now=START + SAMPLES_KEPT + 2 * MINUTE)
    assert (kept.samples, store.totals([web.pk], **EVER)[web.pk].total) == (2, 7)


def test_postgresql_leaves_out_samples_of_services_that_are_gone(web: int) -> None:
    gone = service("gone")
    Service.objects.filter(pk=gone).delete()
    PostgresSamples().record([sample(gone), sample(web)])
    assert [row.service_id for row in ProbeSample.objects.all()] == [web]


def test_a_server_that_does_not_answer_is_an_error_that_says_so() -> None:
    nowhere = AnalyticsServer(secure=False, host="127.0.0.1", port=1, database="d", user="u", password="hush")
    with pytest.raises(SampleStoreError, match="ClickHouse did not open a connection") as caught:
        clickhouse_samples.connect(nowhere)
    assert "hush" not in str(caught.value)


def test_what_the_engine_refuses_is_an_error_of_the_port(clickhouse: AnalyticsServer, web: int) -> None:
    store = clickhouse_samples.connect(clickhouse)
    store._client.command("DROP TABLE home_probesample")
    try:
        with pytest.raises(SampleStoreError, match="ClickHouse did not answer about totals"):
            store.totals([web], **EVER)
    finally:
        store.close()
    clickhouse_samples.connect(clickhouse).close()  # makes its table again


def test_what_postgresql_refuses_is_an_error_of_the_port(web: int) -> None:
    with pytest.raises(SampleStoreError, match="PostgreSQL did not record samples"):
        PostgresSamples().record([sample(web, good=True, failure="status")])
