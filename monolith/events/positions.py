"""How far modules have read the logs of brokers, and setting it by hand. Who may: as for jobs."""

import logging

from monolith.events.rows import PositionRow
from monolith.jobs.steering import steering
from monolith.jobs.steering_errors import PositionNotSettable
from monolith.models import Position
from monolith.transactions import atomic

logger = logging.getLogger("monolith.events")


def positions(module: str) -> list[PositionRow]:
    """Return how far a module has read the logs that it knows."""
    with steering(module):
        return [_shown(module, row) for row in Position.objects.order_by("stream")]


def set_position(module: str, position: int, *, stream: str = "") -> PositionRow:
    """Let a module go on after another position (0: from the oldest message that is kept) of a log that it has read.

    What lies before it and was not read never comes; what comes again is refused by its id for as long as its job is
    kept. `stream` may be left out when the module knows one log. A consumer that is at work notices and begins there.
    Raises PositionNotSettable.
    """
    with steering(module), atomic():
        known = {row.stream: row for row in Position.objects.select_for_update().order_by("stream")}
        wanted = stream or (next(iter(known)) if len(known) == 1 else "")
        if position < 0 or wanted not in known:
            raise PositionNotSettable(module, position, known=known)
        row = known[wanted]
        before, row.position = row.position, position
        row.save(update_fields=["position"])
    logger.warning("the position of %s in %s was set from %d to %d by hand", module, wanted, before, position)
    return _shown(module, row)


def _shown(module: str, row: Position) -> PositionRow:
    return PositionRow(module=module, stream=row.stream, position=row.position)
