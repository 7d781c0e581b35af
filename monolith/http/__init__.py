"""The HTTP surface of both tiers: routes, pages, problems, limits, health."""
