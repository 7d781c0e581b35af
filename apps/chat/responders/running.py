"""Running a responder with an end to it: on a thread of its own, that nobody waits for longer than the limit.

A responder that hangs cannot be stopped from outside; it is left behind, and keeps its place until it ends. When all
places are taken that way, questions fail at once and say so, instead of hanging as well.
"""

import threading
from collections.abc import Iterator, Sequence
from contextvars import copy_context
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final

from apps.chat.citations import MAX_ANSWER
from apps.chat.errors import NonsenseError, ResponderBusyError, ResponderTimeoutError
from apps.chat.responders.port import Passage, Responder

MOST_AT_ONCE: Final = 16  # per process; more of them would only share the same cores and the same model

type _Item = str | Exception | None  # a piece, what was raised, or the end

_places = threading.BoundedSemaphore(MOST_AT_ONCE)


def pieces(
    responder: Responder, question: str, passages: Sequence[Passage], *, limit_s: float
) -> Iterator[str]:
    """Yield what a responder yields.

    Raises what it raises, and ResponderTimeoutError, ResponderBusyError, NonsenseError.
    """
    if not _places.acquire(blocking=False):
        raise ResponderBusyError(MOST_AT_ONCE)
    items: SimpleQueue[_Item] = SimpleQueue()
    left = threading.Event()
    context = copy_context()  # a thread does not have the caller's by itself
    thread = threading.Thread(
        target=context.run,
        args=(_work, responder, question, tuple(passages), items, left),
        name="chat-responder",
        daemon=True,  # a process ends without waiting for one that hangs
    )
    thread.start()
    try:
        yield from _read(items, limit_s)
    finally:
        left.set()


def _read(items: "SimpleQueue[_Item]", limit_s: float) -> Iterator[str]:
    until, length = monotonic() + limit_s, 0
    while True:
        try:
            item = items.get(timeout=max(until - monotonic(), 0.001))
        except Empty:
            raise ResponderTimeoutError(limit_s) from None
        if item is None:
            return
        if isinstance(item, Exception):
            raise item
        if monotonic() > until:  # also when it trickles steadily
            raise ResponderTimeoutError(limit_s)
        length += len(item)
        if length > MAX_ANSWER:
            raise NonsenseError(f"What came is longer than {MAX_ANSWER} characters.")
        yield item


def _work(
    responder: Responder,
    question: str,
    passages: Sequence[Passage],
    items: "SimpleQueue[_Item]",
    left: threading.Event,
) -> None:
    try:
        for piece in responder.respond(question, passages):
            if left.is_set():
                return
            items.put(piece)
        items.put(None)
    except Exception as error:  # noqa: BLE001 - handed to whoever waits
        items.put(error)
    except BaseException as error:  # noqa: BLE001 - one that would end the process ends this thread
        items.put(RuntimeError(f"the responder left with {type(error).__name__}"))
    finally:
        _places.release()
