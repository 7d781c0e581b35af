"""What messages say, and what they say when they do not know."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyais import decode

from apps.ships.ais import Description, Refused, Report, is_imo_number, is_vessel, read, rolled_forward
from apps.ships.rejection import Reason
from apps.ships.sentences import Framer, Message
from tests.apps.ships.nmea import VESSEL, encode, ms

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def said(fields: dict[str, Any]) -> tuple[Report | None, Description | None]:
    framer = Framer()
    outcome = None
    for line in encode(fields, at=AT):
        outcome = framer.take(line, received=0)
    assert isinstance(outcome, Message)
    return read(outcome)


def reported(fields: dict[str, Any]) -> Report:
    report, _ = said({"type": 1, "mmsi": VESSEL, "lat": 55.0, "lon": 11.0} | fields)
    assert report is not None
    return report


def described(fields: dict[str, Any]) -> Description:
    _, description = said({"mmsi": VESSEL} | fields)
    assert description is not None
    return description


def refused(fields: dict[str, Any]) -> Reason:
    with pytest.raises(Refused) as caught:
        said({"type": 1, "mmsi": VESSEL, "lat": 55.0, "lon": 11.0} | fields)
    return caught.value.reason


@given(
    message_type=st.sampled_from([1, 2, 3, 18]),
    mmsi=st.integers(200_000_000, 799_999_999),
    latitude=st.integers(-90 * 600_000, 90 * 600_000).map(lambda units: units / 600_000),
    longitude=st.integers(-180 * 600_000, 180 * 600_000).map(lambda units: units / 600_000),
    speed=st.integers(0, 1022),
    course=st.integers(0, 3599),
    heading=st.integers(0, 359),
    status=st.integers(0, 15),
)
def test_report_says_what_pyais_decodes(
    message_type: int,
    mmsi: int,
    latitude: float,
    longitude: float,
    speed: int,
    course: int,
    heading: int,
    status: int,
) -> None:
    fields = {
        "type": message_type,
        "mmsi": mmsi,
        "lat": latitude,
        "lon": longitude,
        "speed": speed / 10,
        "course": course / 10,
        "heading": heading,
        "status": status,
    }
    if message_type == 18:
        del fields["status"]
    (sentence,) = encode(fields)
    oracle: Any = decode(sentence)
    report = reported(fields)
    assert (report.mmsi, report.message_type, report.heading) == (mmsi, message_type, heading)
    assert (report.latitude, report.longitude) == (oracle.lat, oracle.lon)
    assert (report.sog, report.cog) == (oracle.speed, oracle.course)
    assert report.status == (None if message_type == 18 else status)
    assert report.at == ms(AT)
    assert report.latitude == pytest.approx(latitude, abs=1e-6)


@given(st.text(alphabet="".join(chr(c) for c in (*range(48, 88), *range(96, 120))), min_size=1, max_size=80))
def test_any_payload_is_read_or_refused(payload: str) -> None:
    try:
        report, description = read(Message(1, ms(AT), payload.encode(), 0, b"", 1))
    except Refused:
        return
    assert report or description


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"lat": 91}, Reason.NO_POSITION),
        ({"lon": 181}, Reason.NO_POSITION),
        ({"type": 18, "lat": 91, "lon": 181}, Reason.NO_POSITION),
        ({"type": 27, "lat": 91, "lon": 181}, Reason.NO_POSITION),
        ({"lat": 90.5}, Reason.POSITION_RANGE),
        ({"lon": -180.5}, Reason.POSITION_RANGE),
        ({"mmsi": 2_190_001}, Reason.MMSI),  # a coast station
        ({"mmsi": 111_219_501}, Reason.MMSI),  # an aircraft
        ({"mmsi": 992_191_234}, Reason.MMSI),  # an aid to navigation
        ({"mmsi": 970_010_119}, Reason.MMSI),  # a distress beacon
        ({"mmsi": 0}, Reason.MMSI),
        ({"type": 4}, Reason.TYPE),
        ({"type": 21}, Reason.TYPE),
    ],
)
def test_message_without_a_vessel_at_a_place_is_refused(fields: dict[str, Any], reason: Reason) -> None:
    assert refused(fields) == reason


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"speed": 102.3}, "sog", None),
        ({"speed": 102.2}, "sog", 102.2),
        ({"speed": 0}, "sog", 0.0),
        ({"course": 360}, "cog", None),
        ({"course": 409.5}, "cog", None),
        ({"course": 359.9}, "cog", 359.9),
        ({"heading": 511}, "heading", None),
        ({"heading": 360}, "heading", None),
        ({"heading": 359}, "heading", 359),
        ({"type": 18, "speed": 102.3}, "sog", None),
        ({"type": 18, "course": 360}, "cog", None),
        ({"type": 18, "heading": 511}, "heading", None),
        ({"type": 27, "speed": 63}, "sog", None),
        ({"type": 27, "speed": 62}, "sog", 62.0),
        ({"type": 27, "course": 511}, "cog", None),
        ({"type": 27}, "heading", None),
        ({"status": 5}, "status", 5),
        ({"type": 18}, "status", None),
    ],
)
def test_not_available_is_null(fields: dict[str, Any], name: str, value: float | None) -> None:
    assert getattr(reported(fields), name) == value


def test_short_payload_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        read(Message(1, ms(AT), b"13@ndh@01s0kA@0OQl`8", 0, b"", 1))
    assert caught.value.reason is Reason.PAYLOAD


def test_type_5_describes_the_vessel_and_its_voyage() -> None:
    description = described(
        {
            "type": 5,
            "imo": 9074729,
            "callsign": "OXAB2",
            "shipname": "EXAMPLE",
            "ship_type": 70,
            "to_bow": 100,
            "to_stern": 30,
            "to_port": 10,
            "to_starboard": 8,
            "month": 1,
            "day": 2,
            "hour": 3,
            "minute": 4,
            "draught": 7.3,
            "destination": "AARHUS",
        }
    )
    assert description.sentences == 2
    assert description.name == {"name": "EXAMPLE"}
    assert description.details == {
        "imo": 9074729,
        "call_sign": "OXAB2",
        "ship_type": 70,
        "to_bow": 100,
        "to_stern": 30,
        "to_port": 10,
        "to_starboard": 8,
    }
    assert description.voyage == {
        "destination": "AARHUS",
        "draught": 7.3,
        "eta": datetime(2027, 1, 2, 3, 4, tzinfo=UTC),
    }


def test_type_5_that_knows_nothing_is_all_null() -> None:
    description = described({"type": 5, "hour": 24, "minute": 60})
    assert description.name == {"name": ""}
    assert set(description.details.values()) == {None, ""}
    assert description.voyage == {"destination": "", "draught": None, "eta": None}


def test_imo_number_with_a_wrong_check_digit_is_null() -> None:
    assert described({"type": 5, "imo": 9074728}).details["imo"] is None


@pytest.mark.parametrize(
    ("number", "valid"), [(9074729, True), (9074720, False), (1234567, True), (0, False), (12345678, False)]
)
def test_imo_check_digit(number: int, valid: bool) -> None:
    assert is_imo_number(number) is valid


def test_parts_of_type_24_describe_name_and_details() -> None:
    named = described({"type": 24, "partno": 0, "shipname": "TENDER"})
    assert (named.name, named.details, named.voyage) == ({"name": "TENDER"}, {}, {})
    detailed = described(
        {"type": 24, "partno": 1, "callsign": "OXA", "ship_type": 36, "to_bow": 6, "to_stern": 4}
    )
    assert detailed.name == {}
    assert (detailed.details["call_sign"], detailed.details["to_bow"]) == ("OXA", 6)


def test_craft_that_belongs_to_a_ship_sends_no_dimensions() -> None:
    detailed = described(
        {"type": 24, "partno": 1, "mmsi": 982_190_001, "callsign": "OXA", "mothership_mmsi": VESSEL}
    )
    assert "to_bow" not in detailed.details


def test_type_19_both_reports_and_describes() -> None:
    report, description = said(
        {"type": 19, "mmsi": VESSEL, "lat": 55, "lon": 11, "shipname": "YACHT", "to_bow": 9}
    )
    assert report is not None
    assert description is not None
    assert (report.latitude, report.status) == (55.0, None)
    assert (description.name, description.sentences) == ({"name": "YACHT"}, 0)


@pytest.mark.parametrize("mmsi", [200_000_000, 799_999_999, 982_000_000])
def test_ships_and_their_craft_are_vessels(mmsi: int) -> None:
    assert is_vessel(mmsi)


@pytest.mark.parametrize(
    ("month", "day", "hour", "minute", "at", "eta"),
    [
        (1, 2, 3, 4, "2026-12-30T12:00", "2027-01-02T03:04"),
        (12, 31, 23, 0, "2026-12-30T12:00", "2026-12-31T23:00"),
        (12, 30, 12, 0, "2026-12-30T12:00", "2026-12-30T12:00"),
        (12, 30, 11, 59, "2026-12-30T12:00", "2027-12-30T11:59"),
        (12, 30, 24, 60, "2026-12-30T12:00", "2026-12-30T23:59"),
        (2, 29, 0, 0, "2026-12-30T12:00", "2028-02-29T00:00"),
        (2, 29, 0, 0, "2096-03-01T00:00", "2104-02-29T00:00"),
        (2, 30, 0, 0, "2026-12-30T12:00", None),
        (0, 0, 24, 60, "2026-12-30T12:00", None),
    ],
)
def test_eta_rolls_forward(month: int, day: int, hour: int, minute: int, at: str, eta: str | None) -> None:
    rolled = rolled_forward(
        month=month, day=day, hour=hour, minute=minute, at=datetime.fromisoformat(at).replace(tzinfo=UTC)
    )
    assert rolled == (eta and datetime.fromisoformat(eta).replace(tzinfo=UTC))
