"""Samples in the module's own schema. Runs as home: enter the module first."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

from django.db import Error

from apps.home.errors import SampleStoreError
from apps.home.samples.port import Bucket, Latencies, Sample, Totals, interval_start
from monolith import connection

_DECIMALS: Final = 3


class PostgresSamples:
    """Keeps samples in a table beside the rest; each call is one statement."""

    name = "postgresql"

    def record(self, samples: Sequence[Sample]) -> None:
        """Store samples; those of services that are gone are left out."""
        if not samples:
            return
        self._run(
            "record",
            {
                "services": [sample.service for sample in samples],
                "moments": [sample.at for sample in samples],
                "goods": [sample.good for sample in samples],
                "statuses": [sample.status for sample in samples],
                "latencies": [rounded(sample.latency_ms) for sample in samples],
                "failures": [sample.failure for sample in samples],
            },
        )

    def totals(self, services: Collection[int], *, after: datetime, until: datetime) -> dict[int, Totals]:
        """Count the samples after one moment up to and including another."""
        rows = self._rows("totals", {"services": list(services), "after": after, "until": until})
        return {
            service: Totals(
                service=service,
                total=total,
                good=good,
                newest_at=newest_at,
                latencies=latencies(percentiles),
            )
            for service, total, good, newest_at, percentiles in rows
        }

    def buckets(
        self, services: Collection[int], *, since: datetime, until: datetime, interval: timedelta
    ) -> list[Bucket]:
        """Count samples by service and interval."""
        span = {"since": interval_start(since, interval), "until": until, "interval": interval}
        rows = self._rows("buckets", {"services": list(services), **span})
        return [
            Bucket(
                service=service,
                starts_at=starts_at,
                total=total,
                good=good,
                latencies=latencies(percentiles),
            )
            for service, starts_at, total, good, percentiles in rows
        ]

    def newest(self, service: int, *, limit: int) -> list[Sample]:
        """Return a service's samples, newest first."""
        return [
            Sample(service=owner, at=at, good=good, status=status, latency_ms=latency_ms, failure=failure)
            for owner, at, good, status, latency_ms, failure in self._rows(
                "newest", {"service": service, "limit": limit}
            )
        ]

    def prune(self, *, before: datetime) -> int:
        """Remove the samples before a moment; return how many there were."""
        return self._run("prune", {"before": before})

    def close(self) -> None:
        """Leave the connection to whoever opened it."""

    def _run(self, name: str, parameters: dict[str, Any]) -> int:
        try:
            with connection().cursor() as cursor:
                cursor.execute(_statement(name), parameters)
                return int(cursor.rowcount)
        except Error as error:
            raise SampleStoreError(f"PostgreSQL did not {name} samples: {error}") from error

    def _rows(self, name: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        try:
            with connection().cursor() as cursor:
                cursor.execute(_statement(name), parameters)
                return list(cursor.fetchall())
        except Error as error:
            raise SampleStoreError(f"PostgreSQL did not answer about {name}: {error}") from error


def latencies(percentiles: Sequence[float | None] | None) -> Latencies:
    """Return what three percentiles say."""
    p50, p95, p99 = percentiles or (None, None, None)
    return Latencies(p50_ms=rounded(p50), p95_ms=rounded(p95), p99_ms=rounded(p99))


def rounded(value: float | None) -> float | None:
    """Return a time in milliseconds to the microsecond."""
    return None if value is None else round(value, _DECIMALS)


@cache
def _statement(name: str) -> str:
    return (
        files("apps.home").joinpath("samples", "sql", "postgresql", f"{name}.sql").read_text(encoding="utf-8")
    )
