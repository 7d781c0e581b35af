"""The WSGI application of either tier: `granian --interface wsgi monolith.wsgi:application`."""

from typing import Any

import django


def load() -> Any:
    """Set Django up, make sure the process holds no more than its tier allows, and return the application.

    Raises TierViolation with every finding, before anything listens.
    """
    django.setup(set_prefix=False)
    from django.urls import get_resolver

    from monolith.composition import composed
    from monolith.contracts.dispatcher import dispatcher
    from monolith.http.connections import watch_connections
    from monolith.http.gateway import Handler
    from monolith.http.static import serving_static
    from monolith.telemetry import start_telemetry
    from monolith.tier_check import check_tier

    check_tier()
    dispatcher()  # made now: the way to each module is known before the first call
    start_telemetry(composed().profile)
    watch_connections()
    _ = get_resolver().url_patterns  # a route that cannot be imported stops the start, not the first request
    return serving_static(Handler())


application = load()
