"""What the tests of stars share."""

from collections.abc import Iterator

import pytest

from monolith import entering
from tests.apps.stars.weather_server import WeatherServer, serving


@pytest.fixture
def weather() -> Iterator[WeatherServer]:
    """A real weather server on a free port."""
    with serving() as server:
        yield server


@pytest.fixture
def in_stars() -> Iterator[None]:
    """Run the test as the module stars."""
    with entering("stars"):
        yield
