"""Deliveries over HTTP, for staff."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Status

from apps.chat import deliveries as services
from apps.chat import queries
from apps.chat.answers import DeliveryOut, DeliveryPage
from apps.chat.edge import key_of, problems, subject_of
from apps.chat.inputs import Number
from apps.chat.permission import DECIDE, require_permission
from apps.chat.requests import DeliveryDecision, DeliverySearch, NewDelivery
from monolith.http.problems import ProblemSchema

deliveries = Router()


@deliveries.get("", response={200: DeliveryPage}, summary="Deliveries")
def list_deliveries(request: HttpRequest, wanted: Query[DeliverySearch]) -> Any:
    """Deliveries, newest first; uncertain ones wait for somebody to decide."""
    return queries.page(queries.deliveries(status=wanted.status), limit=wanted.limit, offset=wanted.offset)


@deliveries.post(
    "",
    response={200: DeliveryOut, 202: DeliveryOut, 403: ProblemSchema, 409: ProblemSchema, 422: ProblemSchema},
    summary="Deliver words",
)
def add_delivery(request: HttpRequest, new: NewDelivery) -> Any:
    """Bring words to a channel or a webhook. The same key, place and words again are the same delivery (200)."""
    with problems():
        queued = services.request(
            subject=subject_of(request),
            dedupe_key=key_of(request, new.dedupe_key),
            sender=new.sender,
            target=new.target,
            text=new.text,
            now=timezone.now(),
        )
    return Status(202 if queued.is_new else 200, queued.delivery)


@deliveries.get("/{delivery}", response={200: DeliveryOut, 404: ProblemSchema}, summary="One delivery")
def show_delivery(request: HttpRequest, delivery: Path[Number]) -> Any:
    """Where a delivery stands."""
    with problems():
        return services.get_delivery(delivery)


@deliveries.post(
    "/{delivery}/decision",
    response={200: DeliveryOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema},
    summary="Decide a delivery",
)
def decide_delivery(request: HttpRequest, delivery: Path[Number], decision: DeliveryDecision) -> Any:
    """Say whether an uncertain delivery arrived; it is not sent again either way."""
    subject = subject_of(request)
    with problems():
        require_permission(subject=subject, action=DECIDE, resource=f"delivery:{delivery}")
        return services.decide(delivery_id=delivery, arrived=decision.arrived, by=subject, now=timezone.now())
