"""How far somebody is trusted, and what happened to that. Runs as chat: enter the module first."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Final

from django.db.models import F
from django.db.models.functions import Greatest

from apps.chat.errors import LockedOutError
from apps.chat.models import (
    FULL_TRUST,
    LOCKED_BELOW,
    Message,
    ModerationEvent,
    ModerationKind,
    UserTrust,
)
from apps.chat.scoring import RulesScorer, Scorer, Verdict
from monolith import atomic, connection

logger = logging.getLogger(__name__)

PER_DAY: Final = 20
RECENT: Final = timedelta(minutes=10)
MAX_RECENT: Final = 20
_SAID: Final = (files("apps.chat") / "sql" / "recent_words.sql").read_text(encoding="utf-8")
_RECOVER: Final = (files("apps.chat") / "sql" / "recover_trust.sql").read_text(encoding="utf-8")


def trust_of(subject: str) -> int:
    """Return somebody's trust, 0 to 100; whoever was never judged has all of it."""
    score = UserTrust.objects.filter(subject=subject).values_list("score", flat=True).first()
    return FULL_TRUST if score is None else score


def require_trusted(subject: str) -> None:
    """Raise LockedOutError, and keep that it happened, for somebody whose trust is below 40."""
    score = trust_of(subject)
    if score < LOCKED_BELOW:
        ModerationEvent.objects.create(
            subject=subject, kind=ModerationKind.REFUSED, reasons=[f"trust is {score}"]
        )
        raise LockedOutError(subject, score, LOCKED_BELOW)


def judge(*, subject: str, text: str, now: datetime, scorer: Scorer | None = None) -> Verdict | None:
    """Return what words cost; None when nobody could say. It fails open: who is to talk is not the scorer's to stop."""
    try:
        return (scorer or RulesScorer()).score(text=text, recent=_recent(subject, now))
    except Exception:  # whatever a scorer raises
        logger.exception("words of %s were let through unscored", subject)
        return None


def apply(*, subject: str, verdict: Verdict | None, now: datetime, message: Message | None = None) -> None:
    """Take what words cost from their author's trust. Runs in the transaction that stores them."""
    if verdict is None:
        ModerationEvent.objects.create(
            subject=subject,
            kind=ModerationKind.UNSCORED,
            message=message,
            reasons=["scoring failed"],
        )
    elif verdict.points > 0:
        _lower(subject, verdict.points, now)
        ModerationEvent.objects.create(
            subject=subject,
            kind=ModerationKind.SCORED,
            points=verdict.points,
            reasons=list(verdict.reasons),
            message=message,
        )


def set_trust(*, subject: str, score: int, by: str, reason: str, now: datetime) -> UserTrust:
    """Set somebody's trust, as a person decided."""
    with atomic():
        trust, _ = UserTrust.objects.select_for_update().get_or_create(
            subject=subject, defaults={"recovered_at": now}
        )
        cost = trust.score - score
        trust.score, trust.recovered_at = score, now
        trust.save(update_fields=["score", "recovered_at", "updated_at"])
        ModerationEvent.objects.create(
            subject=subject, kind=ModerationKind.SET, points=cost, reasons=[reason], by=by
        )
    return trust


def recover(*, now: datetime) -> int:
    """Give back 20 for each whole day since the last time, up to 100; returns how many subjects gained."""
    with connection().cursor() as cursor:
        cursor.execute(_RECOVER, {"now": now, "per_day": PER_DAY, "full": FULL_TRUST})
        return int(cursor.rowcount)


def _lower(subject: str, points: int, now: datetime) -> None:
    trust, _ = UserTrust.objects.select_for_update().get_or_create(
        subject=subject, defaults={"recovered_at": now}
    )
    if trust.score == FULL_TRUST:  # days count from when there is something to recover
        trust.recovered_at = now
        trust.save(update_fields=["recovered_at", "updated_at"])
    UserTrust.objects.filter(pk=trust.pk).update(score=Greatest(F("score") - points, 0), updated_at=now)


def _recent(subject: str, now: datetime) -> Sequence[str]:
    with connection().cursor() as cursor:
        cursor.execute(_SAID, {"subject": subject, "since": now - RECENT, "most": MAX_RECENT})
        return [text for (text,) in cursor.fetchall()]
