"""The owner's side of calls by HTTP: POST /contracts/<module>/<operation>, on the private tier alone."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from monolith.composition import Composition
from monolith.contracts.call import Call
from monolith.contracts.contract import Operation
from monolith.contracts.errors import CallerRefused
from monolith.contracts.registry import provided
from monolith.contracts.scope import call_scope, reset_call_scope, set_call_scope
from monolith.contracts.tokens import Caller, TokenRefused, Verifier
from monolith.contracts.transports.in_process import InProcess
from monolith.contracts.wire import DEADLINE, MAX_ARGUMENTS, respond, write_error
from monolith.http.limits import LIMITS_ATTRIBUTE
from monolith.http.problems import PROBLEM_TYPE, problem_response
from monolith.module import Module

logger = logging.getLogger("monolith.contracts")

_BEARER: Final = "Bearer "
_DEADLINE_KEY: Final = f"HTTP_{DEADLINE.upper().replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class Owner:
    """What answers the calls to one module."""

    inside: InProcess
    verifier: Verifier
    callers: frozenset[str]  # who lists it in `requires`


def endpoint_of(composition: Composition) -> Callable[[HttpRequest, str], HttpResponse]:
    """Return the view that answers calls to the composed modules. Raises CompositionError."""
    served: dict[str, tuple[Operation, Owner]] = {}
    for name, operations in provided(composition.modules).items():
        inside = InProcess({operation.label: function for operation, function in operations})
        owner = _owner(composition, composition.modules[name], inside)
        served |= {operation.path: (operation, owner) for operation, _ in operations}

    @csrf_exempt  # a token in a header is nothing that a browser sends by itself
    def endpoint(request: HttpRequest, path: str) -> HttpResponse:
        arrived = time.monotonic()
        if path not in served:
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return _answer(request, *served[path], arrived)

    setattr(endpoint, LIMITS_ATTRIBUTE, {"POST": MAX_ARGUMENTS})
    return endpoint


def _owner(composition: Composition, module: Module, inside: InProcess) -> Owner:
    callers = frozenset(name for name, m in composition.declared.items() if module.name in m.requires)
    return Owner(inside, Verifier(module.name, composition.contract_keys.get(module.name, ())), callers)


def _answer(request: HttpRequest, operation: Operation, owner: Owner, arrived: float) -> HttpResponse:
    try:
        caller = _caller(request, operation, owner)
        deadline = _deadline(request, arrived)
    except CallerRefused as refusal:
        return _response(*write_error(operation, refusal))
    except ValueError:
        detail = f"{DEADLINE} is the number of seconds that the caller still waits."
        return problem_response(request, 400, detail=detail)
    call = Call(operation, {}, caller.module, deadline, caller.tenant, caller.actor, caller.reads_only)
    scope = replace(
        call_scope(),
        deadline=deadline,
        tenant=caller.tenant,
        actor=caller.actor,
        reads_only=caller.reads_only,
    )
    token = set_call_scope(scope)
    try:
        return _response(*respond(call, request.body, owner.inside.carry))
    finally:
        reset_call_scope(token)


def _caller(request: HttpRequest, operation: Operation, owner: Owner) -> Caller:
    """Return who calls, by its token and nothing else. Raises CallerRefused, which does not tell why; the log does."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    try:
        caller = owner.verifier.caller(header.removeprefix(_BEARER))
    except TokenRefused as error:
        raise _refusal(operation, f"its token proves nothing: {error}") from None
    if caller.module not in owner.callers:
        raise _refusal(operation, f"'{caller.module}' does not list '{operation.module}' in its `requires`")
    # A process that composes the owner alone could not see at its start who requires the gate elsewhere.
    if operation.gate is not None and caller.module not in operation.gate.callers:
        raise _refusal(operation, f"'{caller.module}' is none of the gate's callers")
    return caller


def _refusal(operation: Operation, reason: str) -> CallerRefused:
    logger.warning("a call of %s was refused: %s", operation.label, reason)
    return CallerRefused(operation.label, "its owner does not serve this caller; the owner's log says why")


def _deadline(request: HttpRequest, arrived: float) -> float | None:
    """Return until when the caller waits, of time.monotonic(). Raises ValueError."""
    header = request.META.get(_DEADLINE_KEY)
    if header is None:
        return None
    seconds = float(header)
    if not math.isfinite(seconds):
        raise ValueError(header)
    return arrived + seconds


def _response(status: int, body: bytes) -> HttpResponse:
    content_type = "application/json" if status == 200 else PROBLEM_TYPE
    return HttpResponse(body, status=status, content_type=content_type, headers={"Cache-Control": "no-store"})
