"""Sentences for tests, encoded by pyais."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from pyais import encode_dict

from apps.ships.ais import Report
from apps.ships.ingestion import Ingestion
from apps.ships.sentences import tagged

VESSEL = 219_000_001
_sequence = count()


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def encode(fields: dict[str, Any], *, at: datetime | None = None, channel: str = "A") -> list[bytes]:
    """Return a message's sentences, behind TAG blocks when `at` is given."""
    fields = fields | {"msg_type": fields["type"]}  # pyais makes type 1 of 2 and 3 without it
    sentences = encode_dict(fields, sentence_type="VDM", radio_channel=channel, seq_id=next(_sequence) % 10)
    return [(tagged(one, at=ms(at)) if at else one).encode() for one in sentences]


def position(
    at: datetime | None = None,
    *,
    mmsi: int = VESSEL,
    latitude: float = 55.0,
    longitude: float = 11.0,
    sog: float = 12.0,
    **fields: Any,
) -> bytes:
    """Return one class A position report."""
    given = {
        "type": 1,
        "mmsi": mmsi,
        "lat": latitude,
        "lon": longitude,
        "speed": sog,
        "course": 90,
        "heading": 91,
    }
    (sentence,) = encode(given | {"status": 0} | fields, at=at)
    return sentence


def voyage(at: datetime | None = None, *, mmsi: int = VESSEL, **fields: Any) -> list[bytes]:
    """Return one type 5 message: two sentences."""
    given = {
        "type": 5,
        "mmsi": mmsi,
        "imo": 9074729,
        "callsign": "OXAB2",
        "shipname": "EXAMPLE",
        "ship_type": 70,
        "to_bow": 100,
        "to_stern": 30,
        "to_port": 10,
        "to_starboard": 8,
        "draught": 7.3,
        "destination": "AARHUS",
    }
    return encode(given | fields, at=at)


def report(
    at: int, *, mmsi: int = VESSEL, latitude: float = 55.0, longitude: float = 11.0, sog: float | None = 12.0
) -> Report:
    """Return a decoded report; `at` in milliseconds."""
    return Report(mmsi, at, latitude, longitude, sog, 90.0, 91, 0, 1, 1)


def ingest(lines: Iterable[bytes], *, now: datetime, source: str = "test", batch: int = 10_000) -> Ingestion:
    """Ingest lines in batches until their end."""
    ingestion = Ingestion(source=source)
    remaining: Sequence[bytes] = list(lines)
    while remaining:
        ingestion.take(remaining[:batch], received=now, now=now)
        remaining = remaining[batch:]
    ingestion.finish()
    return ingestion
