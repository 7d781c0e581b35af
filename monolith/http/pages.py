"""The few pages of a tier: what runs here, and what robots may read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.http import require_safe

from monolith.composition import composed
from monolith.http.api import TierAPI, api_of
from monolith.module import Module
from monolith.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route as the front page shows it."""

    method: str
    path: str
    summary: str
    link: str  # where a click leads: the answer itself, else its description
    staff_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleCard:
    """One module as the front page shows it."""

    name: str
    title: str
    summary: str
    endpoints: list[Endpoint]


def home_of(profile: Profile) -> Any:
    """Return the view of a tier's front page."""

    @require_safe
    def home(request: HttpRequest) -> HttpResponse:
        api = api_of(profile)
        modules = (m for m in composed().modules.values() if profile.includes(m))
        context = {
            "api": api,
            "profile": profile.value,
            "is_private": profile is Profile.PRIVATE,
            "modules": [_card(api, module) for module in modules],
        }
        return render(request, "monolith/home.html", context)

    return home


def _card(api: TierAPI, module: Module) -> ModuleCard:
    return ModuleCard(
        name=module.name,
        title=module.display_title,
        summary=module.summary,
        endpoints=list(_endpoints(api, f"/api/{module.name}/")),
    )


def _endpoints(api: TierAPI, prefix: str) -> Iterator[Endpoint]:
    for path, methods in api.get_openapi_schema()["paths"].items():
        if not path.startswith(prefix):
            continue
        for method, operation in methods.items():
            required = any(parameter["required"] for parameter in operation["parameters"])
            opens = method == "get" and "{" not in path and not required
            tag = operation["tags"][0].replace(" ", "%20")
            yield Endpoint(
                method=method.upper(),
                path=path,
                summary=operation["summary"],
                link=path if opens else f"/api/docs#/{tag}/{operation['operationId']}",
                staff_only="security" in operation,
            )


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Send those who ask without looking to the icon."""
    return HttpResponseRedirect(static("monolith/favicon.svg"))


@require_safe
def public_robots(request: HttpRequest) -> HttpResponse:
    """Let robots read the pages; the data is for programs that know what they ask for."""
    return HttpResponse("User-agent: *\nDisallow: /api/\n", content_type="text/plain")


@require_safe
def private_robots(request: HttpRequest) -> HttpResponse:
    """Let robots read nothing."""
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain")
