"""What the tests of knowledge share."""

from collections.abc import Iterator

import pytest

from monolith import entering


@pytest.fixture
def in_knowledge() -> Iterator[None]:
    """Run the test as the module knowledge."""
    with entering("knowledge"):
        yield
