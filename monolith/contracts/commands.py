"""Command operations: each request has its effect once, however often it arrives."""

import hashlib
import json
from importlib.resources import files
from typing import Any, Final

from monolith.contracts.call import Call, checked_result
from monolith.contracts.errors import IdempotencyConflict
from monolith.contracts.interface import IDEMPOTENCY_KEY
from monolith.contracts.registry import Provider
from monolith.transactions import atomic, connection

_QUERIES: Final = files("monolith.contracts") / "queries"
_FORGET_OLD: Final = (_QUERIES / "forget_old_commands.sql").read_text()
_CLAIM: Final = (_QUERIES / "claim_command.sql").read_text()
_FIND: Final = (_QUERIES / "find_command.sql").read_text()
_COMPLETE: Final = (_QUERIES / "complete_command.sql").read_text()


def once(call: Call, provider: Provider) -> Any:
    """Run a command operation as the current module, in one transaction with the record of its result.

    A request that was answered before gets that answer again. Raises IdempotencyConflict when its key was used for
    another request. When the provider raises, nothing is kept, and the same key may be tried again.
    """
    operation = call.operation
    key: str = call.arguments[IDEMPOTENCY_KEY]
    identity = (operation.label, call.caller, call.tenant, key)
    digest = request_hash(call)
    with atomic(), connection().cursor() as cursor:
        cursor.execute(_FORGET_OLD)
        cursor.execute(_CLAIM, (*identity, digest))
        claimed = cursor.fetchone()
        if claimed is None:
            cursor.execute(_FIND, identity)
            known, result = cursor.fetchone()
            if bytes(known) != digest:
                raise IdempotencyConflict(operation.label, key)
            return operation.result.validate_json(result)
        result = checked_result(operation, provider(**call.arguments))
        cursor.execute(_COMPLETE, (operation.result.dump_json(result).decode(), *claimed))
        return result


def request_hash(call: Call) -> bytes:
    """Return the SHA-256 of the request without its key, and of who makes it, as JSON with sorted keys."""
    request = call.operation.arguments.dump_python(call.arguments, mode="json")
    del request[IDEMPOTENCY_KEY]
    return hashlib.sha256(json.dumps([call.actor, request], sort_keys=True).encode()).digest()
