"""A promise that another provider relies on."""

from typing import Protocol

from monolith.contracts import Interface
from tests.contracts.toy.promises.identity import Identity


class Ledger(Interface, Protocol):
    """The end of a chain of calls."""

    def whoami(self) -> Identity:
        """Return as whom the provider runs."""
        ...
