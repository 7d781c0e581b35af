"""What a NATS server answers when it does not do as asked, in the words of the seam."""

from collections.abc import Mapping
from typing import Any, Final

from monolith.events.errors import BrokerError, BrokerFull, BrokerRefused, BrokerUnavailable

STREAM_NOT_FOUND: Final = 10059
CONSUMER_NOT_FOUND: Final = 10014
STREAM_DIFFERS: Final = 10058  # another process made it since we looked
MESSAGE_NOT_FOUND: Final = 10037
WRONG_LAST_SEQUENCE: Final = 10071
DUPLICATE_IN_BATCH: Final = 10201

_NO_STORAGE: Final = {
    10002,
    10023,
    10028,
    10047,
}  # of the account or of the server, for what a stream reserves
_STORE_FAILED: Final = 10077
_NO_JETSTREAM: Final = {10039, 10076}
_REPLICAS: Final = {10005, 10074}
_UNAVAILABLE: Final = 500  # codes from here on are the server's trouble, not the question's
# Of the atomic batch alone; one by one the messages may be kept.
ONE_BY_ONE: Final = frozenset(
    {
        DUPLICATE_IN_BATCH,
        _STORE_FAILED,  # the batch does not fit; perhaps its first messages do
        10174,  # atomic batches are switched off for this stream
        10176,  # incomplete: the server forgot its beginning, after a restart or a change of leader
        10210,  # 50 batches of a stream are under way
        10211,
    }
)


class ApiError(Exception):
    """A server's refusal, with its own code."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self.status = int(error.get("code", 0))
        self.code = int(error.get("err_code", 0))
        self.description = str(error.get("description", ""))
        super().__init__(f"{self.description} ({self.code})")


def broker_error(error: ApiError, doing: str) -> BrokerError:
    """Return a server's refusal as the error of the seam that it is."""
    said = f"the NATS server did not {doing}: {error}"
    if error.code == _STORE_FAILED and "maximum" in error.description:
        return BrokerFull(
            f"{said}; it takes more when consumers have caught up (MONOLITH_BROKER_MAX_BYTES is the bound)"
        )
    if error.code in _NO_STORAGE:
        return BrokerRefused(
            f"{said}; give the server more file storage (max_file_store), or lower MONOLITH_BROKER_MAX_BYTES"
        )
    if error.code in _NO_JETSTREAM:
        return BrokerRefused(f"{said}; switch JetStream on for this server and account")
    if error.code in _REPLICAS:
        return BrokerRefused(f"{said}; MONOLITH_BROKER_REPLICAS is no more than the servers in the cluster")
    if error.code in {STREAM_NOT_FOUND, CONSUMER_NOT_FOUND}:
        return BrokerRefused(f"{said}; `manage.py events converge` makes what is missing")
    if error.status >= _UNAVAILABLE:
        return BrokerUnavailable(said)
    return BrokerRefused(said)
