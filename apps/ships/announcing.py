"""What ships tells others about vessels: all that a batch shows, in one statement."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from apps.ships.models import Vessel
from apps.ships.mooring import Turn
from contracts.ships import VesselDeparted, VesselFirstSeen, VesselMoored
from monolith.contracts import Event
from monolith.events import publish_all


def tell(first_seen: Mapping[int, int], turns: Sequence[Turn]) -> None:
    """Tell of vessels that are new, by when they were heard in milliseconds, and of those that moored or departed.

    Runs in the transaction that stored the batch, after its rows.
    """
    if not first_seen and not turns:
        return
    names = dict(
        Vessel.objects.filter(pk__in={*first_seen, *(turn.mmsi for turn in turns)}).values_list(
            "mmsi", "name"
        )
    )
    events: list[Event] = [
        VesselFirstSeen(mmsi=mmsi, name=names[mmsi], heard_at=_moment(at)) for mmsi, at in first_seen.items()
    ]
    publish_all([*events, *(_turned(turn, names[turn.mmsi]) for turn in turns)])


def _turned(turn: Turn, name: str) -> Event:
    told = VesselDeparted if turn.departed else VesselMoored
    return told(
        mmsi=turn.mmsi,
        name=name,
        latitude=turn.stay.anchor_latitude,
        longitude=turn.stay.anchor_longitude,
        moored_since=_moment(turn.stay.since),
        heard_at=_moment(turn.at),
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
