"""The private routes about notes: write, import, publish, search."""

from dataclasses import asdict
from typing import Any, Final

from django.http import HttpRequest
from ninja import Path, Query, Router, Status

from apps.knowledge import queries, services
from apps.knowledge.content import content_of
from apps.knowledge.errors import NoteNotFoundError, VaultError
from apps.knowledge.importing import import_notes
from apps.knowledge.models import Note, SearchAudit
from apps.knowledge.problems import problems
from apps.knowledge.publishing import publish_note
from apps.knowledge.schemas import GraphFilter, HitPage, Paging, SearchQuestion, Slug
from apps.knowledge.search import search_all
from apps.knowledge.vault import MAX_ARCHIVE_BYTES, read_archive
from apps.knowledge.vault_schemas import (
    ImportOptions,
    ImportOut,
    NewNote,
    NoteEdit,
    NoteFilter,
    Revision,
    SearchRecordPage,
    StoredGraph,
    StoredHeadPage,
    StoredNote,
)
from monolith.http.limits import KILOBYTE, MEGABYTE, body_limit
from monolith.http.problems import ProblemSchema

vault = Router()

IMPORT_BUDGET_S: Final = 20.0  # a proxy in front gives up at 30
ZIP_TYPE: Final = "application/zip"
_FILE: Final = {"type": "string", "format": "binary", "minLength": 1, "maxLength": MAX_ARCHIVE_BYTES}
_IMPORT_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            ZIP_TYPE: {"schema": _FILE},
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": _FILE}}
            },
        },
    }
}


@vault.get("/notes", response={200: StoredHeadPage, 422: ProblemSchema}, summary="All notes")
def list_all_notes(request: HttpRequest, wanted: Query[NoteFilter]) -> Any:
    """Notes, private ones included, newest first."""
    notes = queries.find_notes(**wanted.model_dump(exclude={"limit", "offset"}))
    return page(notes, wanted)


@vault.post(
    "/notes", response={201: StoredNote, 409: ProblemSchema, 422: ProblemSchema}, summary="Write a note"
)
@body_limit(2 * MEGABYTE)
def create_note(request: HttpRequest, new: NewNote) -> Any:
    """Make a private note."""
    with problems():
        content = content_of(**new.model_dump(exclude={"slug", "verification"}))
        note = services.create_note(content=content, slug=new.slug or "", verification=new.verification)
    return Status(201, _shown(note))


@vault.get("/notes/{slug}", response={200: StoredNote, 404: ProblemSchema}, summary="One note")
def show_any_note(request: HttpRequest, slug: Path[Slug]) -> Any:
    """A note as Markdown and as HTML, with all that is around it."""
    note = Note.objects.filter(slug=slug).first()
    with problems():
        if note is None:
            raise NoteNotFoundError(slug)
    return _shown(note)


@vault.patch(
    "/notes/{slug}",
    response={200: StoredNote, 404: ProblemSchema, 409: ProblemSchema, 422: ProblemSchema},
    summary="Edit a note",
)
@body_limit(2 * MEGABYTE)
def edit_note(request: HttpRequest, slug: Path[Slug], edit: NoteEdit) -> Any:
    """Change what is sent, if the note is still as it was read; what is public changes at once."""
    with problems():
        return _shown(services.edit_note(slug=slug, **edit.model_dump(exclude_unset=True)))


@vault.delete(
    "/notes/{slug}", response={204: None, 404: ProblemSchema, 409: ProblemSchema}, summary="Remove a note"
)
def remove_note(request: HttpRequest, slug: Path[Slug], seen: Query[Revision]) -> Any:
    """Remove a note for good; links to it dangle."""
    with problems():
        services.remove_note(slug=slug, revision=seen.revision)
    return Status(204, None)


@vault.post(
    "/notes/{slug}/publish",
    response={200: StoredNote, 403: ProblemSchema, 404: ProblemSchema},
    summary="Publish a note",
)
def publish(request: HttpRequest, slug: Path[Slug]) -> Any:
    """Show the note to everyone, if compliance allows it."""
    with problems():
        return _shown(publish_note(slug=slug, subject=subject(request)))


@vault.post("/notes/{slug}/retire", response={200: StoredNote, 404: ProblemSchema}, summary="Retire a note")
def retire(request: HttpRequest, slug: Path[Slug]) -> Any:
    """Take the note back from the public; it can be published again."""
    with problems():
        return _shown(services.retire_note(slug=slug))


@vault.post(
    "/import",
    response={200: ImportOut, 422: ProblemSchema},
    openapi_extra=_IMPORT_BODY,
    summary="Import notes",
)
@body_limit(MAX_ARCHIVE_BYTES + 64 * KILOBYTE)
def import_archive(request: HttpRequest, options: Query[ImportOptions]) -> Any:
    """Store the Markdown files of a zip archive, sent as the body or as the part `file` of a form."""
    with problems():
        files = list(read_archive(_file(request)))
        report = import_notes(files, overwrite=options.overwrite, budget_s=IMPORT_BUDGET_S)
    return asdict(report)


@vault.get("/search", response={200: HitPage, 422: ProblemSchema}, summary="Search all notes")
def search_vault(request: HttpRequest, wanted: Query[SearchQuestion]) -> Any:
    """Search private notes too; the question is kept with who asked it."""
    found = search_all(wanted.question(), asked_by=subject(request))
    return {"total": found.total, "limit": wanted.limit, "offset": wanted.offset, "items": found.hits}


@vault.get("/searches", response={200: SearchRecordPage}, summary="Searches over private notes")
def list_searches(request: HttpRequest, wanted: Query[Paging]) -> Any:
    """Who asked what, newest first."""
    return page(SearchAudit.objects.order_by("-at", "-id"), wanted)


@vault.get("/graph", response={200: StoredGraph, 422: ProblemSchema}, summary="Graph of all notes")
def show_whole_graph(request: HttpRequest, wanted: Query[GraphFilter]) -> Any:
    """Notes and the links among them, private ones included."""
    return wanted.model_dump() | queries.graph(**wanted.model_dump())


def subject(request: HttpRequest) -> str:
    """Return who is asking, in the words of compliance."""
    return f"user:{request.user.pk}"


def page(rows: Any, wanted: Paging) -> dict[str, Any]:
    """Return one page of an ordered queryset."""
    items = list(rows[wanted.offset : wanted.offset + wanted.limit])
    return {"total": rows.count(), "limit": wanted.limit, "offset": wanted.offset, "items": items}


def _shown(note: Note) -> dict[str, Any]:
    links = queries.links_of(note)
    fields = {field.attname: getattr(note, field.attname) for field in note._meta.concrete_fields}
    return fields | {
        "html": queries.shown_html(note.html, links),
        "links": links,
        "backlinks": queries.backlinks_of(note),
    }


def _file(request: HttpRequest) -> bytes:
    if request.content_type != "multipart/form-data":
        return request.read(MAX_ARCHIVE_BYTES + 1)
    file = request.FILES.get("file")
    if file is None:
        raise VaultError("The form has no part called 'file'. Send the archive as that.")
    data: bytes = file.read(MAX_ARCHIVE_BYTES + 1)
    return data
