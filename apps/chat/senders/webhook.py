"""Delivers by HTTP to the addresses that the settings list. A delivery names one; nobody else gives an address.

    CHAT_WEBHOOKS = {"operations": {"url": "https://hooks.example/x", "idempotent": True}}

`idempotent` says that the place goes by the header Idempotency-Key. Where it does not, what may have arrived is not
sent again.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from ssl import SSLContext, create_default_context
from typing import Any, Final

import httpx2
from django.conf import settings

from apps.chat.senders.port import NotSent, Outgoing, Refused, Unknown

TIMEOUT_S: Final = 10.0  # for each of connecting, sending, and every read
USER_AGENT: Final = "fastmonolith-chat/0.1"
KEY_HEADER: Final = "Idempotency-Key"
RECEIPT_HEADER: Final = "X-Message-Id"
MAX_RECEIPT: Final = 200
# Nothing was sent when these are raised: there was no connection to send it through.
_BEFORE: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
# The place says that it did not look at it.
_LATER: Final = frozenset({HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class WebhookSender:
    """A POST of JSON with the words and their key."""

    name = "webhook"

    def targets(self) -> Iterable[str]:
        return _webhooks().keys()

    def knows(self, target: str) -> bool:
        return target in _webhooks()

    def is_idempotent(self, target: str) -> bool:
        return bool(_webhooks().get(target, {}).get("idempotent", False))

    def send(self, outgoing: Outgoing) -> str:
        if not self.knows(outgoing.target):
            raise Refused(f"CHAT_WEBHOOKS has no '{outgoing.target}' any more.")
        try:
            # Streamed and not read: the status is what counts, and a body could be without end.
            with (
                httpx2.Client(
                    follow_redirects=False, trust_env=False, verify=_tls(), timeout=TIMEOUT_S
                ) as client,
                client.stream(
                    "POST",
                    str(_webhooks()[outgoing.target]["url"]),
                    json={"id": outgoing.key, "text": outgoing.text},
                    headers={KEY_HEADER: outgoing.key, "User-Agent": USER_AGENT},
                ) as response,
            ):
                return _receipt(response)
        except _BEFORE as error:
            raise NotSent(type(error).__name__) from error
        except httpx2.HTTPError as error:
            raise Unknown(type(error).__name__) from error


def _receipt(response: httpx2.Response) -> str:
    """Return what the place calls the words. Raises what its status means for them."""
    status = response.status_code
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return response.headers.get(RECEIPT_HEADER, "")[:MAX_RECEIPT]
    if status in _LATER:
        raise NotSent(f"status {status}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        raise Unknown(f"status {status}")
    raise Refused(f"status {status}")


def _webhooks() -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = getattr(settings, "CHAT_WEBHOOKS", {})
    return found


@cache
def _tls() -> SSLContext:
    return create_default_context()  # reading the authorities' certificates takes a while
