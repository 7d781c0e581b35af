"""Forgetting what the gate said, in every process, once its rules or grants have changed.

The gate's contract names the event that says so (`@gate(changed_by="GrantChanged")`), and each module that asks the
gate is given it without a subscriber of its own: here. The job ends in a NOTIFY on the module's database, to which
every process listens that keeps answers (monolith.contracts.decisions). Behind a pooler in transaction mode nothing is
heard; then an answer lives as long as the gate's ceiling, which is short.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from monolith.events.outbox import statement
from monolith.jobs.records import fetch
from monolith.jobs.task import task

_TELL: Final = statement("tell_of_changes")


@task(time_limit_s=30, priority=100)
def forget_decisions(envelope: Mapping[str, Any]) -> None:
    """Tell every process that keeps answers for the current module; `envelope` is of the event, whatever it says."""
    fetch(_TELL)


# One that failed must not keep the next from being heard.
forget_decisions = replace(forget_decisions, parks=False)
