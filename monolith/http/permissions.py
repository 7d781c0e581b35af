"""Django's permissions for private routes: they are in the platform's tables, which a route's module cannot read."""

from django.http import HttpRequest

from monolith.context import entering
from monolith.http.problems import Problem
from monolith.module import PLATFORM


def require_permission(request: HttpRequest, permission: str) -> str:
    """Return the caller as a subject, `user:7`. Raises Problem 403 without the permission: "scheduler.steer_job"."""
    with entering(PLATFORM):
        allowed = request.user.has_perm(permission)
    if not allowed:
        raise Problem(
            403,
            "Permission missing",
            detail=f"This takes the permission {permission}; a superuser can grant it in the admin.",
            type="permission-missing",
        )
    return f"user:{request.user.pk}"
