"""The fixtures of the tests about jobs."""

from tests.monolith.jobs.toy import toy

__all__ = ["toy"]
