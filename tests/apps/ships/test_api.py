"""The routes of ships, on the real database."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.ships.models import HeatCell, HeatCellHistorical, Position, RejectedMessage
from apps.ships.schemas import as_box
from apps.ships.services import roll_up_heat
from monolith import entering
from monolith.contracts import call_budget, forget_decisions
from tests.apps.ships.nmea import VESSEL, ingest, position, voyage

pytestmark = pytest.mark.django_db(databases="__all__")

UNKNOWN = 244_000_000
API = "/api/ships"


@pytest.fixture
def fleet(now: datetime) -> None:
    """Three vessels: one that moves, one moored, one across the antimeridian."""
    lines = voyage(now)
    for minute in range(0, 90, 10):
        at = now - timedelta(minutes=90 - minute)
        lines.append(position(at, latitude=55 + minute / 1000, longitude=11 + minute / 1000))
        lines.append(position(at, mmsi=VESSEL + 1, sog=0.1, latitude=56))
    lines.append(position(now, mmsi=VESSEL + 2, latitude=-17, longitude=179.9))
    with entering("ships"):
        ingest(lines, now=now)
        roll_up_heat(now=now)


@pytest.fixture
def staff(client: Client, django_user_model: Any) -> Client:
    user = django_user_model.objects.create_user(
        "officer", password="of the watch", is_staff=True, is_superuser=True
    )
    client.force_login(user)
    return client


def got(client: Client, path: str, **query: str | int) -> Any:
    response = client.get(f"{API}{path}", query)
    assert response.status_code == 200, response.content
    return response.json()


@pytest.mark.usefixtures("fleet")
def test_snapshot_shows_each_vessel_once(client: Client, now: datetime) -> None:
    snapshot = got(client, "/vessels")
    assert (snapshot["total"], snapshot["stale"]) == (3, False)
    assert [item["mmsi"] for item in snapshot["items"]] == [VESSEL, VESSEL + 1, VESSEL + 2]
    first, moored, _ = snapshot["items"]
    assert (first["name"], first["ship_type"], first["moored"]) == ("EXAMPLE", 70, False)
    assert (moored["moored"], moored["latitude"]) == (True, 56.0)
    assert datetime.fromisoformat(moored["moored_since"]) == now - timedelta(minutes=90)


def test_snapshot_of_nothing_is_stale(client: Client) -> None:
    snapshot = got(client, "/vessels")
    assert (snapshot["items"], snapshot["newest_at"], snapshot["stale"]) == ([], None, True)


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    ("bbox", "found"),
    [
        ("10,54,12,55.5", [VESSEL]),
        ("10,54,12,57", [VESSEL, VESSEL + 1]),
        ("179,-18,-179,-16", [VESSEL + 2]),
        ("170,-90,12,90", [VESSEL, VESSEL + 1, VESSEL + 2]),
        ("0,0,1,1", []),
    ],
)
def test_snapshot_of_a_part_of_the_map(client: Client, bbox: str, found: list[int]) -> None:
    assert [item["mmsi"] for item in got(client, "/vessels", bbox=bbox)["items"]] == found
    assert [feature["id"] for feature in got(client, "/vessels.geojson", bbox=bbox)["features"]] == found


@pytest.mark.usefixtures("fleet")
def test_snapshot_is_paginated(client: Client) -> None:
    page = got(client, "/vessels", limit=1, offset=1)
    assert ([item["mmsi"] for item in page["items"]], page["total"]) == ([VESSEL + 1], 3)


@pytest.mark.usefixtures("fleet")
def test_snapshot_since_a_moment(client: Client, now: datetime) -> None:
    page = got(client, "/vessels", since=(now - timedelta(minutes=1)).isoformat())
    assert [item["mmsi"] for item in page["items"]] == [VESSEL + 2]


@pytest.mark.usefixtures("fleet")
def test_snapshot_as_geojson(client: Client) -> None:
    collection = got(client, "/vessels.geojson")
    assert collection["type"] == "FeatureCollection"
    feature = collection["features"][1]
    assert feature["geometry"] == {"type": "Point", "coordinates": [11.0, 56.0]}
    assert feature["properties"]["mmsi"] == feature["id"] == VESSEL + 1


@pytest.mark.usefixtures("fleet")
def test_vessel_says_what_it_is_and_where(client: Client) -> None:
    vessel = got(client, f"/vessels/{VESSEL}")
    assert (vessel["name"], vessel["imo"], vessel["length"], vessel["beam"]) == ("EXAMPLE", 9074729, 130, 18)
    assert vessel["latest"]["latitude"] == 55.08


def test_vessel_that_was_never_heard_is_not_found(client: Client) -> None:
    response = client.get(f"{API}/vessels/{UNKNOWN}")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/vessel-not-found"


def test_vessel_described_before_it_was_placed_has_no_latest(client: Client, now: datetime) -> None:
    with entering("ships"):
        ingest(voyage(now), now=now)
    assert got(client, f"/vessels/{VESSEL}")["latest"] is None


@pytest.mark.usefixtures("fleet")
def test_track_is_in_order_and_bounded(client: Client) -> None:
    track = got(client, f"/vessels/{VESSEL}/track", limit=3)
    assert track["total"] == 9
    assert [point["latitude"] for point in track["points"]] == [55.06, 55.07, 55.08]


@pytest.mark.usefixtures("fleet")
def test_track_between_two_moments(client: Client, now: datetime) -> None:
    since, until = (now - timedelta(minutes=minutes) for minutes in (80, 60))
    track = got(client, f"/vessels/{VESSEL}/track", since=since.isoformat(), until=until.isoformat())
    assert [point["latitude"] for point in track["points"]] == [55.01, 55.02, 55.03]


@pytest.mark.usefixtures("fleet")
def test_track_as_geojson_is_one_line(client: Client) -> None:
    feature = got(client, f"/vessels/{VESSEL}/track.geojson", limit=2)
    assert feature["geometry"] == {"type": "LineString", "coordinates": [[11.07, 55.07], [11.08, 55.08]]}
    assert len(feature["properties"]["times"]) == 2
    assert got(client, f"/vessels/{VESSEL}/track", limit=2, format="geojson") == feature


def test_track_of_an_unknown_vessel_is_empty(client: Client) -> None:
    assert got(client, f"/vessels/{UNKNOWN}/track")["points"] == []
    assert got(client, f"/vessels/{UNKNOWN}/track.geojson")["geometry"] is None


@pytest.mark.usefixtures("fleet")
def test_heat_shows_the_busiest_cells_first(client: Client) -> None:
    with entering("ships"):
        HeatCell.objects.create(row=11000, col=1500, movers=7)
    heat = got(client, "/heat", limit=2)
    assert heat["cells"][0] == {"latitude": 55.0, "longitude": 11.25, "movers": 7}
    assert (len(heat["cells"]), heat["kind"]) == (2, "live")
    inside = got(client, "/heat", bbox="11.2501,55.0001,11.2502,55.0002")
    assert [cell["movers"] for cell in inside["cells"]] == [7]


def test_historical_heat_adds_up_the_days(client: Client, now: datetime) -> None:
    with entering("ships"):
        for days, movers in [(20, 3), (21, 4)]:
            HeatCellHistorical.objects.create(
                day=now.date() - timedelta(days=days), row=11000, col=1500, movers=movers
            )
    heat = got(client, "/heat", kind="historical")
    assert (heat["total"], heat["cells"]) == (1, [{"latitude": 55.0, "longitude": 11.25, "movers": 7}])


@pytest.mark.parametrize(
    "path",
    [
        "/vessels?bbox=1,2,3",
        "/vessels?bbox=nan,0,1,1",
        "/vessels?bbox=0,0,inf,1",
        "/vessels?bbox=0,2,1,1",
        "/vessels?bbox=0,0,1,91",
        "/vessels?bbox=181,0,1,1",
        "/vessels?bbox=%D9%A1,0,1,1",
        "/vessels?limit=0",
        "/vessels?limit=2001",
        "/vessels?offset=-1",
        "/vessels?offset=1e9",
        "/vessels?since=yesterday",
        "/vessels?since=2026-01-01T00:00:00",
        "/vessels?bbox=180.1,0,1,1",
        "/vessels.geojson?limit=0",
        "/vessels/1",
        "/vessels/99999999999999999999",
        "/vessels/abc",
        "/vessels/1/track",
        f"/vessels/{VESSEL}/track?limit=5001",
        f"/vessels/{VESSEL}/track?format=xml",
        f"/vessels/{VESSEL}/track?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
        f"/vessels/{VESSEL}/track.geojson?limit=nan",
        "/heat?kind=lukewarm",
        "/heat?limit=10001",
        "/heat?bbox=a,b,c,d",
    ],
)
def test_bad_parameter_is_refused_and_named(client: Client, path: str) -> None:
    response = client.get(f"{API}{path}")
    assert response.status_code == 422, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["errors"][0]["name"]


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    ("since", "found"),
    [("0001-01-01T00:00:00+14:00", 3), ("9999-12-31T23:59:59-12:00", 0), ("2000-01-01T00:00:00Z", 3)],
)
def test_ends_of_the_calendar_are_moments_too(client: Client, since: str, found: int) -> None:
    assert got(client, "/vessels", since=since)["total"] == found


@pytest.mark.parametrize(
    "bbox", ["-180,-90,180,90", "180.0,-90.0,-180.000,90.0", "0,0,0,0", "-0.5,09,179.999999,89.9"]
)
def test_whole_earth_and_single_point_are_boxes(client: Client, bbox: str) -> None:
    assert got(client, "/heat", bbox=bbox)["cells"] == []


def test_zero_byte_is_refused(client: Client) -> None:
    assert client.get(f"{API}/vessels?bbox=0,0,1,1%00").status_code == 400


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    "path",
    [
        "/vessels",
        "/vessels.geojson",
        f"/vessels/{VESSEL}",
        f"/vessels/{VESSEL}/track",
        f"/vessels/{VESSEL}/track.geojson",
        "/heat",
        "/heat?kind=historical",
    ],
)
def test_reads_are_cacheable_and_change_their_etag_with_the_data(
    client: Client, now: datetime, path: str
) -> None:
    first = client.get(f"{API}{path}")
    assert first["Cache-Control"].startswith("public, max-age=0, s-maxage=")
    again = client.get(f"{API}{path}", headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    later = now + timedelta(minutes=1)
    with entering("ships"):
        ingest([position(later, latitude=58)], now=later)
        roll_up_heat(now=later)
        HeatCellHistorical.objects.create(day=now.date(), row=1, col=1, movers=1)
    assert client.get(f"{API}{path}")["ETag"] != first["ETag"]


def test_box_west_of_more_than_east_crosses_the_antimeridian() -> None:
    box = as_box("179.5,-20,-179.5,20")
    assert (box.west, box.east) == (179.5, -179.5)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/ingest"), ("GET", "/ingest/status"), ("POST", "/ingest/replay")]
)
def test_intake_needs_a_session(client: Client, method: str, path: str) -> None:
    response = client.generic(method, f"{API}{path}")
    assert response.status_code == 401


@pytest.mark.usefixtures("ingest_granted")
def test_posted_sentences_are_ingested_and_counted(staff: Client, now: datetime) -> None:
    lines = [*voyage(now), position(now), position(now), b"nonsense \x00\xff", position(now, latitude=91)]
    response = staff.generic(
        "POST", f"{API}/ingest", b"\r\n".join(lines), content_type="text/plain; charset=ascii"
    )
    assert response.json() == {
        "lines": 6,
        "stored": 1,
        "duplicate": 1,
        "moored_repeat": 0,
        "static_update": 2,
        "incomplete": 0,
        "rejected": {"no position": 1, "not a sentence": 1},
    }
    status = got(staff, "/ingest/status")
    assert status["rejected"] == {"no position": 1, "not a sentence": 1}
    assert status["cursors"][0]["counts"] == response.json()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("", "text/plain", 422),
        (" \r\n ", "text/plain", 422),
        ("{}", "application/json", 415),
        (b"x" * (4 * 1024 * 1024 + 1), "text/plain", 413),
    ],
)
def test_body_that_is_no_text_of_sentences_is_refused(
    staff: Client, body: bytes | str, content_type: str, status: int
) -> None:
    response = staff.post(f"{API}/ingest", body, content_type=content_type)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.usefixtures("ingest_granted")
def test_rejected_messages_are_replayed(staff: Client, now: datetime) -> None:
    with entering("ships"):
        ingest([position(now), b"nonsense"], now=now - timedelta(minutes=30))
    response = staff.post(f"{API}/ingest/replay", {"limit": 10}, content_type="application/json")
    assert (response.json()["stored"], response.json()["rejected"]) == (1, {"not a sentence": 1})
    with entering("ships"):
        assert (Position.objects.count(), RejectedMessage.objects.count()) == (1, 1)


@pytest.mark.parametrize("order", [{"limit": 0}, {"limit": 10_001}, {"reason": "boredom"}])
def test_bad_replay_order_is_refused(staff: Client, order: dict[str, object]) -> None:
    response = staff.post(f"{API}/ingest/replay", order, content_type="application/json")
    assert response.status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "content_type", "resource"),
    [
        ("/ingest", "nonsense", "text/plain", "source:post"),
        ("/ingest/replay", {}, "application/json", "source:replay"),
    ],
)
def test_intake_that_is_not_granted_says_what_is_missing_and_takes_nothing(
    staff: Client, now: datetime, path: str, body: Any, content_type: str, resource: str
) -> None:
    forget_decisions()
    with entering("ships"):
        ingest([position(now)], now=now - timedelta(minutes=30))
    with call_budget(1) as budget:
        answer = staff.post(f"{API}{path}", body, content_type=content_type)
    assert (answer.status_code, answer.json()["type"], budget.used) == (403, "/problems/not-allowed", 1)
    (missing,) = answer.json()["missing"]
    assert f"a rule for ships.ingest on {resource}" in missing
    assert missing in answer.json()["detail"]
    with entering("ships"):
        assert (Position.objects.count(), RejectedMessage.objects.count()) == (0, 1)


def test_messages_that_may_not_be_replayed_stay_and_the_admin_says_why(staff: Client, now: datetime) -> None:
    forget_decisions()
    with entering("ships"):
        ingest([position(now)], now=now - timedelta(minutes=30))
        row = RejectedMessage.objects.get()
    action = {"action": "replay", "_selected_action": [row.pk]}
    answer = staff.post("/admin/ships/rejectedmessage/", action, follow=True)
    assert "may not ingest from source:replay. Missing: a rule" in answer.content.decode()
    with entering("ships"):
        assert RejectedMessage.objects.exists()


@pytest.mark.usefixtures("fleet", "ingest_granted")
@pytest.mark.parametrize(
    "model", ["vessel", "latestposition", "heatcell", "heatcellhistorical", "ingestcursor", "rejectedmessage"]
)
def test_admin_lists_searches_and_shows_every_row(staff: Client, now: datetime, model: str) -> None:
    with entering("ships"):
        HeatCellHistorical.objects.create(day=now.date(), row=1, col=1, movers=1)
    staff.post(f"{API}/ingest", "nonsense", content_type="text/plain")
    assert staff.get(f"/admin/ships/{model}/").status_code == 200
    assert staff.get(f"/admin/ships/{model}/", {"q": "1"}).status_code == 200
    listed = staff.get(f"/admin/ships/{model}/").content.decode()
    link = listed.split(f'href="/admin/ships/{model}/')[-1].split('"')[0]
    assert staff.get(f"/admin/ships/{model}/{link}").status_code == 200


@pytest.mark.usefixtures("fleet")
def test_vessel_edited_in_the_admin_is_new_to_caches(staff: Client) -> None:
    before = staff.get(f"{API}/vessels/{VESSEL}")["ETag"]
    form = {"name": "CORRECTED", "imo": 9074729, "call_sign": "OXAB2", "destination": ""}
    response = staff.post(f"/admin/ships/vessel/{VESSEL}/change/", form)
    assert response.status_code == 302, response.content
    assert got(staff, f"/vessels/{VESSEL}")["name"] == "CORRECTED"
    assert staff.get(f"{API}/vessels/{VESSEL}")["ETag"] != before


@pytest.mark.usefixtures("ingest_granted")
def test_rejected_messages_are_replayed_from_the_admin(staff: Client, now: datetime) -> None:
    with entering("ships"):
        ingest([position(now)], now=now - timedelta(minutes=30))
        row = RejectedMessage.objects.get()
    staff.post("/admin/ships/rejectedmessage/", {"action": "replay", "_selected_action": [row.pk]})
    with entering("ships"):
        assert Position.objects.count() == 1
