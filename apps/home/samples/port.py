"""The port that every store of raw samples stands behind."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How one probe of a service went."""

    service: int
    at: datetime
    good: bool
    status: int | None = None  # of the answer; None: there was none
    latency_ms: float | None = None  # until the end of the answer; kept to the microsecond
    failure: str = ""  # why it was not good


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """How long answers took, in milliseconds; between two of them by linear interpolation. None without an answer."""

    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The samples of one service in a span of time."""

    service: int
    total: int
    good: int
    newest_at: datetime
    latencies: Latencies


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The samples of one service in one interval."""

    service: int
    starts_at: datetime
    total: int
    good: int
    latencies: Latencies


class SampleStore(Protocol):
    """Keeps samples and counts them. A service has one sample at a moment: recorded again, it is still one.

    Every method raises SampleStoreError when the store does not do what it was asked for.
    """

    @property
    def name(self) -> str:
        """What logs and job results call it."""
        ...

    def record(self, samples: Sequence[Sample]) -> None:
        """Store samples."""
        ...

    def totals(self, services: Collection[int], *, after: datetime, until: datetime) -> dict[int, Totals]:
        """Count the samples after one moment up to and including another, by service; none of a service without."""
        ...

    def buckets(
        self, services: Collection[int], *, since: datetime, until: datetime, interval: timedelta
    ) -> list[Bucket]:
        """Count samples by service and interval of whole seconds, in this order, from the interval `since` is in.

        Intervals begin at multiples of their length after 1970-01-01 UTC; those without a sample are left out.
        """
        ...

    def newest(self, service: int, *, limit: int) -> list[Sample]:
        """Return a service's samples, newest first."""
        ...

    def prune(self, *, before: datetime) -> int:
        """Remove the samples before a moment; return how many there were."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


def interval_start(moment: datetime, interval: timedelta) -> datetime:
    """Return the beginning of the interval that a moment is in."""
    epoch = datetime.fromtimestamp(0, moment.tzinfo)
    return moment - (moment - epoch) % interval
