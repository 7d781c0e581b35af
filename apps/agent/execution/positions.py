"""How far a log was dealt with, when what comes in order ends in any order."""


class Positions:
    """Positions of a log that are under way. All calls come from one thread."""

    def __init__(self) -> None:
        self.settled = 0  # everything up to here has ended
        self._known: dict[int, bool] = {}  # whether it has ended, in the order of the log

    def begin(self, position: int) -> bool:
        """Take up a position; returns False for one that is under way or has ended."""
        if position <= self.settled or position in self._known:
            return False
        self._known[position] = False
        return True

    def end(self, position: int) -> None:
        """Note that a position has ended, and move `settled` up to the oldest that has not."""
        self._known[position] = True
        while self._known and self._known[oldest := next(iter(self._known))]:
            del self._known[oldest]
            self.settled = oldest
