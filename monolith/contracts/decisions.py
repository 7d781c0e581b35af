"""The gate's answers as its callers keep them: for a short while, and denying when there is none."""

import logging
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

from monolith.contracts.call import Call, Transport
from monolith.contracts.errors import CallError, ContractError, DeclaredError, InvalidCall
from monolith.contracts.interface import Gate
from monolith.contracts.wire import write_arguments
from monolith.notifications import Listener

logger = logging.getLogger("monolith.contracts")

CHANNEL: Final = "monolith_decisions"  # what monolith.events.gate says on it
MAX_KEPT: Final = 10_000  # decisions; beyond it all are forgotten, which costs a call each


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Any
    until: float  # monotonic()


_kept: dict[tuple[str, ...], _Kept] = {}
_generation = 0
_listening = 0  # the process that does; a fork has none of its parent's threads
hears_changes = True  # the pytest plugin switches it off: when it begins to listen, all is forgotten once
_lock = threading.Lock()


def decided(call: Call, transport: Transport) -> Any:
    """Return the gate's answer, a kept one where there is one that still holds.

    A gate that cannot be asked, or fails, denies: the answer is what its contract says for that, and is not kept.
    """
    rules = call.operation.gate
    if rules is None:
        raise TypeError(f"{call.operation.label} is no gate")
    key = (call.operation.label, call.caller, call.tenant, call.actor, write_arguments(call).decode())
    kept = _kept.get(key)
    if kept is not None and monotonic() < kept.until:
        return kept.answer
    generation = _generation
    try:
        answer = transport.carry(call)
    except (DeclaredError, InvalidCall):
        raise
    except ContractError as error:
        logger.warning(
            "%s could not be asked and denies: %s",
            call.operation.label,
            error,
            exc_info=not isinstance(error, CallError),
        )
        return rules.on_failure
    _keep(key, answer, rules, generation)
    return answer


def _keep(key: tuple[str, ...], answer: Any, rules: Gate, generation: int) -> None:
    seconds = rules.ceiling_s
    ends = rules.until(answer)
    if ends is not None:
        seconds = min(seconds, (ends - datetime.now(UTC)).total_seconds())
    if seconds <= 0:
        return
    with _lock:
        if generation != _generation:
            return  # forgotten while it was being asked: the answer may be from before
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        _kept[key] = _Kept(answer, monotonic() + seconds)
    if rules.changed_by and hears_changes:
        _listen()


def _listen() -> None:
    """Hear of changes from now on, in a process that has something to forget; what came before that is forgotten."""
    global _listening
    with _lock:
        if _listening == os.getpid():
            return
        _listening = os.getpid()
    Listener(
        CHANNEL, lambda _: forget_decisions(), until=lambda: not hears_changes, began=forget_decisions
    ).start()


def forget_decisions() -> None:
    """Forget every answer of the gate that this process keeps: a grant or a rule has changed."""
    global _generation
    with _lock:
        _generation += 1
        _kept.clear()
