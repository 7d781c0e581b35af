"""What services raise, as problem documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from apps.knowledge.errors import (
    DisputeNotFoundError,
    DisputeSettledError,
    GapClosedError,
    GapNotFoundError,
    KnowledgeError,
    NoteExistsError,
    NoteNotFoundError,
    NoteRefusedError,
    PublishingRefusedError,
    RawInputNotFoundError,
    RawInputRefusedError,
    RevisionConflictError,
    VaultError,
)
from monolith.http.problems import Problem, field_error

_PROBLEMS: Final[dict[type[KnowledgeError], tuple[int, str, str]]] = {
    NoteNotFoundError: (404, "Note not found", "note-not-found"),
    NoteExistsError: (409, "Note exists", "note-exists"),
    RevisionConflictError: (409, "Note was changed", "revision-conflict"),
    PublishingRefusedError: (403, "Publishing refused", "publishing-refused"),
    GapNotFoundError: (404, "Gap not found", "gap-not-found"),
    GapClosedError: (409, "Gap closed", "gap-closed"),
    RawInputNotFoundError: (404, "Raw input not found", "raw-input-not-found"),
    DisputeNotFoundError: (404, "Dispute not found", "dispute-not-found"),
    DisputeSettledError: (409, "Dispute settled", "dispute-settled"),
}
_EXTRA: Final = {
    NoteExistsError: "slug",
    RevisionConflictError: "current",
    PublishingRefusedError: "missing",
}
"""By error: which of its attributes a program can use, and gets as a member of the document."""


@contextmanager
def problems() -> Iterator[None]:
    """Translate what services raise."""
    try:
        yield
    except NoteRefusedError as error:
        raise _refused(error.field, detail=str(error)) from error
    except RawInputRefusedError as error:
        raise _refused("text", detail=str(error)) from error
    except VaultError as error:
        raise _refused(detail=str(error)) from error
    except tuple(_PROBLEMS) as error:
        status, title, slug = _PROBLEMS[type(error)]
        name = _EXTRA.get(type(error))
        extra = {name: getattr(error, name)} if name else {}
        raise Problem(status, title, detail=str(error), type=slug, **extra) from error


def no_public_note(slug: str) -> Problem:
    """Say that no public note has a slug: the same whether there is a private one or none."""
    detail = f"No public note is called '{slug}'. GET /api/knowledge/notes lists those there are."
    return Problem(404, "Note not found", detail=detail, type="note-not-found")


def _refused(*path: str, detail: str) -> Problem:
    errors = [field_error("body", *path, detail=detail)]
    return Problem(422, "The request is not valid", detail=detail, errors=errors)
