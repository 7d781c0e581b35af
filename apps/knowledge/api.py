"""What knowledge provides to other modules, as contracts/knowledge.py promises it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from django.utils import timezone

from apps.knowledge import queries, raw_input
from apps.knowledge.embeddings.embedders import default_embedder
from apps.knowledge.errors import RawInputRefusedError
from apps.knowledge.search import Question as Asked
from apps.knowledge.search import SearchMode as Mode
from apps.knowledge.search import search_all, search_public
from contracts.knowledge import (
    Hit,
    Hits,
    Limit,
    MediaType,
    Note,
    NoteNotFound,
    Origin,
    Question,
    RawInputRefused,
    Receipt,
    SearchMode,
    Slug,
    Slugs,
    Text,
    Verification,
    Visible,
)
from monolith.contracts import call_scope

UNNAMED: Final = "another module"  # a caller that acts for nobody


def search(
    *,
    text: Question,
    visible: Visible = Visible.PUBLIC,
    mode: SearchMode = SearchMode.HYBRID,
    limit: Limit = 10,
) -> Hits:
    """Find notes by words and by meaning."""
    asked = Asked(text=text, mode=Mode(mode), limit=limit)
    found = search_public(asked) if visible is Visible.PUBLIC else search_all(asked, asked_by=_actor())
    hits = [Hit(**{name: getattr(hit, name) for name in Hit.model_fields}) for hit in found.hits]
    return Hits(hits=hits, embedder=default_embedder().id)


def get_note(*, slug: Slug, visible: Visible = Visible.PUBLIC) -> Note:
    """Return one note."""
    for note in get_notes(slugs=[slug], visible=visible):
        return note
    raise NoteNotFound(slug=slug)


def get_notes(*, slugs: Slugs, visible: Visible = Visible.PUBLIC) -> list[Note]:
    """Return several notes."""
    found = queries.public_texts(slugs) if visible is Visible.PUBLIC else queries.texts(slugs)
    return list(_notes(slugs, found))


def ingest_raw(
    *, idempotency_key: str, text: Text, media_type: MediaType = "text/markdown", origin: Origin = ""
) -> Receipt:
    """Keep a text."""
    try:
        receipt = raw_input.ingest_raw(
            text=text, media_type=media_type, origin=origin, received_from=_actor(), now=timezone.now()
        )
    except RawInputRefusedError as error:
        raise RawInputRefused(reason=str(error)) from error
    return Receipt(**asdict(receipt))


def _notes(slugs: Iterable[str], found: Mapping[str, Mapping[str, Any]]) -> Iterable[Note]:
    for slug in slugs:
        if slug in found:
            fields = {name: found[slug][name] for name in Note.model_fields}
            yield Note(**fields | {"verification": Verification(fields["verification"])})


def _actor() -> str:
    return call_scope().actor or UNNAMED
