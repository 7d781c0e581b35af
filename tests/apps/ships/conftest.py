"""What the tests of ships share."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from monolith import entering


@pytest.fixture
def in_ships() -> Iterator[None]:
    """Run the test as the module ships."""
    with entering("ships"):
        yield


@pytest.fixture
def now() -> datetime:
    """A whole minute of today that leaves hours of today before it wherever possible.

    The database makes partitions around its own clock, so tests cannot choose their day.
    """
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
