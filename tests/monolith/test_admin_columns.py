"""What the admin's columns show: nothing in them is taken for markup."""

import pytest

from monolith.admin.columns import Tone, badge, document, excerpt
from monolith.admin.overview import Health, duration
from monolith.models import Job, OutboxMessage

MARKUP = "<script>alert(1)</script>"
Status = OutboxMessage.Status


def test_a_badge_has_the_tone_of_its_value_and_the_label_beside_it() -> None:
    column = badge("status", {Status.READY: Tone.BUSY})

    shown = column(OutboxMessage(status=Status.READY))

    assert shown == '<span class="badge badge-busy" title="ready to go to the broker">ready</span>'
    assert "badge-quiet" in column(OutboxMessage(status=Status.WAITING))


def test_text_from_outside_is_no_markup() -> None:
    row = OutboxMessage(status=MARKUP, type=MARKUP, envelope=MARKUP)
    for column in (badge("status", {}), excerpt("type", 10), document("envelope")):
        assert "<script" not in column(row)
        assert "&lt;" in column(row)
    assert excerpt("type")(row) == MARKUP  # a plain text, which the template escapes
    assert not hasattr(excerpt("type")(row), "__html__")


def test_a_long_text_is_cut_and_whole_where_one_points_at_it() -> None:
    column = excerpt("type", 10)
    assert column(OutboxMessage(type="short")) == "short"
    shown = column(OutboxMessage(type="a" * 50))
    assert f'title="{"a" * 50}"' in shown
    assert ">aaaaaaaaa…<" in shown


def test_json_is_indented() -> None:
    row = Job(arguments={"name": "Ä", "in": [1]})
    assert document("arguments")(row) == (
        '<pre class="document">{\n  &quot;name&quot;: &quot;Ä&quot;,\n  &quot;in&quot;: [\n    1\n  ]\n}</pre>'
    )
    assert document("arguments") is document("arguments")


@pytest.mark.parametrize(
    ("counts", "tone"),
    [
        ({}, Tone.GOOD),
        ({"ready": 5, "oldest_s": 59.0}, Tone.GOOD),
        ({"unsent": 1, "oldest_s": 60.0}, Tone.WARN),
        ({"dead": 1}, Tone.BAD),
        ({"letters": 1, "ready": 1, "oldest_s": 90.0}, Tone.BAD),
    ],
)
def test_health_is_as_bad_as_its_worst_part(counts: dict[str, float], tone: Tone) -> None:
    nothing = {"ready": 0, "unsent": 0, "dead": 0, "letters": 0, "oldest_s": 0.0}
    assert Health(module="m", **(nothing | counts)).tone is tone  # type: ignore[arg-type]


def test_health_is_put_in_a_line() -> None:
    some = Health(module="m", ready=1000, unsent=2, dead=0, letters=3, oldest_s=150.0)
    assert some.summary == "1000 or more ready, 2 unsent, the oldest for 2 min; 3 dead letters, 0 dead jobs"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (86_400 * 5, "5 days")]
)
def test_durations_are_told_in_their_largest_unit(seconds: float, words: str) -> None:
    assert duration(seconds) == words
