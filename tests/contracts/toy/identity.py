"""As whom code of the toy runs."""

import os
import time
from pathlib import Path

from monolith import composed, connection, current_module
from monolith.contracts import call_scope
from monolith.embedded.passfile import entries
from monolith.logs import request_id
from tests.contracts.toy.promises.identity import Identity


def identity() -> Identity:
    """Return as whom this runs, the database's opinion included."""
    scope = call_scope()
    with connection().cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
    return Identity(
        module=current_module(),
        role=role,
        process=os.getpid(),
        tenant=scope.tenant,
        actor=scope.actor,
        seconds_left=None if scope.deadline is None else scope.deadline - time.monotonic(),
        request_id=request_id.get(),
        holds=sorted(_held()),
    )


def _held() -> list[str]:
    composition = composed()
    return [
        *(f"secret {name}" for held in composition.secrets.values() for name in held),
        *(f"key of {name}" for name in composition.contract_keys),
        *(f"password of {role}" for role in entries(Path(composition.environment.passfile))),
        *(f"variable {name}" for name in os.environ if name.endswith("_SECRET") or "_KEY" in name),
    ]
