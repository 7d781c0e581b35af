"""Every question ends: answered with citations, declined, or failed and said so."""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from django.utils import timezone

from apps.chat import answering, tasks
from apps.chat.answering import Done, Found, Text
from apps.chat.citations import NOT_IN_PASSAGES
from apps.chat.models import Channel, Message, State, Visible
from apps.chat.responders.extractive import ExtractiveResponder
from apps.chat.responders.port import Passage, Responder
from apps.chat.responders.running import MOST_AT_ONCE
from apps.knowledge.disputes import raise_dispute
from monolith import entering
from monolith.testing.jobs import Jobs
from tests.apps.chat.notes import ASKED, write_notes

pytestmark = [
    pytest.mark.django_db(databases="__all__"),
    pytest.mark.usefixtures("notes", "granted", "in_chat", "channel"),
]

LIMIT_S: Final = 0.2


@pytest.fixture
def notes() -> None:
    write_notes()


class Says:
    """A responder that says what it is told to."""

    name = "test"

    def __init__(self, *pieces: str) -> None:
        self._pieces = pieces

    def respond(self, question: str, passages: Sequence[Passage]) -> Iterator[str]:
        yield from self._pieces


class Hangs:
    """A responder that says something and then nothing any more, until it is let go."""

    name = "hangs"

    def __init__(self) -> None:
        self.go = threading.Event()
        self.gone = threading.Event()

    def respond(self, question: str, passages: Sequence[Passage]) -> Iterator[str]:
        yield "Well"
        self.go.wait(30)
        self.gone.set()


class Dies:
    """A responder that breaks in the middle."""

    name = "dies"

    def respond(self, question: str, passages: Sequence[Passage]) -> Iterator[str]:
        yield "Well"
        raise RuntimeError("a path that is nobody's business: /srv/secret")


class Exits:
    """A responder that wants the process to end."""

    name = "exits"

    def respond(self, question: str, passages: Sequence[Passage]) -> Iterator[str]:
        raise SystemExit(3)
        yield ""


def ask(
    text: str = ASKED, *, key: str = "q", who: int = 1, now: datetime | None = None, by_job: bool = False
) -> Any:
    return answering.ask(
        channel="help",
        subject=f"user:{who}",
        external_id=key,
        text=text,
        now=now or timezone.now(),
        by_job=by_job,
    )


def made(responder: Responder | None = None, *, text: str = ASKED, limit_s: float = 20.0) -> list[Any]:
    return [*answering.make_answer(ask(text).answer.pk, responder=responder, limit_s=limit_s)]


def ended(responder: Responder | None = None, **options: Any) -> Message:
    last = made(responder, **options)[-1]
    assert isinstance(last, Done)
    stored = Message.objects.get(pk=last.answer.pk)
    assert stored.state != State.ANSWERING
    assert stored.ended_at is not None
    return stored


def test_an_answer_quotes_a_note_and_cites_it() -> None:
    found, *texts, done = made()
    assert isinstance(found, Found)
    assert [passage.slug for passage in found.passages] == ["tides"]
    assert all(isinstance(each, Text) for each in texts)
    answer = Message.objects.get(pk=done.answer.pk)
    assert (answer.state, answer.responder, answer.kind) == ("answered", "extractive", "answer")
    assert answer.text == "".join(each.text for each in texts)
    assert (
        "“Tides come from the pull of the moon. High water follows every 12 hours and 25 minutes.” [1]"
        in answer.text
    )
    (citation,) = answer.citations
    assert (citation["number"], citation["slug"], citation["disputed"]) == (1, "tides", False)
    assert citation["quote"] == "High water follows every 12 hours and 25 minutes."


def test_what_the_notes_do_not_say_is_declined() -> None:
    answer = ended(text="Who won the football world cup?")
    assert (answer.state, answer.citations, answer.responder) == ("declined", [], "")


def test_a_channel_of_public_answers_does_not_quote_a_private_note(channel: Channel) -> None:
    question = "When is kelp harvested?"
    assert ended(text=question).citations[0]["slug"] == "kelp"
    Message.objects.all().delete()
    Channel.objects.update(answers_from=Visible.PUBLIC)
    assert ended(text=question).state == "declined"


def test_a_disputed_note_is_cited_as_such() -> None:
    with entering("knowledge"):
        raise_dispute(slug="tides", claim="12 hours", reason="?", raised_by="user:2", now=timezone.now())
    answer = ended()
    assert answer.citations[0]["disputed"]
    assert "(this note is disputed)" in answer.text


def test_a_responder_that_hangs_leaves_an_honest_failure_and_its_thread_behind() -> None:
    hanging = Hangs()
    answer = ended(hanging, limit_s=LIMIT_S)
    assert (answer.state, answer.failure) == ("failed", "timeout")
    assert answer.text == "No answer: It took longer than 0.2 seconds."
    hanging.go.set()
    assert hanging.gone.wait(10)


def test_when_all_places_hang_a_question_fails_at_once_and_later_ones_do_not() -> None:
    hanging = [Hangs() for _ in range(MOST_AT_ONCE)]
    before = threading.active_count()
    for number, each in enumerate(hanging):
        asked = ask(key=f"h{number}", who=number)
        assert [*answering.make_answer(asked.answer.pk, responder=each, limit_s=0.01)]
    answer = ended(Says("12 hours [1]"))
    assert (answer.state, answer.failure) == ("failed", "busy")
    for each in hanging:
        each.go.set()
    for thread in threading.enumerate():
        if thread.name == "chat-responder":
            thread.join(10)
    assert threading.active_count() <= before
    again = ask(key="again", who=99)
    *_, done = answering.make_answer(again.answer.pk, responder=ExtractiveResponder())
    assert isinstance(done, Done)
    assert done.answer.state == "answered"


@pytest.mark.parametrize("responder", [Dies(), Exits()], ids=["raises", "exits"])
def test_a_responder_that_dies_leaves_an_honest_failure_without_its_words(responder: Responder) -> None:
    answer = ended(responder)
    assert (answer.state, answer.failure) == ("failed", "crashed")
    assert answer.text == "No answer: Something broke while it was written."


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        ("", " \n"),
        ("High water follows every 12 hours and 25 minutes.",),
        ("High water follows every 12 hours [2].",),
        ("High water follows every 12 hours [0].",),
        ("Purple elephants juggle accordions beneath volcanic libraries [1].",),
        ("High water [1]\x00\x07",),
        ("High water [1] " * 1000,),
    ],
    ids=["nothing", "blank", "no mark", "other mark", "mark 0", "other words", "no text", "too long"],
)
def test_nonsense_leaves_an_honest_failure(pieces: tuple[str, ...]) -> None:
    answer = ended(Says(*pieces))
    assert (answer.state, answer.failure, answer.citations) == ("failed", "nonsense", [])
    assert answer.text.startswith("No answer: What came ")


def test_a_responder_that_finds_no_answer_declines() -> None:
    assert ended(Says(NOT_IN_PASSAGES[:4], NOT_IN_PASSAGES[4:], ".")).state == "declined"


def test_an_answer_in_other_words_that_names_its_passage_is_taken() -> None:
    answer = ended(Says("High water follows ", "after 12 hours and 25 minutes [1]."))
    assert (answer.state, answer.responder) == ("answered", "test")
    assert [each["slug"] for each in answer.citations] == ["tides"]


def test_the_same_question_has_one_answer() -> None:
    first, again = ask(), ask()
    assert (again.is_new, again.answer.pk) == (False, first.answer.pk)
    done = [*answering.make_answer(first.answer.pk)][-1]
    assert [*answering.make_answer(first.answer.pk, responder=Says("Other [1]"))] == [done]
    assert Message.objects.filter(kind="answer").count() == 1


def test_an_answer_that_was_given_up_meanwhile_stays_so() -> None:
    asked = ask()
    pieces = answering.make_answer(asked.answer.pk)
    next(pieces)
    answering.fail_stale(now=timezone.now() + timedelta(hours=1))
    *_, done = pieces
    assert isinstance(done, Done)
    assert (done.answer.state, done.answer.failure) == ("failed", "lost")


SAID: Final = "High water follows every 12 hours and 25 minutes"


def begun(asked: answering.Asked) -> Any:
    """Begin to write an answer, and hold on in the middle of its text."""
    pieces = answering.make_answer(asked.answer.pk, responder=Says(SAID, " [1]."))
    assert [type(next(pieces)), type(next(pieces))] == [Found, Text]
    return pieces


@pytest.mark.parametrize("other", [Dies(), Says("Nonsense."), ExtractiveResponder()])
def test_while_somebody_writes_an_answer_nobody_else_does(other: Responder) -> None:
    asked = ask()
    first = begun(asked)
    (told,) = answering.make_answer(ask().answer.pk, responder=other)
    assert isinstance(told, Done)
    assert told.answer.state == "answering"
    *_, done = first
    assert (done.answer.state, done.answer.responder) == ("answered", "test")
    assert done.answer.text == f"{SAID} [1]."


def test_whoever_stops_writing_leaves_the_answer_to_the_next() -> None:
    asked = ask()
    begun(asked).close()
    *_, done = answering.make_answer(asked.answer.pk)
    assert isinstance(done, Done)
    assert (done.answer.state, done.answer.responder) == ("answered", "extractive")


def test_a_writer_who_was_taken_for_dead_writes_nothing_any_more() -> None:
    asked = ask()
    late = begun(asked)
    Message.objects.filter(pk=asked.answer.pk).update(written_until=timezone.now())
    next_one = answering.make_answer(asked.answer.pk)
    assert isinstance(next(next_one), Found)
    *_, told = late
    assert told.answer.state == "answering"
    *_, done = next_one
    assert isinstance(done, Done)
    assert (done.answer.state, done.answer.responder) == ("answered", "extractive")


def test_the_watch_has_a_job_go_on_for_a_writer_who_died(jobs: Jobs) -> None:
    asked = ask()
    dead = begun(asked)
    jobs.deploy("chat")
    jobs.run_for(minutes=0.5)
    assert Message.objects.get(pk=asked.answer.pk).state == "answering"
    Message.objects.filter(pk=asked.answer.pk).update(written_until=timezone.now())
    jobs.run_for(minutes=1)
    assert Message.objects.get(pk=asked.answer.pk).state == "answered"
    dead.close()
    assert Message.objects.get(pk=asked.answer.pk).responder == "extractive"


def test_a_job_makes_an_answer(jobs: Jobs) -> None:
    asked = ask(by_job=True)
    ask(by_job=True)  # the same again is no second job
    (run,) = jobs.run_due()
    assert (run.task, run.result) == (tasks.answer.module_path, "answered")
    assert Message.objects.get(pk=asked.answer.pk).state == "answered"


def test_what_nobody_ends_the_watch_ends(jobs: Jobs) -> None:
    """Whoever made the answer is gone: a process that died while it streamed."""
    asked = ask()
    jobs.deploy("chat")
    jobs.run_for(minutes=1)
    assert Message.objects.get(pk=asked.answer.pk).state == "answering"
    jobs.run_for(minutes=3)
    answer = Message.objects.get(pk=asked.answer.pk)
    assert (answer.state, answer.failure) == ("failed", "lost")
    assert answer.text.startswith("No answer: ")
