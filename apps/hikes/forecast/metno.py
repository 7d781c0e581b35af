"""MET Norway's Locationforecast 2.0, by the rules of api.met.no/doc/TermsOfService."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import httpx2

from apps.hikes.errors import ForecastError
from apps.hikes.forecast.port import Forecast
from apps.hikes.windows import HOUR, Weather

URL: Final = "https://api.met.no/weatherapi/locationforecast/2.0/compact"
TIMEOUT_S: Final = 10.0
MAX_BYTES: Final = 5 * 1024 * 1024  # an answer has about 100 kB
WITHOUT_EXPIRES: Final = timedelta(minutes=30)
KMH_PER_M_S: Final = 3.6
BLOCK_HOURS: Final = 6  # beyond two days the forecast comes in blocks


class MetnoForecast:
    """Asks MET Norway; names itself, asks only for what changed, and not before it is due."""

    name = "metno"

    def __init__(self, *, user_agent: str, url: str = URL, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
        self._client = httpx2.Client(headers={"User-Agent": user_agent}, timeout=timeout_s)

    def fetch(
        self, *, latitude: float, longitude: float, elevation_m: float, last_modified: str, now: datetime
    ) -> Forecast:
        # Four decimals at most: the terms ask for it, so that answers can be shared.
        params = {"lat": f"{latitude:.4f}", "lon": f"{longitude:.4f}", "altitude": f"{elevation_m:.0f}"}
        headers = {"If-Modified-Since": last_modified} if last_modified else {}
        try:
            with self._client.stream("GET", self._url, params=params, headers=headers) as response:
                return _forecast(response, last_modified=last_modified, now=now)
        except httpx2.HTTPError as error:
            raise ForecastError(f"{self._url} did not answer: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        self._client.close()


def _forecast(response: httpx2.Response, *, last_modified: str, now: datetime) -> Forecast:
    expires = _expires(response.headers.get("Expires", ""), now)
    if response.status_code == HTTPStatus.NOT_MODIFIED:
        return Forecast(unchanged=True, expires=expires, last_modified=last_modified)
    if response.status_code not in {HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION}:
        raise ForecastError(f"{response.url.host} answered {response.status_code}, expected 200 or 304")
    hours, refused = read_timeseries(_document(response))
    return Forecast(
        hours=hours,
        refused=refused,
        expires=expires,
        last_modified=response.headers.get("Last-Modified", "")[:64],
    )


def _document(response: httpx2.Response) -> Any:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise ForecastError(f"{response.url.host} sent more than {MAX_BYTES} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ForecastError(f"{response.url.host} sent no JSON: {error}") from error


def read_timeseries(document: Any) -> tuple[tuple[Weather, ...], tuple[str, ...]]:
    """Return the hours of a Locationforecast document, and why the others were refused.

    A block of six hours becomes six hours that share its rain evenly. Raises ForecastError when the document
    has no time series at all.
    """
    try:
        series = document["properties"]["timeseries"]
    except (KeyError, TypeError) as error:
        raise ForecastError("the forecast has no properties.timeseries") from error
    if not isinstance(series, list):
        raise ForecastError(f"properties.timeseries is a {type(series).__name__}, expected a list")
    hours: dict[datetime, Weather] = {}
    refused: list[str] = []
    for index, item in enumerate(series):
        try:
            for weather in _hours(item):
                hours.setdefault(weather.starts_at, weather)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            refused.append(f"item {index}: {type(error).__name__}: {error}"[:200])
    return tuple(hours[at] for at in sorted(hours)), tuple(refused)


def _hours(item: Any) -> Iterator[Weather]:
    """Yield the hours an item covers; the last items of a forecast cover none."""
    data = item["data"]
    if "next_1_hours" in data:
        count, block = 1, data["next_1_hours"]
    elif "next_6_hours" in data:
        count, block = BLOCK_HOURS, data["next_6_hours"]
    else:
        return
    now = data["instant"]["details"]
    starts_at = datetime.fromisoformat(item["time"])
    if starts_at.tzinfo is None:  # which would quietly be this machine's
        raise ValueError(f"{item['time']} has no time zone")
    precip_mm = float(block["details"]["precipitation_amount"]) / count
    for offset in range(count):
        yield Weather(
            starts_at=starts_at.astimezone(UTC) + HOUR * offset,
            temp_c=float(now["air_temperature"]),
            precip_mm=precip_mm,
            wind_kmh=float(now["wind_speed"]) * KMH_PER_M_S,
            cloud_pct=float(now["cloud_area_fraction"]),
        )


def _expires(header: str, now: datetime) -> datetime:
    try:
        expires = parsedate_to_datetime(header)
    except ValueError:
        return now + WITHOUT_EXPIRES
    return expires if expires.tzinfo else expires.replace(tzinfo=UTC)
