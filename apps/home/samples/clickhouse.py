"""Samples on a ClickHouse server, spoken to over HTTP."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from apps.home.errors import SampleStoreError
from apps.home.samples.port import Bucket, Latencies, Sample, Totals, interval_start
from monolith.analytics import AnalyticsServer

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

TABLE: Final = "home_probesample"
COLUMNS: Final = ("service_id", "at", "good", "status", "latency_ms", "failure")
CONNECT_S: Final = 3
ANSWER_S: Final = 15
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DECIMALS: Final = 3


class ClickHouseSamples:
    """Keeps samples in a table of its own, which it makes when it is not there."""

    name = "clickhouse"

    def __init__(self, client: "Client") -> None:
        self._client = client
        with _translated("make the table"):
            client.command(_statement("create"))

    def record(self, samples: Sequence[Sample]) -> None:
        """Store samples."""
        if not samples:
            return
        rows = [(s.service, s.at, s.good, s.status, _rounded(s.latency_ms), s.failure) for s in samples]
        with _translated("record samples"):
            self._client.insert(TABLE, rows, column_names=COLUMNS)

    def totals(self, services: Collection[int], *, after: datetime, until: datetime) -> dict[int, Totals]:
        """Count the samples after one moment up to and including another."""
        rows = self._rows(
            "totals", {"services": list(services), "after": _micros(after), "until": _micros(until)}
        )
        return {
            service: Totals(
                service=service,
                total=total,
                good=good,
                newest_at=_moment(newest_at),
                latencies=_latencies(percentiles, answered),
            )
            for service, total, good, newest_at, percentiles, answered in rows
        }

    def buckets(
        self, services: Collection[int], *, since: datetime, until: datetime, interval: timedelta
    ) -> list[Bucket]:
        """Count samples by service and interval."""
        span = {
            "since": _micros(interval_start(since, interval)),
            "until": _micros(until),
            "interval": interval // _MICROSECOND,
        }
        rows = self._rows("buckets", {"services": list(services), **span})
        return [
            Bucket(
                service=service,
                starts_at=_moment(starts_at),
                total=total,
                good=good,
                latencies=_latencies(percentiles, answered),
            )
            for service, starts_at, total, good, percentiles, answered in rows
        ]

    def newest(self, service: int, *, limit: int) -> list[Sample]:
        """Return a service's samples, newest first."""
        return [
            Sample(
                service=owner,
                at=_moment(at),
                good=bool(good),
                status=status,
                latency_ms=latency_ms,
                failure=failure,
            )
            for owner, at, good, status, latency_ms, failure in self._rows(
                "newest", {"service": service, "limit": limit}
            )
        ]

    def prune(self, *, before: datetime) -> int:
        """Remove the samples before a moment; return how many there were."""
        ((old,),) = self._rows("count_old", {"before": _micros(before)})
        if old:
            with _translated("prune samples"):
                self._client.command(_statement("prune"), parameters={"before": _micros(before)})
        return int(old)

    def close(self) -> None:
        """Give back connections."""
        self._client.close()

    def _rows(self, name: str, parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        with _translated(f"answer about {name}"):
            return self._client.query(_statement(name), parameters=parameters).result_rows


def connect(server: AnalyticsServer) -> ClickHouseSamples:
    """Open the store on a server. Raises SampleStoreError when it does not answer, or the driver is not installed."""
    try:
        import clickhouse_connect
    except ImportError as error:
        raise SampleStoreError(
            "MONOLITH_ANALYTICS_URL is set, and its driver is missing; install fastmonolith[analytics]"
        ) from error
    with _translated("open a connection"):
        client = clickhouse_connect.get_client(
            interface="https" if server.secure else "http",
            host=server.host,
            port=server.port,
            database=server.database,
            username=server.user,
            password=server.password,
            connect_timeout=CONNECT_S,
            send_receive_timeout=ANSWER_S,
            client_name="fastmonolith-home",
            autogenerate_session_id=False,
            compress=False,  # some rows a minute
        )
    return ClickHouseSamples(client)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    from clickhouse_connect.driver.exceptions import ClickHouseError

    try:
        yield
    except ClickHouseError as error:
        raise SampleStoreError(f"ClickHouse did not {what}: {error}") from error


def _latencies(percentiles: Sequence[float], answered: int) -> Latencies:
    if not answered:
        return Latencies()
    p50, p95, p99 = percentiles
    return Latencies(p50_ms=_rounded(p50), p95_ms=_rounded(p95), p99_ms=_rounded(p99))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


@cache
def _statement(name: str) -> str:
    return (
        files("apps.home").joinpath("samples", "sql", "clickhouse", f"{name}.sql").read_text(encoding="utf-8")
    )
