"""Framing: checksums, TAG blocks, messages of several sentences."""

from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ships.rejection import Reason, Rejection
from apps.ships.sentences import MAX_LINE, PARTNERS_WITHIN, Framer, Message, checksum, tagged, with_checksum
from tests.apps.ships.nmea import position, voyage

RECEIVED = 1_700_000_000_000


def taken(*lines: bytes) -> list[Message | Rejection | None]:
    framer = Framer()
    return [framer.take(line, received=RECEIVED) for line in lines]


def reason_of(line: bytes) -> Reason:
    (outcome,) = taken(line)
    assert isinstance(outcome, Rejection)
    return outcome.reason


def with_tag(tag: str) -> bytes:
    return f"\\{tag}\\".encode() + position()


@given(st.binary(max_size=MAX_LINE))
def test_folded_checksum_is_the_exclusive_or_of_all_bytes(data: bytes) -> None:
    assert checksum(data) == reduce(xor, data, 0)


def test_message_without_a_tag_block_has_the_time_of_receipt() -> None:
    (message,) = taken(position())
    assert isinstance(message, Message)
    assert (message.at, message.line, message.sentences) == (RECEIVED, 1, 1)


@pytest.mark.parametrize(
    ("tag", "at"),
    [
        ("c:1671533231", 1_671_533_231_000),
        ("s:2573535,c:1671533231", 1_671_533_231_000),
        ("c:1671533231,s:x", 1_671_533_231_000),
        ("c:1671533231250", 1_671_533_231_250),
        ("s:2573535", RECEIVED),
    ],
)
def test_tag_block_tells_the_time_in_seconds_or_milliseconds(tag: str, at: int) -> None:
    (message,) = taken(with_tag(with_checksum(tag)))
    assert isinstance(message, Message)
    assert message.at == at


@pytest.mark.parametrize("at", [1_671_533_231_000, 1_671_533_231_250])
def test_written_tag_block_is_read_back(at: int) -> None:
    (message,) = taken(tagged(position().decode(), at=at, source="here").encode())
    assert isinstance(message, Message)
    assert message.at == at


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"hello", Reason.NOT_A_SENTENCE),
        (b"$GPGGA,1,2,3*00", Reason.NOT_A_SENTENCE),
        (b"\xff\xfe\x00", Reason.NOT_A_SENTENCE),
        (b"!AIVDM,1,1,,A,13@ndh@01s0kA@0OQl`8@6TIP000,0*", Reason.NOT_A_SENTENCE),
        (b"!AIVDM,1,1,,A,13@ndh@01s0kA@0OQl`8@6TIP000,0*7E", Reason.CHECKSUM),
        (b"!AIVDM,1,1,,A,13@ndh@01s0kA@0OQl`8@6TIP001,0*7F", Reason.CHECKSUM),
        (b"!AIVDM,1,1,,A,13@ndh@01s0kA@0OQl`8@6TIP00~,0*7F", Reason.CHECKSUM),
        (b"!" + b"A" * MAX_LINE, Reason.TOO_LONG),
        (with_tag("c:1671533231*00"), Reason.TAG_BLOCK),
        (with_tag("c:1671533231"), Reason.TAG_BLOCK),
        (b"\\c:1671533231*5A" + position(), Reason.TAG_BLOCK),
        (with_tag(with_checksum("c:yesterday")), Reason.TAG_TIME),
        (with_tag(with_checksum("c:")), Reason.TAG_TIME),
        (with_tag(with_checksum("c:" + "9" * 40)), Reason.TAG_TIME),
        (b"!" + with_checksum("AIVDM,2,3,1,A,00,0").encode(), Reason.FRAGMENT),
        (b"!" + with_checksum("AIVDM,0,1,1,A,00,0").encode(), Reason.FRAGMENT),
        (b"!" + with_checksum("AIVDM,10,1,1,A,00,0").encode(), Reason.FRAGMENT),
        (b"!" + with_checksum("AIVDM,1,1,,A,0X0,0").encode(), Reason.PAYLOAD),
        (b"!" + with_checksum("AIVDM,1,1,,A,,0").encode(), Reason.PAYLOAD),
        (b"!" + with_checksum("AIVDM,1,1,,A,000,6").encode(), Reason.PAYLOAD),
    ],
)
def test_broken_sentence_is_rejected_with_its_reason(line: bytes, reason: Reason) -> None:
    assert reason_of(line) == reason


@given(st.binary(max_size=200))
def test_no_line_whatsoever_raises(line: bytes) -> None:
    (outcome,) = taken(line)
    assert outcome is None or isinstance(outcome, Rejection | Message)


def test_two_messages_whose_parts_are_interleaved_are_both_put_together() -> None:
    one, other = voyage(mmsi=219_000_001), voyage(mmsi=219_000_002)
    outcomes = taken(one[0], other[0], one[1], other[1])
    assert outcomes[:2] == [None, None]
    messages = [outcome for outcome in outcomes if isinstance(outcome, Message)]
    assert [message.text for message in messages] == [b"\n".join(one), b"\n".join(other)]
    assert [(message.line, message.sentences) for message in messages] == [(1, 2), (2, 2)]


def test_parts_that_come_in_the_wrong_order_are_put_in_order() -> None:
    first, second = voyage()
    in_order = taken(first, second)[1]
    turned = taken(second, first)[1]
    assert isinstance(in_order, Message)
    assert isinstance(turned, Message)
    assert turned.payload == in_order.payload


def test_part_heard_twice_is_a_duplicate() -> None:
    first, second = voyage()
    framer = Framer()
    assert [framer.take(line, received=RECEIVED) is None for line in (first, first, second)] == [
        True,
        True,
        False,
    ]
    assert (framer.duplicates, framer.incomplete) == (1, 0)


def test_part_of_a_newer_message_with_the_same_sequence_number_gives_the_older_up() -> None:
    framer = Framer()
    (old, _), (new, rest) = voyage(), voyage(mmsi=219_000_002)
    renumbered = [_with_sequence(part, 7) for part in (old, new, rest)]
    outcomes = [framer.take(line, received=RECEIVED) for line in renumbered]
    assert isinstance(outcomes[-1], Message)
    assert outcomes[-1].text == b"\n".join(renumbered[1:])
    assert framer.incomplete == 1


def test_part_whose_partner_does_not_come_is_given_up() -> None:
    framer = Framer()
    framer.take(voyage()[0], received=RECEIVED)
    for _ in range(PARTNERS_WITHIN):
        framer.take(position(), received=RECEIVED)
    framer.take(voyage()[0], received=RECEIVED)
    assert framer.incomplete == 1
    framer.give_up()
    assert framer.incomplete == 2


def _with_sequence(sentence: bytes, number: int) -> bytes:
    fields = sentence.decode().lstrip("!").rpartition("*")[0].split(",")
    fields[3] = str(number)
    return b"!" + with_checksum(",".join(fields)).encode()
