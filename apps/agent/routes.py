"""The HTTP face of agent, for staff: calls of a tenant. It takes requests, and orchestration does the rest."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Path, Query, Router, Status

from apps.agent import permission, queries, submissions
from apps.agent.coordination_routes import coordination
from apps.agent.edge import problems, readable_tenants, reading, writing
from apps.agent.schemas import CallFilter, CallOut, CallPage, NewCall, NewTime, Taken, Tenant, TenantOut
from monolith import atomic
from monolith.http.problems import ProblemSchema

private = Router()
private.add_router("/tenants", coordination)


@private.get("/tenants", response={200: list[TenantOut], 403: ProblemSchema}, summary="Tenants")
def list_tenants(request: HttpRequest) -> Any:
    """The tenants that have rows here and that the caller may look at, the first hundred by name."""
    return [{"tenant": tenant} for tenant in readable_tenants(request)]


@private.post(
    "/tenants/{tenant}/calls",
    response={200: Taken, 202: Taken, 403: ProblemSchema, 409: ProblemSchema, 422: ProblemSchema},
    summary="Submit a call",
)
def submit_call(request: HttpRequest, tenant: Path[Tenant], new: NewCall) -> Any:
    """Have a call made once, at its due time. The same key and request again is the same call (200)."""
    asked = new.request.as_promised()
    with problems():
        host = submissions.host_of(asked)
    with writing(request, tenant, action=permission.CALL, resource=f"host:{host}"):
        call_id, is_new = submissions.submit(
            name=new.name, request=asked, due_at=new.due_at, idempotency_key=new.idempotency_key
        )
    taken = {"id": call_id, "is_new": is_new, "href": f"/api/agent/tenants/{tenant}/calls/{call_id}"}
    return Status(202 if is_new else 200, taken)


@private.get(
    "/tenants/{tenant}/calls", response={200: CallPage, 403: ProblemSchema}, summary="Calls of a tenant"
)
def list_calls(request: HttpRequest, tenant: Path[Tenant], wanted: Query[CallFilter]) -> Any:
    """Calls by due time, latest first; a call that was just submitted may not be among them yet."""
    with reading(request, tenant), atomic():
        found = queries.calls(status=wanted.status, name=wanted.name)
        return queries.page(found, limit=wanted.limit, offset=wanted.offset)


@private.get(
    "/tenants/{tenant}/calls/{call_id}",
    response={200: CallOut, 403: ProblemSchema, 404: ProblemSchema},
    summary="One call",
)
def show_call(request: HttpRequest, tenant: Path[Tenant], call_id: Path[UUID]) -> Any:
    """A call: Submitted, Scheduled, Running, and in the end Succeeded or Failed with its outcome."""
    with reading(request, tenant), atomic():
        return queries.call(call_id)


@private.post(
    "/tenants/{tenant}/calls/{call_id}/reschedule",
    response={202: CallOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema},
    summary="Move a call",
)
def reschedule_call(request: HttpRequest, tenant: Path[Tenant], call_id: Path[UUID], new: NewTime) -> Any:
    """Ask for a call to be made at another time; it is, unless it begins before that is seen to."""
    with writing(request, tenant, action=permission.CHANGE, resource=f"call:{call_id}"):
        submissions.reschedule(call_id=call_id, due_at=new.due_at)
        return Status(202, queries.call(call_id))


@private.post(
    "/tenants/{tenant}/calls/{call_id}/cancel",
    response={202: CallOut, 403: ProblemSchema, 404: ProblemSchema, 409: ProblemSchema},
    summary="Cancel a call",
)
def cancel_call(request: HttpRequest, tenant: Path[Tenant], call_id: Path[UUID]) -> Any:
    """Ask for a call not to be made; it fails as cancelled, unless it begins before that is seen to."""
    with writing(request, tenant, action=permission.CHANGE, resource=f"call:{call_id}"):
        submissions.cancel(call_id=call_id)
        return Status(202, queries.call(call_id))
