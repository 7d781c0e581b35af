"""Routes that exist in the HTTP tests only, served in the place of a real module's."""

from collections.abc import Iterator
from types import ModuleType
from typing import Annotated, Any, Final

from django.core.exceptions import PermissionDenied
from django.db import DataError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path
from ninja import Field, Query, Router, Schema
from ninja.throttling import AnonRateThrottle
from psycopg import errors
from pydantic import AfterValidator

from monolith import BoundaryViolation, Module, Profile, Tier, compose, composed, current_module
from monolith.http import health, pages
from monolith.http.api import TierAPI
from monolith.http.caching import cacheable
from monolith.http.limits import MEGABYTE, body_limit
from monolith.http.problems import Problem, field_error
from monolith.http.settings import http_settings
from settings.modules import MODULES

# A declared module of both tiers lends its name, so that scope and guard know it.
NAME: Final = next(module.name for module in MODULES if module.tier is Tier.BOTH)

public = Router()
private = Router()
built: list[str] = []


class Point(Schema):
    latitude: float = Field(ge=-90, le=90)


class Line(Schema):
    name: str
    points: list[Point]


def _box(value: str) -> str:
    if value.count(",") != 3:
        raise ValueError("a box is four numbers")
    return value


class Window(Schema):
    limit: int = Field(default=10, ge=1, le=100)
    box: Annotated[str, AfterValidator(_box)] | None = None


@public.get("/scope", response=str)
def scope(request: HttpRequest) -> str:
    """Say as which module the route runs."""
    return current_module()


@public.get("/cached", response=dict[str, int])
def cached(request: HttpRequest, rows: int = 3) -> object:
    def build() -> dict[str, int]:
        built.append(request.get_full_path())
        return {"rows": rows}

    return cacheable(request, version=[rows], max_age_s=60, revalidate_s=600, build=build)


@public.get("/download", response=None)
def download(request: HttpRequest) -> object:
    return cacheable(
        request,
        version=["file"],
        max_age_s=60,
        revalidate_s=600,
        build=lambda: HttpResponse("<gpx/>", content_type="application/gpx+xml"),
        vary=["Accept"],
    )


@public.get("/window", response=int)
def window(request: HttpRequest, asked: Query[Window]) -> int:
    return asked.limit


@public.get("/things/{int:thing}", response=int)
def thing(request: HttpRequest, thing: int) -> int:
    if thing > 9:
        raise Problem(404, "Thing not found", detail=f"No thing is {thing}.", type="thing-not-found", known=9)
    return thing


@public.post("/lines", response=str)
def draw(request: HttpRequest, line: Line) -> str:
    if line.name == "taken":
        refused = field_error("body", "name", detail="is taken")
        raise Problem(409, "Line exists", errors=[refused])
    return line.name


@public.get("/slow", response=str, throttle=[AnonRateThrottle("1/h")])
def slow(request: HttpRequest) -> str:
    return "once an hour"


FAILURES: dict[str, Exception] = {
    "missing": Http404("secret detail"),
    "denied": PermissionDenied("secret detail"),
    "bug": RuntimeError("secret detail"),
    "boundary": BoundaryViolation(current="toy", target="secret", what="secret detail"),
    "away": OperationalError("secret detail"),
    "huge": DataError("secret detail"),
    "divided": DataError("secret detail"),
}
FAILURES["huge"].__cause__ = errors.NumericValueOutOfRange()
FAILURES["divided"].__cause__ = errors.DivisionByZero()


@public.get("/fail/{how}", response=str)
def fail(request: HttpRequest, how: str) -> str:
    raise FAILURES[how]


class Closing:
    """Remembers as which module it was closed."""

    closed_as: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        yield current_module().encode()
        yield current_module().encode()

    def close(self) -> None:
        Closing.closed_as = current_module()


@public.get("/stream", response=None)
def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(Closing())


@private.get("/me", response=str)
def me(request: HttpRequest) -> str:
    return f"{request.user} {current_module()}"


@private.post("/change", response=str)
def change(request: HttpRequest, line: Line) -> str:
    return line.name


@private.post("/uploads", response=int)
@body_limit(2 * MEGABYTE)
def upload(request: HttpRequest) -> int:
    return len(request.body)


def broken(request: HttpRequest) -> HttpResponse:
    """Fail outside the routes; `?how=` picks the way."""
    raise FAILURES[request.GET["how"]]


def toy_api(profile: Profile) -> TierAPI:
    """Make the toy's API for a tier."""
    return TierAPI(profile, {NAME: Module(name=NAME, tier=Tier.BOTH, title="Toy", routes=__name__)})


def toy_client(settings: Any, profile: Profile, **options: Any) -> Client:
    """Serve the toy's routes as `profile` would and return a client for them."""
    composition = compose(
        profile, MODULES, {"MONOLITH_SECRET_KEY": "toy"} if profile is Profile.PRIVATE else {}
    )
    urlconf = ModuleType("toy_urls")
    vars(urlconf).update(
        urlpatterns=[
            path("", pages.home_of(profile)),
            path("api/", toy_api(profile).urls),
            path("healthz", health.healthz),
            path("readyz", health.readyz),
            path("favicon.ico", pages.favicon),
            path("broken", broken),
        ],
        handler400="monolith.http.error_pages.bad_request",
        handler403="monolith.http.error_pages.permission_denied",
        handler404="monolith.http.error_pages.not_found",
        handler500="monolith.http.error_pages.server_error",
    )
    if profile is not composed().profile:
        settings.MONOLITH = composition
    for name, value in http_settings(profile, composition.environment).items():
        if name.startswith("DATA_UPLOAD"):
            setattr(settings, name, value)
    settings.MIDDLEWARE = composition.middleware
    settings.ROOT_URLCONF = urlconf
    return Client(raise_request_exception=False, **options)
