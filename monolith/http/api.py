"""The composed modules' routes as one Ninja API per tier."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib import import_module, metadata
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI, Router
from ninja.errors import ValidationError, ValidationErrorContext
from ninja.openapi.docs import DocsBase
from ninja.openapi.schema import OpenAPISchema, get_schema
from ninja.operation import Operation
from ninja.utils import normalize_path, replace_path_param_notation

from monolith.composition import Composition, composed
from monolith.errors import CompositionError
from monolith.http.answers import JsonRenderer, answer_directly
from monolith.http.caching import finish
from monolith.http.handlers import answer
from monolith.http.limits import LIMITS_ATTRIBUTE, limit_of
from monolith.http.locations import named_errors
from monolith.http.openapi import complete, merge
from monolith.http.sessions import StaffSession
from monolith.module import Module
from monolith.profile import Profile


class Docs(DocsBase):
    """Swagger UI from our own static files, without inline script."""

    def __init__(self, *, with_csrf: bool) -> None:
        self._with_csrf = with_csrf

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        configuration = {
            "url": self.get_openapi_url(api, kwargs),
            "layout": "BaseLayout",
            "deepLinking": True,
        }
        context = {"api": api, "configuration": configuration, "with_csrf": self._with_csrf}
        return render(request, "monolith/docs.html", context)


class TierAPI(NinjaAPI):
    """One tier's routes; errors are problem documents, HEAD goes wherever GET does."""

    def __init__(self, profile: Profile, modules: Mapping[str, Module]) -> None:
        self.profile = profile
        self.modules = modules
        super().__init__(
            title=f"{profile.value.capitalize()} tier",
            version=framework_version(),
            description="The routes of "
            + ", ".join(module.display_title for module in modules.values())
            + ".",
            urls_namespace=f"{profile.value}-api",
            renderer=JsonRenderer(),
            docs=Docs(with_csrf=profile is Profile.PRIVATE),
            openapi_extra={
                "tags": [{"name": m.display_title, "description": m.summary} for m in modules.values()]
            },
        )
        for module in modules.values():
            self._mount(module)
        self._bind()

    def _mount(self, module: Module) -> None:
        if not module.routes:
            return
        public, private = routers_of(module)
        if public:
            self.add_router(f"/{module.name}/", public, tags=[module.display_title])
        if private and self.profile is Profile.PRIVATE:
            self.add_router(f"/{module.name}/", private, tags=[module.display_title], auth=StaffSession())

    def _bind(self) -> None:
        paths: Counter[str] = Counter()
        ids: Counter[str] = Counter()
        for route, view in self.path_views():
            paths[_shape(route)] += 1
            for operation in view:
                module = route.partition("/")[0]
                operation.operation_id = operation.operation_id or f"{module}_{operation.view_func.__name__}"
                ids[operation.operation_id] += 1
                if "GET" in operation.methods:
                    operation.methods.append("HEAD")
                answer_directly(operation)
        clashes = [
            f"two routers serve /api/{path}; Django would ask the first alone: give one of them another path"
            for path, count in paths.items()
            if count > 1
        ]
        clashes += [
            f"two routes have the operation id {name!r}; rename a function or give it operation_id="
            for name, count in ids.items()
            if count > 1
        ]
        if clashes:
            raise CompositionError(clashes)

    def path_views(self) -> Iterator[tuple[str, list[Operation]]]:
        """Yield each Django route below /api/ with its operations."""
        for bound in self._get_bound_routers():
            for path, view in bound.path_operations.items():
                route = "/".join(part for part in (bound.prefix, path) if part)
                yield normalize_path(replace_path_param_notation(route)).lstrip("/"), view.operations

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        patterns = super()._get_urls()
        limits = {
            route: {method: limit_of(o.view_func) for o in operations for method in o.methods}
            for route, operations in self.path_views()
        }
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                vars(pattern.callback)[LIMITS_ATTRIBUTE] = limits.get(str(pattern.pattern), {})
        return patterns

    @cached_property
    def _described(self) -> OpenAPISchema:
        prefix = self.get_root_path({})
        schema = get_schema(api=self, path_prefix=prefix)
        parts = {n: get_schema(TierAPI(self.profile, {n: m}), prefix) for n, m in self.modules.items()}
        merge(schema, parts)
        throttled = frozenset(
            operation.operation_id or ""
            for _, operations in self.path_views()
            for operation in operations
            if operation.throttle_objects
        )
        complete(schema, throttled=throttled)
        return schema

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        return self._described

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        return answer(request, exc)

    def create_response(
        self,
        request: HttpRequest,
        data: Any,
        *,
        status: int | None = None,
        temporal_response: HttpResponse | None = None,
    ) -> HttpResponse:
        response = super().create_response(request, data, status=status, temporal_response=temporal_response)
        finish(request, response)
        return response

    def validation_error_from_error_contexts(
        self, error_contexts: list[ValidationErrorContext[Any]]
    ) -> ValidationError:
        errors = []
        for context in error_contexts:
            found = super().validation_error_from_error_contexts([context]).errors
            errors += named_errors(found, context.model)
        return ValidationError(errors)


def routers_of(module: Module) -> tuple[Router | None, Router | None]:
    """Return the module's public and private routers; CompositionError when its routes have neither."""
    routes = import_module(module.routes)
    public, private = getattr(routes, "public", None), getattr(routes, "private", None)
    if public is None and private is None:
        raise CompositionError(
            [f"{module.routes} defines neither `public` nor `private`; make one a ninja.Router()"]
        )
    return public, private


def framework_version() -> str:
    """Return the installed framework's version; "unreleased" where it runs from a check-out."""
    try:
        return metadata.version("fastmonolith")
    except metadata.PackageNotFoundError:
        return "unreleased"


@cache
def api_of(profile: Profile) -> TierAPI:
    """Return the API of a tier, made once from this process's modules."""
    return build_api(composed(), profile)


def build_api(composition: Composition, profile: Profile) -> TierAPI:
    """Make the API of a tier from the composed modules that take part in it."""
    return TierAPI(profile, {n: m for n, m in composition.modules.items() if profile.includes(m)})


def _shape(route: str) -> str:
    return re.sub(r"<[^>]*>", "<>", route)
