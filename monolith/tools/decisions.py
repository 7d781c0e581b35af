"""People's decisions on calls of restricted tools: asked for by a call, given in the admin, used once, then over."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from monolith.errors import MonolithError
from monolith.events.ids import uuid7
from monolith.tools.models import Decision
from monolith.tools.rows import fetch, statement

LIFE: Final = timedelta(minutes=30)  # from the question until it, or its answer, is over
MAX_WAITING: Final = 20  # questions of one token; whoever is asked more often reads less of each
MAX_ARGUMENTS: Final = 20_000  # characters of JSON, which a person can still read
_USE: Final = statement("use_decision")
_ASK: Final = statement("ask_decision")


class Undecided(MonolithError):
    """A call waits for a person, or a person has decided against it."""


@dataclass(frozen=True, slots=True)
class Question:
    """One call of a restricted tool, as a person is asked about it."""

    token: UUID
    tool: str
    arguments: Mapping[str, Any]  # JSON values, as the tool would be given them
    call: UUID  # the entry of the audit that the call has

    @property
    def fingerprint(self) -> bytes:
        """Return what tells this call from one with other arguments."""
        text = json.dumps(self.arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).digest()


def require_decision(question: Question) -> UUID:
    """Use a person's yes to just this call and return the decision's id; asks, and raises Undecided, without one."""
    given = {"token": question.token, "tool": question.tool, "fingerprint": question.fingerprint}
    if rows := fetch(_USE, **given, call=question.call):
        return UUID(str(rows[0][0]))
    written = json.dumps(dict(question.arguments))
    if len(written) > MAX_ARGUMENTS:
        raise Undecided(
            f"A person has to confirm this call and cannot read {len(written)} characters of arguments; at most "
            f"{MAX_ARGUMENTS} are asked about."
        )
    rows = fetch(
        _ASK, **given, id=uuid7(), arguments=written, life_s=LIFE.total_seconds(), at_once=MAX_WAITING
    )
    if not rows:
        raise Undecided("A person has to confirm this call, and was just asked. Call again later.")
    id_, status, expires_at, waiting = rows[0]
    if waiting:
        raise Undecided(
            f"A person has to confirm this call, and {waiting} calls of this token wait for one already; no more may."
        )
    until = expires_at.astimezone().isoformat(timespec="seconds")
    if status == Decision.Status.REFUSED:
        raise Undecided(
            f"A person refused this call (decision {id_}); it may be asked for again after {until}."
        )
    raise Undecided(
        f"A person has to confirm this call: decision {id_}, open until {until}. Call again with the same arguments "
        "once it was approved."
    )


def decide(decision: UUID, *, approved: bool, by: str) -> bool:
    """Write down a person's word; returns whether the question was still open, and its token still good."""
    now = timezone.now()
    status = Decision.Status.APPROVED if approved else Decision.Status.REFUSED
    open_ = Decision.objects.filter(
        pk=decision,
        status=Decision.Status.PENDING,
        expires_at__gt=now,
        token__revoked_at=None,
        token__expires_at__gt=now,
    )
    return bool(open_.update(status=status, decided_at=now, decided_by=by))


def is_open(decision: Decision, now: datetime) -> bool:
    """Say whether a person may still decide."""
    return decision.status == Decision.Status.PENDING and decision.expires_at > now
