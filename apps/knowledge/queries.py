"""What readers ask for. The first half reads public rows only, so that it works as the anonymous role."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, F, Max, Q, QuerySet

from apps.knowledge.markdown import with_links
from apps.knowledge.models import Chunk, Note, PublicChunk, PublicLink, PublicNote, ResolvedLink

MAX_BACKLINKS: Final = 200  # a note that more link to is a hub; its graph shows the rest
MAX_EDGES: Final = 10_000
MAX_SITEMAP: Final = 50_000  # the protocol's own bound

_HEAD: Final = ("slug", "title", "tags", "verification", "updated_at")


@dataclass(frozen=True, slots=True)
class Extent:
    """How many public rows there are and how new they are: enough to know whether an answer changed."""

    notes: int
    updated_at: datetime | None
    placed_at: datetime | None
    links: int
    linked_at: datetime | None


def extent() -> Extent:
    """Return the size and age of what is public."""
    notes = PublicNote.objects.aggregate(
        number=Count("pk"), updated=Max("updated_at"), placed=Max("placed_at")
    )
    links = PublicLink.objects.aggregate(number=Count("pk"), updated=Max("updated_at"))
    return Extent(notes["number"], notes["updated"], notes["placed"], links["number"], links["updated"])


def find_public(*, tag: str | None) -> QuerySet[PublicNote]:
    """Return public notes by title."""
    return tagged(PublicNote.objects.order_by("title", "slug"), tag)


def public_note(slug: str) -> dict[str, Any] | None:
    """Return a public note with its HTML and its neighbours; None when no public note has the slug."""
    found = list(PublicNote.objects.filter(slug=slug).values("id", "observed_at", "html", *_HEAD))
    if not found:
        return None
    note: dict[str, Any] = dict(found[0])
    links = PublicLink.objects.filter(source=note["id"]).order_by("position")
    backlinks = PublicLink.objects.filter(target=note["id"]).exclude(source=note["id"])
    return note | {
        "links": list(
            links.values("position", "kind", "anchor", slug=F("target__slug"), title=F("target__title"))
        ),
        "backlinks": list(
            backlinks.order_by("source__title", "source__slug", "kind")
            .values("kind", slug=F("source__slug"), title=F("source__title"))
            .distinct()[:MAX_BACKLINKS]
        ),
    }


def public_texts(slugs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return public notes by slug, each with its plain text and its HTML, in three statements."""
    notes = list(PublicNote.objects.filter(slug__in=slugs).values("id", "observed_at", "html", *_HEAD))
    links = PublicLink.objects.filter(source__in=[note["id"] for note in notes])
    return _texts(
        notes, PublicChunk.objects, links.values("source_id", "position", "anchor", slug=F("target__slug"))
    )


def public_graph(*, tag: str | None, limit: int, offset: int) -> dict[str, Any]:
    """Return public notes by title and the links among them."""
    notes = find_public(tag=tag)
    nodes = list(notes.values("id", "slug", "title", "tags", "x", "y")[offset : offset + limit])
    ids = [node["id"] for node in nodes]
    links = PublicLink.objects.filter(source__in=ids, target__in=ids)
    return {"total": notes.count(), "nodes": nodes, "edges": _edges(links, "target")}


def sitemap() -> list[tuple[str, datetime]]:
    """Return the slug of each public note with when it changed, by slug."""
    return list(PublicNote.objects.order_by("slug").values_list("slug", "updated_at")[:MAX_SITEMAP])


# From here on: everything, for the private tier.


def find_notes(
    *,
    visibility: str | None = None,
    verification: str | None = None,
    tag: str | None = None,
    text: str | None = None,
) -> QuerySet[Note]:
    """Return notes without their bodies, newest first."""
    given = {"visibility": visibility, "verification": verification}
    notes = Note.objects.defer("body", "html").order_by("-updated_at", "slug")
    notes = notes.filter(**{field: value for field, value in given.items() if value is not None})
    if text is not None:
        notes = notes.filter(Q(title__icontains=text) | Q(slug__icontains=text))
    return tagged(notes, tag)


def links_of(note: Note) -> Sequence[Mapping[str, Any]]:
    """Return a note's links in order; those that dangle have no slug."""
    links = ResolvedLink.objects.filter(source=note.pk).order_by("position")
    return list(
        links.values("position", "kind", "target", "anchor", slug=F("note__slug"), title=F("note__title"))
    )


def backlinks_of(note: Note) -> Sequence[Mapping[str, Any]]:
    """Return what links to a note, by title."""
    # The first condition says nothing new, and lets an index answer.
    links = ResolvedLink.objects.filter(target_key__in=note.names, note=note.pk).exclude(source=note.pk)
    return list(
        links.order_by("source__title", "source__slug", "kind")
        .values("kind", slug=F("source__slug"), title=F("source__title"))
        .distinct()[:MAX_BACKLINKS]
    )


def texts(slugs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return notes by slug, private ones included, each with its plain text and its HTML, in three statements."""
    notes = list(Note.objects.filter(slug__in=slugs).values("id", "observed_at", "html", *_HEAD))
    links = ResolvedLink.objects.filter(source__in=[note["id"] for note in notes])
    return _texts(notes, Chunk.objects, links.values("source_id", "position", "anchor", slug=F("note__slug")))


def graph(*, tag: str | None, limit: int, offset: int) -> dict[str, Any]:
    """Return notes by title and the links among them, private ones included."""
    notes = tagged(Note.objects.order_by("title", "slug"), tag)
    fields = ("id", "slug", "title", "tags", "visibility", "x", "y")
    nodes = list(notes.values(*fields)[offset : offset + limit])
    ids = [node["id"] for node in nodes]
    links = ResolvedLink.objects.filter(source__in=ids, note__in=ids)
    return {"total": notes.count(), "nodes": nodes, "edges": _edges(links, "note")}


def shown_html(html: str, links: Iterable[Mapping[str, Any]]) -> str:
    """Return a note's HTML with addresses, relative to its own, in those links that lead somewhere."""
    return with_links(html, {link["position"]: _address(link) for link in links if link["slug"] is not None})


def tagged[M: (Note, PublicNote)](notes: QuerySet[M], tag: str | None) -> QuerySet[M]:
    """Keep the notes that have a tag; None keeps all."""
    return notes if tag is None else notes.filter(tags__contains=[tag])


def _texts(
    notes: Iterable[Mapping[str, Any]], chunks: Any, links: Iterable[Any]
) -> dict[str, dict[str, Any]]:
    by_id = {note["id"]: note for note in notes}
    parts, outward = defaultdict[UUID, list[str]](list), defaultdict[UUID, list[Any]](list)
    for note, text in (
        chunks.filter(note__in=by_id).order_by("note", "position").values_list("note_id", "text")
    ):
        parts[note].append(text)
    for link in links:
        outward[link["source_id"]].append(link)
    return {
        note["slug"]: {
            **note,
            "text": "\n\n".join(parts[pk]),
            "html": shown_html(note["html"], outward[pk]),
        }
        for pk, note in by_id.items()
    }


def _edges(links: QuerySet[Any], target: str) -> list[dict[str, Any]]:
    ends = {"from": F("source__slug"), "to": F(f"{target}__slug")}
    return list(links.values("kind", **ends).distinct().order_by("from", "to", "kind")[:MAX_EDGES])


def _address(link: Mapping[str, Any]) -> str:
    return f"{link['slug']}#{link['anchor']}" if link["anchor"] else str(link["slug"])
