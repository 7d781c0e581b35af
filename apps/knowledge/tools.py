"""What agents can do with notes. A search over private notes is in the record of calls, so it needs no other."""

from importlib.resources import files
from typing import Any, Final

import yaml
from django.db.models import F
from django.utils import timezone

from apps.knowledge import disputes, queries, raw_input, services
from apps.knowledge.content import content_of
from apps.knowledge.embeddings.embedders import default_embedder
from apps.knowledge.errors import (
    KnowledgeError,
    NoteExistsError,
    NoteNotFoundError,
    RevisionConflictError,
)
from apps.knowledge.models import (
    DisputeStatus,
    Gap,
    GapStatus,
    Note,
    PublicNote,
    RawInput,
    RawStatus,
    Verification,
    Visibility,
)
from apps.knowledge.publishing import publish_note as publish
from apps.knowledge.search import Question as Asked
from apps.knowledge.search import SearchMode as Mode
from apps.knowledge.search import find_all, search_public
from apps.knowledge.tool_schemas import (
    Body,
    DisputeRaised,
    FoundNotes,
    FullNote,
    GapPage,
    NoteHit,
    NoteLine,
    NotePage,
    ProposalPage,
    Proposed,
    Revision,
    Start,
    TagCount,
    TagPage,
    Tags,
    Title,
    Words,
)
from apps.knowledge.tool_schemas import Tag as TagName
from contracts.knowledge import Hit, Limit, NoteNotFound, Origin, Question, SearchMode, Slug, Visible
from monolith import connection
from monolith.contracts import call_scope, raises
from monolith.tools import Tag, prompt, resource, tool
from monolith.tools.errors import ToolRefused
from monolith.tools.pages import After, cursor_of, cursor_values, page_of, shown
from monolith.tools.pages import Limit as PageLimit
from monolith.tools.refusals import Advice, refusing

MAX_PART: Final = 50_000  # characters of a body in one answer
_LIST_TAGS: Final = (files("apps.knowledge") / "sql" / "list_tags.sql").read_text(encoding="utf-8")
_ADVICE: Final[Advice] = {
    NoteNotFoundError: "knowledge_list_notes and knowledge_search_notes find those there are.",
}
_MOVED_ON: Final[Advice] = {
    RevisionConflictError: "Read it with knowledge_get_note, and ask again for the revision that you read."
}


@tool(tag=Tag.READ, cost=2)
def search_notes(
    *,
    text: Question,
    visible: Visible = Visible.ALL,
    mode: SearchMode = SearchMode.HYBRID,
    tag: TagName | None = None,
    limit: Limit = 10,
) -> FoundNotes:
    """Find notes with the words of a question and notes near it in meaning, private ones too unless told otherwise.

    "quotes" keep words together, OR joins, a minus leaves out. Each hit has a passage to quote from.
    """
    asked = Asked(text=text, mode=Mode(mode), tag=tag, limit=limit)
    found = search_public(asked) if visible is Visible.PUBLIC else find_all(asked)
    slugs = [hit.slug for hit in found.hits]
    public = set(PublicNote.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    return FoundNotes(
        hits=[_hit(hit, is_public=hit.slug in public) for hit in found.hits],
        found=found.total,
        embedder=default_embedder().id,
    )


@tool(tag=Tag.READ)
@raises(NoteNotFound)
def get_note(*, slug: Slug, visible: Visible = Visible.ALL, body_start: Start = 0) -> FullNote:
    """Return one note as Markdown with its links, up to 50,000 characters of it from `body_start` on."""
    note = Note.objects.filter(slug=slug).first()
    if note is None or (visible is Visible.PUBLIC and note.visibility != Visibility.PUBLIC):
        raise NoteNotFound(slug=slug)
    return _full(note, start=body_start)


@tool(tag=Tag.READ)
def list_notes(
    *,
    tag: TagName | None = None,
    visibility: Visibility | None = None,
    verification: Verification | None = None,
    text: Title | None = None,
    limit: PageLimit = 20,
    after: After = "",
) -> NotePage:
    """List notes, those that changed last first; `text` appears in their title or slug."""
    notes = queries.find_notes(visibility=visibility, verification=verification, tag=tag, text=text)
    return page_of(NotePage, notes, order=("-updated_at", "slug"), after=after, limit=limit)


@tool(tag=Tag.READ)
def list_tags(*, limit: PageLimit = 100, after: After = "") -> TagPage:
    """List the tags that notes have by name, each with how many have it."""
    (last,) = cursor_values(after, 1) if after else [""]
    with connection().cursor() as cursor:
        cursor.execute(_LIST_TAGS, {"after": last, "limit": limit + 1})
        rows = cursor.fetchall()
    items = [TagCount(tag=name, notes=notes) for name, notes in rows[:limit]]
    return TagPage(items=items, next=cursor_of([items[-1].tag]) if len(rows) > limit else "")


@tool(tag=Tag.READ)
def list_gaps(*, status: GapStatus = GapStatus.OPEN, limit: PageLimit = 20, after: After = "") -> GapPage:
    """List names that notes link to and that no note has, the most wanted first: what is worth writing."""
    gaps = Gap.objects.filter(status=status)
    return page_of(GapPage, gaps, order=("-mentions", "key"), after=after, limit=limit)


@tool(tag=Tag.READ)
def list_proposals(
    *, status: RawStatus | None = None, limit: PageLimit = 20, after: After = ""
) -> ProposalPage:
    """List texts that were proposed, newest first, and what people made of them."""
    texts = RawInput.objects.defer("content").annotate(note_slug=F("note__slug"))
    if status is not None:
        texts = texts.filter(status=status)
    return page_of(ProposalPage, texts, order=("-received_at", "sha256"), after=after, limit=limit)


@tool(tag=Tag.PROPOSE)
def propose_note(*, title: Title, body: Body, tags: Tags | None = None, origin: Origin = "") -> Proposed:
    """Propose a note: its Markdown waits until a person makes a note of it or discards it.

    The same words are one proposal, however often they are sent. `origin` says where they are from.
    """
    head = yaml.safe_dump({"title": title, "tags": tags or []}, allow_unicode=True, sort_keys=False)
    with refusing(KnowledgeError):
        content_of(title=title, body=body, tags=tags or ())  # what could be no note is refused now
        receipt = raw_input.ingest_raw(
            text=f"---\n{head}---\n\n{body}", received_from=_actor(), origin=origin, now=timezone.now()
        )
    status = RawInput.objects.values_list("status", flat=True).get(sha256=receipt.sha256)
    return Proposed(sha256=receipt.sha256, is_new=receipt.is_new, status=RawStatus(status))


@tool(tag=Tag.EXECUTE)
def create_note(*, title: Title, body: Body, tags: Tags | None = None, slug: Slug | None = None) -> FullNote:
    """Write a new note, which is private. The same note again is the note that is there."""
    with refusing(KnowledgeError, advice=_ADVICE):
        content = content_of(title=title, body=body, tags=tags or ())
        try:
            return _full(services.create_note(content=content, slug=slug or ""))
        except NoteExistsError as error:
            there = Note.objects.get(slug=error.slug)
            if there.content_hash != content.hash:
                raise
            return _full(there)


@tool(tag=Tag.EXECUTE)
def edit_note(
    *,
    slug: Slug,
    revision: Revision,
    title: Title | None = None,
    body: Body | None = None,
    tags: Tags | None = None,
) -> FullNote:
    """Change a private note, on the revision that you have read; what is left out stays.

    A public note is not changed: propose its words, and a person decides who sees them.
    """
    given: dict[str, Any] = {"title": title, "body": body, "tags": tags}
    changes = {name: value for name, value in given.items() if value is not None}
    # Locked, or it might be published before it is changed.
    with refusing(KnowledgeError, advice=_ADVICE), services.locked(slug) as note:
        if note.visibility == Visibility.PUBLIC:
            raise ToolRefused(f"'{slug}' is public; propose your words with knowledge_propose_note.")
        return _full(services.edit_note(slug=slug, revision=revision, **changes))


@tool(tag=Tag.RESTRICTED, cost=5)
def publish_note(*, slug: Slug, revision: Revision) -> NoteLine:
    """Show a note to everyone as it was read, if compliance lets this token do that too.

    Refused once the note has another revision: a person confirmed that one alone.
    """
    # Of the arguments, so that what was confirmed is not edited before it is shown.
    with refusing(KnowledgeError, advice={**_ADVICE, **_MOVED_ON}):
        return shown(NoteLine, publish(slug=slug, subject=_actor(), revision=revision))


@tool(tag=Tag.EXECUTE)
def dispute_note(*, slug: Slug, claim: Words, reason: Words) -> DisputeRaised:
    """Doubt a claim of a note: it is shown as disputed until a person settles that. Once for the same doubt."""
    doubt = {"claim": claim, "reason": reason, "raised_by": _actor()}
    # Locked, so that the same doubt twice at once is found to be one.
    with refusing(KnowledgeError, advice=_ADVICE), services.locked(slug) as note:
        dispute = note.disputes.filter(**doubt, status=DisputeStatus.OPEN).first()
        if dispute is None:
            dispute = disputes.raise_dispute(slug=slug, **doubt, now=timezone.now())
    return DisputeRaised(number=dispute.pk, slug=slug, status=dispute.status, revision=dispute.revision)


def _hit(hit: Any, *, is_public: bool) -> NoteHit:
    given = {name: getattr(hit, name) for name in Hit.model_fields}
    return NoteHit(**given, visibility=Visibility.PUBLIC if is_public else Visibility.PRIVATE)


def _full(note: Note, *, start: int = 0) -> FullNote:
    line = shown(NoteLine, note)
    return FullNote.model_validate(
        {
            **line.model_dump(),
            "aliases": note.aliases,
            "observed_at": note.observed_at,
            "body": note.body[start : start + MAX_PART],
            "body_start": start,
            "body_length": len(note.body),
            "links": [_link(link) for link in queries.links_of(note)],
            "backlinks": [_link(link) for link in queries.backlinks_of(note)],
        },
        strict=False,
    )


def _link(link: Any) -> dict[str, Any]:
    return {"kind": link["kind"], "slug": link["slug"], "name": link["title"] or link["target"]}


def _actor() -> str:
    return call_scope().actor


@resource("knowledge://notes/{slug}")
@raises(NoteNotFound)
def note(*, slug: Slug) -> str:
    """A note as Markdown, with what is known of it as YAML before its text."""
    found = Note.objects.filter(slug=slug).first()
    if found is None:
        raise NoteNotFound(slug=slug)
    known = shown(NoteLine, found).model_dump(mode="json")
    head = yaml.safe_dump(known, allow_unicode=True, sort_keys=False)
    return f"---\n{head}---\n\n{found.body}"


@prompt(tools=("knowledge_search_notes", "knowledge_get_note"))
def answer_from_notes(*, question: str) -> str:
    """Answer a question from the notes alone, each statement with the note that says so."""
    return f"""Answer this question from the notes of this system, and from nothing else:

{question}

1. Search with knowledge_search_notes, in the question's words first, then in others that mean the same.
2. Read with knowledge_get_note what the passages leave open.
3. Answer in a few sentences. After each statement name the note that says so in brackets: [slug].
4. A note that is disputed or unverified is said to be so. Where notes contradict each other, give both.
5. If the notes do not answer the question, say that, and which notes come nearest. Do not fill in what you know
   from elsewhere."""
