"""django-q2's broker: what `async_task` queues lands in the rows of the module whose function it is."""

from typing import Any, Final

from django_q.brokers import Broker
from django_q.signing import SignedPackage

from monolith.jobs.backend import require_own
from monolith.jobs.registry import find

# What a package always has, and what has no meaning in a row that is acknowledged by its own transaction.
_ALWAYS: Final = frozenset({"id", "name", "func", "args", "kwargs", "started"})
_WITHOUT_EFFECT: Final = frozenset({"save", "cluster", "ack_failure"})


class ModuleBroker(Broker):  # type: ignore[misc]  # django-q2 has no types
    """Keeps packages as jobs. Workers claim their rows themselves, so nothing is ever dequeued here."""

    def enqueue(self, task: str) -> int:
        """Keep django-q2's signed package as a job of the current module; returns its id.

        Raises BoundaryViolation for a function of another module, TypeError for arguments that are not JSON, and
        ValueError for options that jobs do not have.
        """
        package: dict[str, Any] = SignedPackage.loads(task)
        function = package["func"]
        path = function if isinstance(function, str) else f"{function.__module__}.{function.__qualname__}"
        if unknown := sorted({*package} - _ALWAYS - _WITHOUT_EFFECT):
            raise ValueError(
                f"async_task({path!r}): {', '.join(unknown)} has no meaning here; declare a @task of monolith.jobs "
                "with the options that it needs"
            )
        require_own(path)
        known = find(path)
        if known is None:
            raise ValueError(f"{path} is no function at the top level of a module's app")
        return int(known.enqueue(*package["args"], **package["kwargs"]).id)

    def ping(self) -> bool:
        return True

    def info(self) -> str:
        return "monolith: a table in each module's schema"
