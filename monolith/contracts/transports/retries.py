"""When a query that failed on its way is tried again: soon, then later, and not by all callers at once."""

import random
from collections.abc import Iterator
from typing import Final

ATTEMPTS: Final = 3  # more keep a caller waiting whose answer will not come; the breaker opens meanwhile
FIRST_PAUSE_S: Final = 0.05  # each further one is twice as long: 0.05, 0.1


def pauses() -> Iterator[float]:
    """Yield how long to wait before each further attempt, in seconds: exponential, a random half of it taken off."""
    for attempt in range(ATTEMPTS - 1):
        yield FIRST_PAUSE_S * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311 (spreads callers, hides nothing)
