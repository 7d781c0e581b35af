"""An answer as server-sent events, while it is made. Runs as chat, chunk by chunk.

    event: asked     the ids of question and answer, at once
    event: found     the notes that the answer is made of; none: it will be declined
    event: text      a piece of the answer, any number of times
    event: done      the answer as it is stored; only now it counts, for a responder may turn out to have failed;
                     it is still `answering` when somebody else is at it, and to be looked at again

The format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from django.http import StreamingHttpResponse
from pydantic import BaseModel
from pydantic_core import to_json

from apps.chat import answering, tasks
from apps.chat.answers import MessageOut

CONTENT_TYPE: Final = "text/event-stream"
# A proxy that collects what it passes on would hold the first words back.
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def streamed(asked: answering.Asked) -> StreamingHttpResponse:
    """Return the response that makes and tells an answer."""
    return StreamingHttpResponse(_events(asked), content_type=CONTENT_TYPE, headers=HEADERS)


def _events(asked: answering.Asked) -> Iterator[bytes]:
    yield _event("asked", {"question": asked.question.pk, "answer": asked.answer.pk})
    ended = False
    try:
        with closing(answering.make_answer(asked.answer.pk)) as pieces:
            for piece in pieces:
                ended = isinstance(piece, answering.Done)
                yield _told(piece)
    finally:
        if not ended:  # whoever asked has gone, and the question stands
            tasks.answer.enqueue(answer=asked.answer.pk)


def _told(piece: answering.Piece) -> bytes:
    match piece:
        case answering.Found(passages):
            names = ("slug", "title", "section", "anchor", "confidence")
            return _event("found", {"notes": [{n: getattr(each, n) for n in names} for each in passages]})
        case answering.Text(text):
            return _event("text", {"text": text})
        case answering.Done(answer):
            return _event("done", MessageOut.model_validate(answer))


def _event(name: str, data: dict[str, Any] | BaseModel) -> bytes:
    """Return one event; JSON has no line breaks, so its data is one line."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), to_json(data))
