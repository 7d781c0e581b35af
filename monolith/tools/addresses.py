"""Where agents reach the tools and read about them, as they see it."""

from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest

from monolith.composition import composed
from monolith.http.settings import behind_tls

PATH: Final = "/mcp"
METADATA: Final = "/.well-known/oauth-protected-resource"


def resource_of(request: HttpRequest) -> str:
    """Return the address of the tools: what MONOLITH_TOOLS_URL says, or else the one that was asked."""
    return composed().environment.tools_url or _origin(request) + PATH


def metadata_of(request: HttpRequest) -> str:
    """Return where the metadata of the tools is (RFC 9728, 3.1): the well-known path goes before the resource's own."""
    parts = urlsplit(resource_of(request))
    return f"{parts.scheme}://{parts.netloc}{METADATA}{parts.path}"


def _origin(request: HttpRequest) -> str:
    # What ends TLS before this process is not asked how it was reached: a header may come from anybody.
    scheme = "https" if behind_tls(composed().environment) else request.scheme
    return f"{scheme}://{request.get_host()}"
