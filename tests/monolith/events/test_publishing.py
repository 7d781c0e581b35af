"""What publish() refuses when nothing would undo it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from monolith import atomic, entering
from monolith.events import OutsideTransaction, publish, send
from monolith.events.envelope import Envelope
from monolith.events.errors import PlatformPublishes
from tests.monolith.events.toy import OWNER, READER, Close, Opened


@pytest.mark.usefixtures("committed_db")
def test_publishing_outside_a_transaction_is_refused() -> None:
    with entering(OWNER), pytest.raises(OutsideTransaction, match=r"hikes\.Opened.*atomic"):
        publish(Opened(path="ridge"))


def test_an_event_is_not_sent_and_a_command_not_published() -> None:
    with entering(READER):
        with pytest.raises(TypeError, match="no command"):
            send(Opened(path="ridge"))  # type: ignore[arg-type]  # what is refused
        with pytest.raises(TypeError, match="no event"):
            publish(Close(path="ridge"))  # type: ignore[arg-type]  # what is refused


def test_no_name_of_a_tenant_makes_its_key_look_like_anothers() -> None:
    given: dict[str, Any] = {
        "id": uuid4(),
        "type": "hikes.Opened",
        "version": 1,
        "occurred_at": datetime.now(UTC),
        "correlation_id": "",
        "causation_id": "",
        "producer": "hikes",
        "environment": "test",
        "payload": {},
    }
    one, other = Envelope(tenant="a:b", key="c", **given), Envelope(tenant="a", key="b:c", **given)
    assert one.partition_key != other.partition_key


def test_the_platform_publishes_nothing() -> None:
    with pytest.raises(PlatformPublishes, match="with entering"):
        send(Close(path="ridge"))


@pytest.mark.django_db(databases="__all__")
def test_a_text_that_only_looks_like_a_zero_byte_is_published() -> None:
    with entering(OWNER), atomic():
        publish(Opened(path="ridge", text=r"\u0000 is how JSON writes it, and \\u0000 is not"))
        with pytest.raises(ValueError, match="zero byte"):
            publish(Opened(path="ridge", text="\\\0"))
