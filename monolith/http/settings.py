"""Django's HTTP settings per tier. Pure, and free of Ninja: settings import it."""

from typing import Any, Final

from django.utils.csp import CSP

from monolith.environment import Environment
from monolith.http.limits import MAX_BODY, MAX_PRIVATE_BODY, MAX_PRIVATE_FIELDS, MAX_PUBLIC_FIELDS
from monolith.profile import Profile

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

# Without sessions there is no request to forge (W003), and ModuleMiddleware sends the security headers (W001).
_NOT_FOR_ANONYMOUS: Final = ["security.W001", "security.W003"]

CONTENT_POLICY: Final = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],  # the admin's and Swagger's style sheets carry small icons
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}


def http_settings(profile: Profile, environment: Environment) -> dict[str, Any]:
    """Return templates, static files, security headers, cookies and limits of one tier.

    A process that answers to any name beyond the loopback is taken to stand behind TLS: its cookies are
    Secure and its forms are trusted from https addresses only.
    """
    private = profile is Profile.PRIVATE
    return {
        "TEMPLATES": [_templates(profile)],
        "STATIC_URL": "/static/",
        "STORAGES": {
            "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
            "staticfiles": {"BACKEND": "monolith.http.static.StaticStorage"},
        },
        "SECURE_CSP": CONTENT_POLICY,
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "SECURE_REFERRER_POLICY": "same-origin",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
        "X_FRAME_OPTIONS": "DENY",
        "DATA_UPLOAD_MAX_MEMORY_SIZE": MAX_PRIVATE_BODY if private else MAX_BODY,
        "DATA_UPLOAD_MAX_NUMBER_FIELDS": MAX_PRIVATE_FIELDS if private else MAX_PUBLIC_FIELDS,
        "DATA_UPLOAD_MAX_NUMBER_FILES": 20,
        **(_session_settings(environment) if private else {"SILENCED_SYSTEM_CHECKS": _NOT_FOR_ANONYMOUS}),
    }


def behind_tls(environment: Environment) -> bool:
    """Say whether the process is reached by others, and so through TLS."""
    return not set(environment.allowed_hosts) <= _LOOPBACK


def _session_settings(environment: Environment) -> dict[str, Any]:
    secure = behind_tls(environment)
    return {
        "SESSION_COOKIE_SECURE": secure,
        "CSRF_COOKIE_SECURE": secure,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_SAMESITE": "Lax",
        "CSRF_FAILURE_VIEW": "monolith.http.error_pages.csrf_failure",
        "CSRF_TRUSTED_ORIGINS": [
            f"https://{'*' if host.startswith('.') else ''}{host}"
            for host in environment.allowed_hosts
            if host not in _LOOPBACK and host != "*"
        ],
        "LOGIN_URL": "admin:login",
        "LOGIN_REDIRECT_URL": "/",
    }


def _templates(profile: Profile) -> dict[str, Any]:
    processors = ["django.template.context_processors.request"]
    if profile is not Profile.PUBLIC:
        processors += [
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": processors},
    }
