"""Who may call a private route: staff with a session."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja.security.apikey import APIKeyCookie
from ninja.utils import check_csrf

from monolith.http.problems import Problem

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class StaffSession(APIKeyCookie):
    """Active staff with a session; whatever changes something carries the CSRF token as well."""

    param_name = settings.SESSION_COOKIE_NAME

    def __call__(self, request: HttpRequest) -> Any | None:
        """Return the user; None without a session. Raises Problem 403 for non-staff or a missing token.

        Ninja looks at the token first, which would tell anonymous callers 403 where 401 is true.
        """
        return self.authenticate(request, request.COOKIES.get(self.param_name))

    def authenticate(self, request: HttpRequest, key: str | None) -> Any | None:
        user = request.user
        if not key or not user.is_authenticated:
            return None
        if not (user.is_active and user.is_staff):
            raise Problem(403, "Staff only", type="staff-only")
        if request.method not in _SAFE and check_csrf(request):
            detail = "Send the csrftoken cookie's value as X-CSRFToken."
            raise Problem(403, "CSRF token missing or wrong", detail=detail, type="csrf")
        return user
