"""What both promises are made of."""

from monolith.contracts import Schema


class Identity(Schema):
    """As whom a provider runs, and what its process holds."""

    module: str
    role: str
    process: int
    tenant: str
    actor: str
    seconds_left: float | None
    request_id: str
    holds: list[str]
