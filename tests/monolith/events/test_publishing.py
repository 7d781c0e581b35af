"""What publish() refuses when nothing would undo it."""

import pytest

from monolith import entering
from monolith.events import OutsideTransaction, publish
from tests.monolith.events.toy import OWNER, Opened


@pytest.mark.usefixtures("committed_db")
def test_publishing_outside_a_transaction_is_refused() -> None:
    with entering(OWNER), pytest.raises(OutsideTransaction, match=r"hikes\.Opened.*atomic"):
        publish(Opened(path="ridge"))
