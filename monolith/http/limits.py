"""How large a request may be."""

from collections.abc import Callable
from typing import Any, Final

KILOBYTE: Final = 1024
MEGABYTE: Final = 1024 * KILOBYTE

MAX_BODY: Final = 1 * MEGABYTE  # what a route takes that says nothing else
MAX_PRIVATE_BODY: Final = 20 * MEGABYTE  # what a private route may ask for; Django holds the body in memory
MAX_QUERY: Final = 4 * KILOBYTE  # longer query strings are refused, and caches would not keep them anyway
MAX_PUBLIC_FIELDS: Final = 100
MAX_PRIVATE_FIELDS: Final = 5_000  # the admin's list editing and bulk actions send one field per row and more

_ATTRIBUTE: Final = "monolith_max_body"
LIMITS_ATTRIBUTE: Final = "monolith_max_body_by_method"  # on a view: where the middleware finds the limits


def body_limit[F: Callable[..., Any]](max_bytes: int) -> Callable[[F], F]:
    """Let one private route take a larger body: put `@body_limit(20 * MEGABYTE)` between router and function.

    Raises ValueError above MAX_PRIVATE_BODY.
    """
    if not 0 < max_bytes <= MAX_PRIVATE_BODY:
        raise ValueError(f"a body limit is between 1 and {MAX_PRIVATE_BODY} bytes, not {max_bytes}")

    def mark(function: F) -> F:
        setattr(function, _ATTRIBUTE, max_bytes)
        return function

    return mark


def limit_of(function: Callable[..., Any]) -> int:
    """Return how many bytes of body the route `function` takes."""
    limit: int = getattr(function, _ATTRIBUTE, MAX_BODY)
    return limit
