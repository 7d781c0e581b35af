"""What the anonymous tier serves."""

from django.urls import path

from monolith.http import health, pages
from monolith.http.api import api_of
from monolith.profile import Profile

handler400 = "monolith.http.error_pages.bad_request"
handler403 = "monolith.http.error_pages.permission_denied"
handler404 = "monolith.http.error_pages.not_found"
handler500 = "monolith.http.error_pages.server_error"

urlpatterns = [
    path("", pages.home_of(Profile.PUBLIC), name="home"),
    path("api/", api_of(Profile.PUBLIC).urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("robots.txt", pages.public_robots, name="robots"),
    path("favicon.ico", pages.favicon, name="favicon"),
]
