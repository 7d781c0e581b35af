"""The default way: the provider is in this process, and values are handed over as they are."""

from collections.abc import Mapping
from typing import Any

from monolith.contracts.call import Call, answer
from monolith.contracts.registry import Provider


class InProcess:
    """Calls the provider's function, as its module and on its connection."""

    is_remote = False

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = providers  # by the operation's label

    def carry(self, call: Call) -> Any:
        return answer(call, self._providers[call.operation.label])
