"""How far a log was dealt with when what comes in order ends in any order."""

from hypothesis import given
from hypothesis import strategies as st

from apps.agent.execution.positions import Positions


@given(st.lists(st.integers(1, 1000), unique=True, min_size=1, max_size=30))
def test_settled_is_just_before_the_oldest_that_has_not_ended(found: list[int]) -> None:
    positions, open_ones = Positions(), sorted(found)
    for position in open_ones:
        assert positions.begin(position)
    for position in found:  # in the order of the draw
        positions.end(position)
        open_ones.remove(position)
        ended = [each for each in found if not open_ones or each < open_ones[0]]
        assert positions.settled == max(ended, default=0)


def test_what_comes_again_is_not_begun_again() -> None:
    positions = Positions()
    assert positions.begin(5)
    assert positions.begin(7)
    assert not positions.begin(5)
    positions.end(7)
    assert not positions.begin(7)
    positions.end(5)
    assert positions.settled == 7
    assert not positions.begin(6)
    assert positions.begin(8)
