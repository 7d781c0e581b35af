"""What a process of a test gets of our own environment."""

import os


def outer_environment() -> dict[str, str]:
    """Return our environment without what would tell a process about this run's database or settings."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MONOLITH_", "DATABASE_URL", "DJANGO_", "PG"))
    }
