"""What became of the sentences that were read: every one ends in exactly one bucket."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.ships.rejection import Reason


@dataclass(slots=True)
class Counts:
    """Sentences by outcome; `lines` is the sum of all others once a source has ended.

    Until then the parts of unfinished messages are in `lines` alone.
    """

    lines: int = 0
    stored: int = 0  # as a position
    duplicate: int = 0  # said before: the same vessel and time, or a description that tells nothing new
    moored_repeat: int = 0  # near, slow and soon after a stored position
    static_update: int = 0  # told something new about a vessel
    incomplete: int = 0  # parts of a message whose other parts never came
    rejected: Counter[Reason] = field(default_factory=Counter)

    @property
    def settled(self) -> int:
        """How many sentences are in a bucket."""
        buckets = (self.stored, self.duplicate, self.moored_repeat, self.static_update, self.incomplete)
        return sum(buckets) + self.rejected.total()

    def add(self, other: "Counts") -> None:
        """Add another's sentences to these."""
        self.lines += other.lines
        self.stored += other.stored
        self.duplicate += other.duplicate
        self.moored_repeat += other.moored_repeat
        self.static_update += other.static_update
        self.incomplete += other.incomplete
        self.rejected.update(other.rejected)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data: every bucket, and the rejected ones by reason."""
        return {
            "lines": self.lines,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "moored_repeat": self.moored_repeat,
            "static_update": self.static_update,
            "incomplete": self.incomplete,
            "rejected": {str(reason): count for reason, count in sorted(self.rejected.items())},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Counts":
        """Return what `as_dict` returned as plain data."""
        buckets = {name: int(count) for name, count in data.items() if name != "rejected"}
        rejected = Counter({Reason(reason): int(count) for reason, count in data.get("rejected", {}).items()})
        return cls(**buckets, rejected=rejected)
