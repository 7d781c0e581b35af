"""Keeps the promise of ledger."""

from tests.contracts.toy.identity import identity
from tests.contracts.toy.promises.identity import Identity


def whoami() -> Identity:
    return identity()
