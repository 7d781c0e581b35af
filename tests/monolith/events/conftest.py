"""The fixtures of the tests about events."""

from tests.monolith.events.toy import subscriptions

__all__ = ["subscriptions"]
