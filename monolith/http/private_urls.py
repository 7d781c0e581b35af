"""What the private tier serves: the public routes, the private ones for staff, and the admin."""

from django.apps import apps
from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from monolith.admin import overview
from monolith.composition import composed
from monolith.contracts.endpoint import endpoint_of
from monolith.contracts.wire import PREFIX
from monolith.http import health, pages
from monolith.http.api import api_of
from monolith.profile import Profile
from monolith.tools import http as tools

handler400 = "monolith.http.error_pages.bad_request"
handler403 = "monolith.http.error_pages.permission_denied"
handler404 = "monolith.http.error_pages.not_found"
handler500 = "monolith.http.error_pages.server_error"

admin.site.site_header = "FastMonolith"
admin.site.site_title = "FastMonolith"
admin.site.index_title = "Modules"

# Jobs are rows of modules; django-q2's own models have no tables here, and pages in the admin all the same.
_without_tables = apps.get_app_config("django_q").get_models()
admin.site.unregister([model for model in _without_tables if admin.site.is_registered(model)])

urlpatterns = [
    path("", pages.home_of(Profile.PRIVATE), name="home"),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.admin_view(overview.index)),  # before Django's index, whose name it answers to
    path("admin/", admin.site.urls),
    path("api/", api_of(Profile.PRIVATE).urls),
    path(f"{PREFIX.lstrip('/')}<path:path>", endpoint_of(composed())),
    path("mcp", tools.endpoint),
    path("mcp/", tools.endpoint),
    path(".well-known/oauth-protected-resource", tools.metadata),
    path(".well-known/oauth-protected-resource/mcp", tools.metadata),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("robots.txt", pages.private_robots, name="robots"),
    path("favicon.ico", pages.favicon, name="favicon"),
]
