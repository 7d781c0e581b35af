"""Sample arguments for every operation of every contract of the reference application: a new one needs a case here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from contracts.compliance import Outcome
from contracts.hikes import Around as Nearby
from contracts.hikes import WalkNotFound
from contracts.knowledge import NoteNotFound, RawInputRefused, Visible
from contracts.scheduler import NotRunnable
from contracts.ships import Around as Waters
from contracts.ships import VesselNotFound
from contracts.stars import Around, Place
from monolith.contracts import DeclaredError

type Arguments = dict[str, Any]

GREENWICH: Final = Place(latitude=51.4779, longitude=0.0)
TROMSO: Final = Place(latitude=69.6492, longitude=18.9553)
SOLSTICES: Final = [date(2026, 6, 21), date(2026, 12, 21)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How to call one operation; the sample data is there."""

    arguments: Arguments
    expects: Callable[[Any], bool]  # of the result
    errors: dict[type[DeclaredError], Arguments] = field(
        default_factory=dict
    )  # what provokes each declared error
    same_everywhere: bool = True  # the result depends on arguments and sample data alone


CASES: Final = {
    "compliance.check": Case(
        arguments={"subject": "command:ingest_nmea", "action": "ships.ingest", "resource": "ships"},
        expects=lambda decision: decision.outcome is Outcome.ALLOW,
    ),
    "hikes.find_walks": Case(
        arguments={"near": Nearby(latitude=54.45, longitude=-3.2, radius_km=20), "max_hours": 12, "limit": 3},
        expects=lambda walks: len(walks) == 3 and walks[0].away_km <= walks[2].away_km <= 20,
    ),
    "hikes.get_walk": Case(
        arguments={"slug": "catbells"},
        expects=lambda walk: walk.slug == "catbells" and walk.windows,
        errors={WalkNotFound: {"slug": "nowhere"}},
        same_everywhere=False,  # its hours go by
    ),
    "home.service_status": Case(
        arguments={"services": ["nowhere"]},
        expects=lambda services: services == [],
    ),
    "knowledge.search": Case(
        arguments={"text": "Why can a module not read the tables of another one?", "limit": 5},
        expects=lambda found: len(found.hits) == 5,
    ),
    "knowledge.get_note": Case(
        arguments={"slug": "remote-call", "visible": Visible.ALL},
        expects=lambda note: note.slug == "remote-call" and note.text,
        errors={NoteNotFound: {"slug": "nowhere"}},
    ),
    "knowledge.get_notes": Case(
        arguments={"slugs": ["remote-call", "nowhere", "composition"], "visible": Visible.ALL},
        expects=lambda notes: [note.slug for note in notes] == ["remote-call", "composition"],
    ),
    "knowledge.ingest_raw": Case(
        arguments={"idempotency_key": "conformance", "text": "A text that came in.\n"},
        expects=lambda receipt: len(receipt.sha256) == 64,
        errors={RawInputRefused: {"idempotency_key": "conformance of nothing", "text": " "}},
    ),
    "scheduler.run_now": Case(
        # Its own job, because in one of the placements scheduler is alone in its process.
        arguments={
            "idempotency_key": "conformance",
            "task": "monolith.jobs.retention.forget_old",
            "module": "scheduler",
        },
        expects=lambda enqueued: enqueued.module == "scheduler",
        errors={NotRunnable: {"idempotency_key": "conformance of nothing", "task": "apps.nowhere.tasks.run"}},
    ),
    "ships.vessels_near": Case(
        arguments={
            "near": Waters(latitude=54.0, longitude=-5.0, radius_km=500),
            "within_hours": 24,
            "limit": 5,
        },
        expects=lambda vessels: len(vessels) == 5 and vessels[0].away_km <= vessels[4].away_km,
        same_everywhere=False,  # they were heard a while ago
    ),
    "ships.get_vessel": Case(
        arguments={"mmsi": 219_999_000},
        expects=lambda vessel: vessel.name and vessel.latest is not None,
        errors={VesselNotFound: {"mmsi": 999_999_999}},
    ),
    "stars.sun_times": Case(
        arguments={"places": [GREENWICH, TROMSO], "days": SOLSTICES},
        expects=lambda found: found[0][0].sunrise is not None and found[1][1].sunrise is None,
    ),
    "stars.best_sites": Case(
        arguments={
            "near": Around(latitude=51.5, longitude=0.0, radius_km=None),
            "nights": 9,
            "limit": 3,
        },
        expects=lambda sites: len(sites) == 3,
        same_everywhere=False,  # it depends on the hour
    ),
}
