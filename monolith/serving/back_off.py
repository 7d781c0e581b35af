"""How long to wait before a crashed process is started again."""

from dataclasses import dataclass
from typing import Final

FIRST_S: Final = 0.5
FACTOR: Final = 2.0
LONGEST_S: Final = 30.0  # longer leaves a repaired system down longer, shorter fills the log
STABLE_AFTER_S: Final = 30.0  # a process that ran this long starts again without history


@dataclass(slots=True)
class BackOff:
    """The delays of one process: 0.5, 1, 2, 4, 8, 16, 30, 30, … seconds."""

    crashes: int = 0

    def delay_s(self, *, ran_for_s: float) -> float:
        """Return the delay after a crash of a process that ran for `ran_for_s` seconds."""
        if ran_for_s >= STABLE_AFTER_S:
            self.crashes = 0
        delay = min(LONGEST_S, FIRST_S * FACTOR**self.crashes)
        self.crashes += 1
        return float(delay)
