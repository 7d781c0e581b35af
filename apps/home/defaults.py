"""The services that are measured unless somebody chose others: the public tier, and a page of every module on it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ninja.openapi.schema import get_schema

from apps.home.models import Service
from monolith import Profile, composed
from monolith.http.api import TierAPI
from monolith.module import Module

PREFIX: Final = "/api/"


def ensure_services() -> int:
    """Store the usual services where there is no service at all; return how many are new."""
    if Service.objects.exists():
        return 0
    services = [Service(slug="public-tier", name="Public tier", path="/healthz"), *_of_modules()]
    return len(Service.objects.bulk_create(services, ignore_conflicts=True))


def _of_modules() -> Iterator[Service]:
    for name, module in composed().modules.items():
        if Profile.PUBLIC.includes(module) and (path := page_of(module)):
            yield Service(slug=name.replace("_", "-"), name=module.display_title, module=name, path=path)


def page_of(module: Module) -> str | None:
    """Return the first public page of a module that can be asked for without knowing more; None without one."""
    api = TierAPI(Profile.PUBLIC, {module.name: module})
    paths: Mapping[str, Any] = get_schema(api, path_prefix=PREFIX)["paths"]
    return next((path for path in sorted(paths) if "{" not in path and _asks_nothing(paths[path])), None)


def _asks_nothing(operations: Mapping[str, Any]) -> bool:
    operation = operations.get("get")
    return operation is not None and not any(
        parameter.get("required") for parameter in operation.get("parameters", ())
    )
