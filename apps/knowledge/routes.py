"""The HTTP face of knowledge: `public` for everyone, `private` for staff."""

from typing import Any, Final
from xml.sax.saxutils import escape

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router

from apps.knowledge import queries
from apps.knowledge.embeddings.embedders import default_embedder
from apps.knowledge.problems import no_public_note
from apps.knowledge.review_routes import review
from apps.knowledge.schemas import (
    Graph,
    GraphFilter,
    HitPage,
    NoteHeadPage,
    PublicNoteOut,
    SearchQuestion,
    Slug,
    TagFilter,
)
from apps.knowledge.search import search_public
from apps.knowledge.vault_routes import vault
from monolith.http.caching import cacheable
from monolith.http.problems import ProblemSchema

public = Router()
private = Router()
private.add_router("/vault", vault)
private.add_router("/vault", review)

LIST_S: Final = 60  # longer spares the database, and shows a new note later
NOTE_S: Final = 300
REVALIDATE_S: Final = 600
XML_TYPE: Final = "application/xml"
_SITEMAP_ANSWER: Final = {
    "responses": {200: {"description": "OK", "content": {XML_TYPE: {"schema": {"type": "string"}}}}}
}


@public.get("/notes", response={200: NoteHeadPage, 422: ProblemSchema}, summary="Public notes")
def list_notes(request: HttpRequest, wanted: Query[TagFilter]) -> Any:
    """Public notes by title."""
    notes = queries.find_public(tag=wanted.tag)
    extent = queries.extent()
    return cacheable(
        request,
        version=(extent.notes, extent.updated_at),
        max_age_s=LIST_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: {
            "total": notes.count(),
            "limit": wanted.limit,
            "offset": wanted.offset,
            "items": list(notes[wanted.offset : wanted.offset + wanted.limit]),
        },
    )


@public.get("/notes/{slug}", response={200: PublicNoteOut, 404: ProblemSchema}, summary="One public note")
def show_note(request: HttpRequest, slug: Path[Slug]) -> Any:
    """A public note as HTML, with the public notes around it."""
    note = queries.public_note(slug)
    if note is None:
        raise no_public_note(slug)
    return cacheable(
        request,
        version=(note["updated_at"], note["links"], note["backlinks"]),
        max_age_s=NOTE_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: note | {"html": queries.shown_html(note["html"], note["links"])},
    )


@public.get("/graph", response={200: Graph, 422: ProblemSchema}, summary="Graph of public notes")
def show_graph(request: HttpRequest, wanted: Query[GraphFilter]) -> Any:
    """Public notes and the links among them."""
    extent = queries.extent()
    return cacheable(
        request,
        version=(extent,),
        max_age_s=LIST_S,
        revalidate_s=REVALIDATE_S,
        build=lambda: wanted.model_dump() | queries.public_graph(**wanted.model_dump()),
    )


@public.get("/search", response={200: HitPage, 422: ProblemSchema}, summary="Search public notes")
def search(request: HttpRequest, wanted: Query[SearchQuestion]) -> Any:
    """Notes with the question's words and notes near in meaning, fused by rank."""
    extent = queries.extent()

    def build() -> dict[str, Any]:
        found = search_public(wanted.question())
        return {"total": found.total, "limit": wanted.limit, "offset": wanted.offset, "items": found.hits}

    return cacheable(
        request,
        version=(extent.notes, extent.updated_at, default_embedder().id),
        max_age_s=LIST_S,
        revalidate_s=REVALIDATE_S,
        build=build,
    )


@public.get("/sitemap.xml", response={200: None}, openapi_extra=_SITEMAP_ANSWER, summary="Sitemap")
def show_sitemap(request: HttpRequest) -> Any:
    """The addresses of public notes, as in sitemaps.org's protocol 0.9."""
    extent = queries.extent()
    return cacheable(
        request,
        version=(extent.notes, extent.updated_at),
        max_age_s=LIST_S,
        revalidate_s=REVALIDATE_S,
        vary=("Host",),  # addresses are absolute
        build=lambda: HttpResponse(_sitemap(request), content_type=XML_TYPE),
    )


def _sitemap(request: HttpRequest) -> str:
    # Where people read notes is another site's business; without one, what can be read is this.
    base = getattr(settings, "KNOWLEDGE_NOTES_URL", "") or request.build_absolute_uri("/api/knowledge/notes/")
    urls = "".join(
        f"<url><loc>{escape(base + slug)}</loc><lastmod>{updated_at.isoformat()}</lastmod></url>\n"
        for slug, updated_at in queries.sitemap()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
    )
