"""The tables of knowledge. `PublicNote`, `PublicChunk` and `PublicLink` hold public rows only: ADR 0004."""

import uuid
from typing import Final

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Length

from apps.knowledge.fields import GinIndex, TextArrayField, TextSearchField, VectorField

SLUG_LENGTH: Final = 120
TITLE_LENGTH: Final = 200
TERM_LENGTH: Final = 200
MAX_BODY: Final = 200_000  # characters; a longer note is a book, and takes the editor's request too long
MAX_RAW: Final = 1_000_000  # characters

_SLUG_FORM: Final = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_SHA256_FORM: Final = r"^[0-9a-f]{64}$"
_FAR: Final = 1_000_000  # the bounds keep NaN and infinity out


class Visibility(models.TextChoices):
    """Who may read a note."""

    PRIVATE = "private"
    PUBLIC = "public"


class Verification(models.TextChoices):
    """How far a note can be relied on."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    DISPUTED = "disputed"


class GapStatus(models.TextChoices):
    """Where a gap is in its life.

    A review turns open into accepted or dismissed. A note that gets the name fills a gap; the last link that goes
    leaves it unlinked. Both open again once the name is linked and missing again; a dismissed gap stays.
    """

    OPEN = "open", "open: linked, missing, and nobody has looked at it"
    ACCEPTED = "accepted", "accepted: somebody means to write it"
    DISMISSED = "dismissed", "dismissed: it needs no note"
    FILLED = "filled", "filled: a note has the name now"
    UNLINKED = "unlinked", "unlinked: no note links to it any more"


class RawStatus(models.TextChoices):
    """What became of a raw input."""

    WAITING = "waiting"
    USED = "used", "used: a note was made of it"
    DISCARDED = "discarded"


class DisputeStatus(models.TextChoices):
    """How a dispute stands."""

    OPEN = "open"
    UPHELD = "upheld", "upheld: the note was wrong"
    REJECTED = "rejected", "rejected: the note stands"


def _words(weight: str, column: str) -> Func:
    return Func(
        F(column), template="setweight(to_tsvector('english', %(expressions)s), '%(weight)s')", weight=weight
    )


class Note(models.Model):
    """A page of the wiki; while it is public, a `PublicNote` shows it to everyone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=SLUG_LENGTH, unique=True)
    title = models.CharField(max_length=TITLE_LENGTH)
    body = models.TextField(help_text="Markdown without front matter.")
    tags = TextArrayField(default=list)
    aliases = TextArrayField(default=list, help_text="Other names that links may use, as written.")
    visibility = models.CharField(max_length=7, choices=Visibility.choices, default=Visibility.PRIVATE)
    verification = models.CharField(
        max_length=10, choices=Verification.choices, default=Verification.UNVERIFIED
    )
    observed_at = models.DateTimeField(
        null=True, blank=True, help_text="When what the note says was seen to be so."
    )
    revision = models.PositiveIntegerField(
        default=1, help_text="Counts the edits; an edit names the one it saw."
    )
    content_hash = models.CharField(
        max_length=64, help_text="SHA-256 of everything that people wrote; the same again is no edit."
    )
    imported_hash = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="The content as it was last imported; empty: written here.",
    )
    x = models.FloatField(default=0, help_text="Place in the graph of all notes.")
    y = models.FloatField(default=0)
    # Laid out from public notes alone: a place in the whole graph would tell of its private part.
    public_x = models.FloatField(default=0, help_text="Place in the graph of public notes.")
    public_y = models.FloatField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # Derived from the above when a note is written (`derivation.py`).
    names = TextArrayField(
        editable=False, help_text="Keys of slug, title and aliases: what links find it by, best first."
    )
    html = models.TextField(
        editable=False, help_text="The body rendered; its links are numbers, not targets."
    )
    derivation = models.CharField(
        max_length=80, editable=False, help_text="What derived names, html, links and chunks."
    )

    class Meta:
        ordering = ["title", "slug"]
        indexes = [
            models.Index(fields=["visibility"], name="knowledge_note_visibility"),
            models.Index(fields=["-updated_at", "slug"], name="knowledge_note_newest"),
            GinIndex(fields=["names"], name="knowledge_note_names", fastupdate=False),
            GinIndex(fields=["tags"], name="knowledge_note_tags"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(slug__regex=_SLUG_FORM), name="knowledge_note_slug_form"),
            models.CheckConstraint(condition=~Q(title=""), name="knowledge_note_title"),
            models.CheckConstraint(
                condition=Q(visibility__in=Visibility.values), name="knowledge_note_visibility_known"
            ),
            models.CheckConstraint(
                condition=Q(verification__in=Verification.values), name="knowledge_note_verification"
            ),
            models.CheckConstraint(condition=Q(revision__gte=1), name="knowledge_note_revision"),
            models.CheckConstraint(
                condition=Q(content_hash__regex=_SHA256_FORM), name="knowledge_note_content_hash"
            ),
            models.CheckConstraint(
                condition=models.lookups.LessThanOrEqual(Length("body"), MAX_BODY), name="knowledge_note_body"
            ),
            models.CheckConstraint(
                condition=Q(
                    x__range=(-_FAR, _FAR),
                    y__range=(-_FAR, _FAR),
                    public_x__range=(-_FAR, _FAR),
                    public_y__range=(-_FAR, _FAR),
                ),
                name="knowledge_note_place",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Chunk(models.Model):
    """A part of a note that search can find: at most one section of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    note = models.ForeignKey(Note, on_delete=models.DB_CASCADE, related_name="chunks")
    position = models.PositiveSmallIntegerField(help_text="From 0, in the order of the note.")
    title = models.CharField(max_length=TITLE_LENGTH, help_text="Of the note, and its aliases.")
    section = models.CharField(max_length=500, help_text="Headings above it, outermost first.")
    anchor = models.CharField(max_length=120, help_text="Of the innermost heading, in the page's HTML.")
    text = models.TextField(help_text="What a reader sees, without markup.")
    search = models.GeneratedField(
        expression=Func(
            _words("A", "title"),
            _words("B", "section"),
            _words("D", "text"),
            template="%(expressions)s",
            arg_joiner=" || ",
        ),
        output_field=TextSearchField(),
        db_persist=True,
    )
    embedder = models.CharField(
        max_length=60, help_text="Whose vector it is; vectors of two are never compared."
    )
    embedding = VectorField()

    class Meta:
        ordering = ["note", "position"]
        indexes = [GinIndex(fields=["search"], name="knowledge_chunk_search")]
        constraints = [
            models.UniqueConstraint(fields=["note", "position"], name="knowledge_chunk_position"),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.section or self.position}"


class NoteLink(models.Model):
    """A link from a note to a name. Which note has that name is decided when it is read, so it may dangle."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.ForeignKey(Note, on_delete=models.DB_CASCADE, related_name="links")
    position = models.PositiveSmallIntegerField(help_text="From 0, in the order of the note.")
    kind = models.CharField(max_length=40, default="link", help_text="What the target is to the note.")
    target = models.CharField(max_length=TERM_LENGTH, help_text="The name as it was written.")
    target_key = models.CharField(max_length=TERM_LENGTH, help_text="The name as notes are found by it.")
    anchor = models.CharField(max_length=120, blank=True, default="", help_text="Of the section linked to.")

    class Meta:
        ordering = ["source", "position"]
        indexes = [models.Index(fields=["target_key"], name="knowledge_notelink_key")]
        constraints = [
            models.UniqueConstraint(fields=["source", "position"], name="knowledge_notelink_position"),
            models.CheckConstraint(condition=~Q(target_key=""), name="knowledge_notelink_target"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.target}"


class ResolvedLink(models.Model):
    """A link with the note it leads to now, if any: a view over links and notes."""

    id = models.UUIDField(primary_key=True)
    source = models.ForeignKey(Note, on_delete=models.DO_NOTHING, related_name="resolved_links")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=40)
    target = models.CharField(max_length=TERM_LENGTH)
    target_key = models.CharField(max_length=TERM_LENGTH)
    anchor = models.CharField(max_length=120)
    note = models.ForeignKey(Note, null=True, on_delete=models.DO_NOTHING, related_name="linked_from")

    class Meta:
        managed = False
        db_table = "knowledge_resolved_link"
        default_permissions = ()
        ordering = ["source", "position"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.target}"


class PublicNote(models.Model):
    """A public note as readers get it. Triggers keep it in step with `Note`: nothing else writes here."""

    id = models.UUIDField(primary_key=True)
    slug = models.SlugField(max_length=SLUG_LENGTH, db_index=False)
    title = models.CharField(max_length=TITLE_LENGTH)
    names = TextArrayField()
    tags = TextArrayField()
    verification = models.CharField(max_length=10, choices=Verification.choices)
    observed_at = models.DateTimeField(null=True)
    html = models.TextField()
    derivation = models.CharField(max_length=80)
    x = models.FloatField()
    y = models.FloatField()
    updated_at = models.DateTimeField(help_text="When something changed that the public can see.")
    placed_at = models.DateTimeField(help_text="When its place in the graph changed.")

    class Meta:
        db_table = "knowledge_public_note"
        default_permissions = ()
        indexes = [
            models.Index(fields=["title", "slug"], name="knowledge_public_note_title"),
            GinIndex(fields=["names"], name="knowledge_public_note_names", fastupdate=False),
            GinIndex(fields=["tags"], name="knowledge_public_note_tags"),
        ]
        constraints = [models.UniqueConstraint(fields=["slug"], name="knowledge_public_note_slug")]

    def __str__(self) -> str:
        return self.title


class PublicChunk(models.Model):
    """A chunk of a public note."""

    id = models.UUIDField(primary_key=True)
    note = models.ForeignKey(PublicNote, on_delete=models.DB_CASCADE, related_name="chunks")
    position = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=TITLE_LENGTH)
    section = models.CharField(max_length=500)
    anchor = models.CharField(max_length=120)
    text = models.TextField()
    search = TextSearchField()
    embedder = models.CharField(max_length=60)
    embedding = VectorField()

    class Meta:
        db_table = "knowledge_public_chunk"
        default_permissions = ()
        indexes = [GinIndex(fields=["search"], name="knowledge_public_chunk_search")]

    def __str__(self) -> str:
        return f"{self.title}: {self.section or self.position}"


class PublicLink(models.Model):
    """A link between two public notes. What a public note links to besides is not in any public row."""

    id = models.UUIDField(primary_key=True)
    source = models.ForeignKey(PublicNote, on_delete=models.DB_CASCADE, related_name="links")
    target = models.ForeignKey(PublicNote, on_delete=models.DB_CASCADE, related_name="linked_from")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=40)
    anchor = models.CharField(max_length=120)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "knowledge_public_link"
        default_permissions = ()

    def __str__(self) -> str:
        return self.kind


class Gap(models.Model):
    """A name that notes link to and no note has."""

    key = models.CharField(
        max_length=TERM_LENGTH, unique=True, help_text="The `target_key` of the links to it."
    )
    term = models.CharField(max_length=TERM_LENGTH, help_text="The name as it is most often written.")
    mentions = models.PositiveIntegerField(help_text="How many notes link to it.")
    status = models.CharField(max_length=9, choices=GapStatus.choices, default=GapStatus.OPEN)
    opened_at = models.DateTimeField(help_text="When it was found, or found again.")
    changed_at = models.DateTimeField(help_text="Of the status.")
    reviewed_by = models.CharField(max_length=150, blank=True, default="")
    comment = models.TextField(max_length=2000, blank=True, default="", help_text="The reviewer's.")
    note = models.ForeignKey(
        Note, null=True, blank=True, on_delete=models.DB_SET_NULL, related_name="filled_gaps"
    )

    class Meta:
        ordering = ["-mentions", "key"]
        indexes = [models.Index(fields=["status", "-mentions"], name="knowledge_gap_worklist")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=GapStatus.values), name="knowledge_gap_status"),
            models.CheckConstraint(condition=~Q(key=""), name="knowledge_gap_key"),
            models.CheckConstraint(
                condition=~Q(status__in=[GapStatus.ACCEPTED, GapStatus.DISMISSED]) | ~Q(reviewed_by=""),
                name="knowledge_gap_review_has_reviewer",
            ),
        ]

    def __str__(self) -> str:
        return self.term


class RawInput(models.Model):
    """Text from outside that notes may be made of, named by its content: the same text is stored once."""

    sha256 = models.CharField(max_length=64, primary_key=True, help_text="Of the content in UTF-8.")
    content = models.TextField()
    media_type = models.CharField(max_length=80, default="text/markdown")
    origin = models.CharField(max_length=500, blank=True, default="", help_text="Where it was found.")
    received_from = models.CharField(max_length=150, help_text="Who sent it first.")
    received_at = models.DateTimeField()
    status = models.CharField(max_length=9, choices=RawStatus.choices, default=RawStatus.WAITING)
    note = models.ForeignKey(
        Note, null=True, blank=True, on_delete=models.DB_SET_NULL, related_name="raw_inputs"
    )

    class Meta:
        ordering = ["-received_at", "sha256"]
        indexes = [models.Index(fields=["status", "-received_at"], name="knowledge_raw_worklist")]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    sha256=Func(
                        F("content"), template="encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')"
                    )
                ),
                name="knowledge_raw_is_its_content",
            ),
            models.CheckConstraint(condition=Q(status__in=RawStatus.values), name="knowledge_raw_status"),
            models.CheckConstraint(
                condition=models.lookups.LessThanOrEqual(Length("content"), MAX_RAW),
                name="knowledge_raw_size",
            ),
        ]

    def __str__(self) -> str:
        return self.sha256


class Dispute(models.Model):
    """Somebody's doubt about what a note says."""

    note = models.ForeignKey(Note, on_delete=models.DB_CASCADE, related_name="disputes")
    claim = models.TextField(max_length=2000, help_text="The words of the note that are doubted.")
    reason = models.TextField(max_length=2000)
    revision = models.PositiveIntegerField(help_text="Of the note that was doubted.")
    status = models.CharField(max_length=8, choices=DisputeStatus.choices, default=DisputeStatus.OPEN)
    raised_by = models.CharField(max_length=150)
    raised_at = models.DateTimeField()
    settled_by = models.CharField(max_length=150, blank=True, default="")
    settled_at = models.DateTimeField(null=True, blank=True)
    resolution = models.TextField(max_length=2000, blank=True, default="")

    class Meta:
        ordering = ["-raised_at", "-id"]
        indexes = [models.Index(fields=["status", "-raised_at"], name="knowledge_dispute_worklist")]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=DisputeStatus.values), name="knowledge_dispute_status"
            ),
            models.CheckConstraint(
                condition=Q(status=DisputeStatus.OPEN, settled_at__isnull=True)
                | (~Q(status=DisputeStatus.OPEN) & Q(settled_at__isnull=False) & ~Q(settled_by="")),
                name="knowledge_dispute_settled_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.claim


class SearchAudit(models.Model):
    """One search over private notes: who asked what."""

    at = models.DateTimeField()
    asked_by = models.CharField(max_length=150)
    query = models.CharField(max_length=500)
    mode = models.CharField(max_length=6)
    embedder = models.CharField(max_length=60)
    found = models.PositiveIntegerField()
    took_ms = models.FloatField()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["-at"], name="knowledge_searchaudit_newest")]

    def __str__(self) -> str:
        return self.query
