"""What holds sockets and threads, and begins anew in a forked child."""

import os
from typing import Protocol
from weakref import WeakSet


class Renewed(Protocol):
    """Something that a child cannot go on using as its parent left it."""

    def renew(self) -> None:
        """Forget the parent's connections, locks and threads, without touching what the parent still uses."""
        ...


_known: WeakSet[Renewed] = WeakSet()


def renew_after_fork(thing: Renewed) -> None:
    """Have `thing` renewed in every child that is forked from now on."""
    _known.add(thing)


def _renew_all() -> None:
    for thing in list(_known):
        thing.renew()


os.register_at_fork(after_in_child=_renew_all)
