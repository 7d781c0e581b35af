"""The private routes about what people decide: gaps, raw input, disputes."""

from dataclasses import asdict
from typing import Any

from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Status

from apps.knowledge import disputes, gaps, raw_input
from apps.knowledge.errors import NoteNotFoundError, RawInputNotFoundError
from apps.knowledge.models import Dispute, Gap, Note, RawInput
from apps.knowledge.problems import problems
from apps.knowledge.vault_routes import page, subject
from apps.knowledge.vault_schemas import (
    DisputeFilter,
    DisputeOut,
    DisputePage,
    GapFilter,
    GapOut,
    GapPage,
    GapReview,
    Key,
    NewDispute,
    NewRaw,
    RawFilter,
    RawHead,
    RawOut,
    RawPage,
    RawReceipt,
    RawUse,
    Settlement,
    Sha256,
)
from monolith.http.limits import MEGABYTE, body_limit
from monolith.http.problems import ProblemSchema

review = Router()


@review.get("/gaps", response={200: GapPage, 422: ProblemSchema}, summary="Gaps")
def list_gaps(request: HttpRequest, wanted: Query[GapFilter]) -> Any:
    """Names that are linked to and that no note has, the most wanted first."""
    return page(_with_status(Gap.objects.order_by("-mentions", "key"), wanted), wanted)


@review.post(
    "/gaps/{key}/review",
    response={200: GapOut, 404: ProblemSchema, 409: ProblemSchema},
    summary="Review a gap",
)
def review_gap(request: HttpRequest, key: Path[Key], asked: GapReview) -> Any:
    """Say whether a gap should be filled."""
    with problems():
        return gaps.review_gap(
            key=key,
            decision=asked.decision,
            reviewer=subject(request),
            comment=asked.comment,
            now=timezone.now(),
        )


@review.get("/raw", response={200: RawPage, 422: ProblemSchema}, summary="Raw input")
def list_raw(request: HttpRequest, wanted: Query[RawFilter]) -> Any:
    """Texts that notes may be made of, newest first."""
    texts = RawInput.objects.defer("content").order_by("-received_at", "sha256")
    return page(_with_status(texts, wanted), wanted)


@review.post("/raw", response={200: RawReceipt, 422: ProblemSchema}, summary="Keep a text")
@body_limit(8 * MEGABYTE)
def ingest_raw(request: HttpRequest, new: NewRaw) -> Any:
    """Keep a text under the SHA-256 of it; the same text is kept once."""
    with problems():
        receipt = raw_input.ingest_raw(
            text=new.text,
            media_type=new.media_type,
            origin=new.origin,
            received_from=subject(request),
            now=timezone.now(),
        )
    return asdict(receipt)


@review.get("/raw/{sha256}", response={200: RawOut, 404: ProblemSchema}, summary="One raw input")
def show_raw(request: HttpRequest, sha256: Path[Sha256]) -> Any:
    """A text as it came in."""
    raw = RawInput.objects.filter(sha256=sha256).first()
    with problems():
        if raw is None:
            raise RawInputNotFoundError(sha256)
    return raw


@review.post("/raw/{sha256}/use", response={200: RawHead, 404: ProblemSchema}, summary="Use a raw input")
def use_raw(request: HttpRequest, sha256: Path[Sha256], used: RawUse) -> Any:
    """Say which note was made of a text."""
    with problems():
        return raw_input.use_raw(sha256=sha256, note=_note(used.slug).pk)


@review.post(
    "/raw/{sha256}/discard", response={200: RawHead, 404: ProblemSchema}, summary="Discard a raw input"
)
def discard_raw(request: HttpRequest, sha256: Path[Sha256]) -> Any:
    """Say that no note will be made of a text."""
    with problems():
        return raw_input.discard_raw(sha256=sha256)


@review.get("/disputes", response={200: DisputePage, 422: ProblemSchema}, summary="Disputes")
def list_disputes(request: HttpRequest, wanted: Query[DisputeFilter]) -> Any:
    """Doubts about notes, newest first."""
    rows = Dispute.objects.annotate(slug=F("note__slug")).order_by("-raised_at", "-id")
    if wanted.slug is not None:
        rows = rows.filter(note__slug=wanted.slug)
    return page(_with_status(rows, wanted), wanted)


@review.post("/disputes", response={201: DisputeOut, 404: ProblemSchema}, summary="Dispute a note")
def raise_dispute(request: HttpRequest, new: NewDispute) -> Any:
    """Doubt what a note says: it is shown as disputed until somebody settles it."""
    with problems():
        dispute = disputes.raise_dispute(
            slug=new.slug,
            claim=new.claim,
            reason=new.reason,
            raised_by=subject(request),
            now=timezone.now(),
        )
    return Status(201, _shown(dispute))


@review.post(
    "/disputes/{number}/settle",
    response={200: DisputeOut, 404: ProblemSchema, 409: ProblemSchema},
    summary="Settle a dispute",
)
def settle_dispute(request: HttpRequest, number: Path[int], asked: Settlement) -> Any:
    """Say whether the note was wrong."""
    with problems():
        dispute = disputes.settle_dispute(
            number=number,
            outcome=asked.outcome,
            settled_by=subject(request),
            resolution=asked.resolution,
            now=timezone.now(),
        )
    return _shown(dispute)


def _with_status(rows: Any, wanted: Any) -> Any:
    return rows if wanted.status is None else rows.filter(status=wanted.status)


def _note(slug: str) -> Note:
    note = Note.objects.only("pk").filter(slug=slug).first()
    if note is None:
        raise NoteNotFoundError(slug)
    return note


def _shown(dispute: Dispute) -> dict[str, Any]:
    fields = {field.attname: getattr(dispute, field.attname) for field in dispute._meta.concrete_fields}
    return fields | {"slug": Note.objects.values_list("slug", flat=True).get(pk=dispute.note_id)}
