import uuid

import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import apps.knowledge.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ResolvedLink",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("position", models.PositiveSmallIntegerField()),
                ("kind", models.CharField(max_length=40)),
                ("target", models.CharField(max_length=200)),
                ("target_key", models.CharField(max_length=200)),
                ("anchor", models.CharField(max_length=120)),
            ],
            options={
                "db_table": "knowledge_resolved_link",
                "ordering": ["source", "position"],
                "managed": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("slug", models.SlugField(max_length=120, unique=True)),
                ("title", models.CharField(max_length=200)),
                ("body", models.TextField(help_text="Markdown without front matter.")),
                ("tags", apps.knowledge.fields.TextArrayField(default=list)),
                (
                    "aliases",
                    apps.knowledge.fields.TextArrayField(
                        default=list, help_text="Other names that links may use, as written."
                    ),
                ),
                (
                    "visibility",
                    models.CharField(
                        choices=[("private", "Private"), ("public", "Public")],
                        default="private",
                        max_length=7,
                    ),
                ),
                (
                    "verification",
                    models.CharField(
                        choices=[
                            ("unverified", "Unverified"),
                            ("verified", "Verified"),
                            ("disputed", "Disputed"),
                        ],
                        default="unverified",
                        max_length=10,
                    ),
                ),
                (
                    "observed_at",
                    models.DateTimeField(
                        blank=True, help_text="When what the note says was seen to be so.", null=True
                    ),
                ),
                (
                    "revision",
                    models.PositiveIntegerField(
                        default=1, help_text="Counts the edits; an edit names the one it saw."
                    ),
                ),
                (
                    "content_hash",
                    models.CharField(
                        help_text="SHA-256 of everything that people wrote; the same again is no edit.",
                        max_length=64,
                    ),
                ),
                (
                    "imported_hash",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="The content as it was last imported; empty: written here.",
                        max_length=64,
                    ),
                ),
                ("x", models.FloatField(default=0, help_text="Place in the graph of all notes.")),
                ("y", models.FloatField(default=0)),
                ("public_x", models.FloatField(default=0, help_text="Place in the graph of public notes.")),
                ("public_y", models.FloatField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "names",
                    apps.knowledge.fields.TextArrayField(
                        editable=False,
                        help_text="Keys of slug, title and aliases: what links find it by, best first.",
                    ),
                ),
                (
                    "html",
                    models.TextField(
                        editable=False, help_text="The body rendered; its links are numbers, not targets."
                    ),
                ),
                (
                    "derivation",
                    models.CharField(
                        editable=False, help_text="What derived names, html, links and chunks.", max_length=80
                    ),
                ),
            ],
            options={
                "ordering": ["title", "slug"],
                "indexes": [
                    models.Index(fields=["visibility"], name="knowledge_note_visibility"),
                    models.Index(fields=["-updated_at", "slug"], name="knowledge_note_newest"),
                    apps.knowledge.fields.GinIndex(
                        fastupdate=False, fields=["names"], name="knowledge_note_names"
                    ),
                    apps.knowledge.fields.GinIndex(fields=["tags"], name="knowledge_note_tags"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("slug__regex", "^[a-z0-9]+(-[a-z0-9]+)*$")),
                        name="knowledge_note_slug_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("title", ""), _negated=True), name="knowledge_note_title"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("visibility__in", ["private", "public"])),
                        name="knowledge_note_visibility_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("verification__in", ["unverified", "verified", "disputed"])),
                        name="knowledge_note_verification",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("revision__gte", 1)), name="knowledge_note_revision"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("content_hash__regex", "^[0-9a-f]{64}$")),
                        name="knowledge_note_content_hash",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.LessThanOrEqual(
                            django.db.models.functions.text.Length("body"), 200000
                        ),
                        name="knowledge_note_body",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("public_x__range", (-1000000, 1000000)),
                            ("public_y__range", (-1000000, 1000000)),
                            ("x__range", (-1000000, 1000000)),
                            ("y__range", (-1000000, 1000000)),
                        ),
                        name="knowledge_note_place",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PublicNote",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("slug", models.SlugField(db_index=False, max_length=120)),
                ("title", models.CharField(max_length=200)),
                ("names", apps.knowledge.fields.TextArrayField()),
                ("tags", apps.knowledge.fields.TextArrayField()),
                (
                    "verification",
                    models.CharField(
                        choices=[
                            ("unverified", "Unverified"),
                            ("verified", "Verified"),
                            ("disputed", "Disputed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("observed_at", models.DateTimeField(null=True)),
                ("html", models.TextField()),
                ("derivation", models.CharField(max_length=80)),
                ("x", models.FloatField()),
                ("y", models.FloatField()),
                (
                    "updated_at",
                    models.DateTimeField(help_text="When something changed that the public can see."),
                ),
                ("placed_at", models.DateTimeField(help_text="When its place in the graph changed.")),
            ],
            options={
                "db_table": "knowledge_public_note",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["title", "slug"], name="knowledge_public_note_title"),
                    apps.knowledge.fields.GinIndex(
                        fastupdate=False, fields=["names"], name="knowledge_public_note_names"
                    ),
                    apps.knowledge.fields.GinIndex(fields=["tags"], name="knowledge_public_note_tags"),
                ],
                "constraints": [models.UniqueConstraint(fields=("slug",), name="knowledge_public_note_slug")],
            },
        ),
        migrations.CreateModel(
            name="PublicLink",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("position", models.PositiveSmallIntegerField()),
                ("kind", models.CharField(max_length=40)),
                ("anchor", models.CharField(max_length=120)),
                ("updated_at", models.DateTimeField()),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="links",
                        to="knowledge.publicnote",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="linked_from",
                        to="knowledge.publicnote",
                    ),
                ),
            ],
            options={
                "db_table": "knowledge_public_link",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SearchAudit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("asked_by", models.CharField(max_length=150)),
                ("query", models.CharField(max_length=500)),
                ("mode", models.CharField(max_length=6)),
                ("embedder", models.CharField(max_length=60)),
                ("found", models.PositiveIntegerField()),
                ("took_ms", models.FloatField()),
            ],
            options={
                "ordering": ["-at", "-id"],
                "indexes": [models.Index(fields=["-at"], name="knowledge_searchaudit_newest")],
            },
        ),
        migrations.CreateModel(
            name="Gap",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="The `target_key` of the links to it.", max_length=200, unique=True
                    ),
                ),
                ("term", models.CharField(help_text="The name as it is most often written.", max_length=200)),
                ("mentions", models.PositiveIntegerField(help_text="How many notes link to it.")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "open: linked, missing, and nobody has looked at it"),
                            ("accepted", "accepted: somebody means to write it"),
                            ("dismissed", "dismissed: it needs no note"),
                            ("filled", "filled: a note has the name now"),
                            ("unlinked", "unlinked: no note links to it any more"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("opened_at", models.DateTimeField(help_text="When it was found, or found again.")),
                ("changed_at", models.DateTimeField(help_text="Of the status.")),
                ("reviewed_by", models.CharField(blank=True, default="", max_length=150)),
                (
                    "comment",
                    models.TextField(blank=True, default="", help_text="The reviewer's.", max_length=2000),
                ),
                (
                    "note",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.DB_SET_NULL,
                        related_name="filled_gaps",
                        to="knowledge.note",
                    ),
                ),
            ],
            options={
                "ordering": ["-mentions", "key"],
                "indexes": [models.Index(fields=["status", "-mentions"], name="knowledge_gap_worklist")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["open", "accepted", "dismissed", "filled", "unlinked"])
                        ),
                        name="knowledge_gap_status",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("key", ""), _negated=True), name="knowledge_gap_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ["accepted", "dismissed"]), _negated=True),
                            models.Q(("reviewed_by", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="knowledge_gap_review_has_reviewer",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "claim",
                    models.TextField(help_text="The words of the note that are doubted.", max_length=2000),
                ),
                ("reason", models.TextField(max_length=2000)),
                ("revision", models.PositiveIntegerField(help_text="Of the note that was doubted.")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("upheld", "upheld: the note was wrong"),
                            ("rejected", "rejected: the note stands"),
                        ],
                        default="open",
                        max_length=8,
                    ),
                ),
                ("raised_by", models.CharField(max_length=150)),
                ("raised_at", models.DateTimeField()),
                ("settled_by", models.CharField(blank=True, default="", max_length=150)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("resolution", models.TextField(blank=True, default="", max_length=2000)),
                (
                    "note",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="disputes",
                        to="knowledge.note",
                    ),
                ),
            ],
            options={
                "ordering": ["-raised_at", "-id"],
                "indexes": [models.Index(fields=["status", "-raised_at"], name="knowledge_dispute_worklist")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["open", "upheld", "rejected"])),
                        name="knowledge_dispute_status",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("settled_at__isnull", True), ("status", "open")),
                            models.Q(
                                models.Q(("status", "open"), _negated=True),
                                ("settled_at__isnull", False),
                                models.Q(("settled_by", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="knowledge_dispute_settled_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Chunk",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("position", models.PositiveSmallIntegerField(help_text="From 0, in the order of the note.")),
                ("title", models.CharField(help_text="Of the note, and its aliases.", max_length=200)),
                (
                    "section",
                    models.CharField(help_text="Headings above it, outermost first.", max_length=500),
                ),
                (
                    "anchor",
                    models.CharField(
                        help_text="Of the innermost heading, in the page's HTML.", max_length=120
                    ),
                ),
                ("text", models.TextField(help_text="What a reader sees, without markup.")),
                (
                    "search",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Func(
                            models.Func(
                                models.F("title"),
                                template="setweight(to_tsvector('english', %(expressions)s), '%(weight)s')",
                                weight="A",
                            ),
                            models.Func(
                                models.F("section"),
                                template="setweight(to_tsvector('english', %(expressions)s), '%(weight)s')",
                                weight="B",
                            ),
                            models.Func(
                                models.F("text"),
                                template="setweight(to_tsvector('english', %(expressions)s), '%(weight)s')",
                                weight="D",
                            ),
                            arg_joiner=" || ",
                            template="%(expressions)s",
                        ),
                        output_field=apps.knowledge.fields.TextSearchField(),
                    ),
                ),
                (
                    "embedder",
                    models.CharField(
                        help_text="Whose vector it is; vectors of two are never compared.", max_length=60
                    ),
                ),
                ("embedding", apps.knowledge.fields.VectorField()),
                (
                    "note",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="chunks",
                        to="knowledge.note",
                    ),
                ),
            ],
            options={
                "ordering": ["note", "position"],
                "indexes": [apps.knowledge.fields.GinIndex(fields=["search"], name="knowledge_chunk_search")],
                "constraints": [
                    models.UniqueConstraint(fields=("note", "position"), name="knowledge_chunk_position")
                ],
            },
        ),
        migrations.CreateModel(
            name="NoteLink",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("position", models.PositiveSmallIntegerField(help_text="From 0, in the order of the note.")),
                (
                    "kind",
                    models.CharField(
                        default="link", help_text="What the target is to the note.", max_length=40
                    ),
                ),
                ("target", models.CharField(help_text="The name as it was written.", max_length=200)),
                (
                    "target_key",
                    models.CharField(help_text="The name as notes are found by it.", max_length=200),
                ),
                (
                    "anchor",
                    models.CharField(
                        blank=True, default="", help_text="Of the section linked to.", max_length=120
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="links",
                        to="knowledge.note",
                    ),
                ),
            ],
            options={
                "ordering": ["source", "position"],
                "indexes": [models.Index(fields=["target_key"], name="knowledge_notelink_key")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source", "position"), name="knowledge_notelink_position"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("target_key", ""), _negated=True),
                        name="knowledge_notelink_target",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PublicChunk",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("position", models.PositiveSmallIntegerField()),
                ("title", models.CharField(max_length=200)),
                ("section", models.CharField(max_length=500)),
                ("anchor", models.CharField(max_length=120)),
                ("text", models.TextField()),
                ("search", apps.knowledge.fields.TextSearchField()),
                ("embedder", models.CharField(max_length=60)),
                ("embedding", apps.knowledge.fields.VectorField()),
                (
                    "note",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="chunks",
                        to="knowledge.publicnote",
                    ),
                ),
            ],
            options={
                "db_table": "knowledge_public_chunk",
                "default_permissions": (),
                "indexes": [
                    apps.knowledge.fields.GinIndex(fields=["search"], name="knowledge_public_chunk_search")
                ],
            },
        ),
        migrations.CreateModel(
            name="RawInput",
            fields=[
                (
                    "sha256",
                    models.CharField(
                        help_text="Of the content in UTF-8.", max_length=64, primary_key=True, serialize=False
                    ),
                ),
                ("content", models.TextField()),
                ("media_type", models.CharField(default="text/markdown", max_length=80)),
                (
                    "origin",
                    models.CharField(blank=True, default="", help_text="Where it was found.", max_length=500),
                ),
                ("received_from", models.CharField(help_text="Who sent it first.", max_length=150)),
                ("received_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("used", "used: a note was made of it"),
                            ("discarded", "Discarded"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                (
                    "note",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.DB_SET_NULL,
                        related_name="raw_inputs",
                        to="knowledge.note",
                    ),
                ),
            ],
            options={
                "ordering": ["-received_at", "sha256"],
                "indexes": [models.Index(fields=["status", "-received_at"], name="knowledge_raw_worklist")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "sha256",
                                models.Func(
                                    models.F("content"),
                                    template="encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')",
                                ),
                            )
                        ),
                        name="knowledge_raw_is_its_content",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["waiting", "used", "discarded"])),
                        name="knowledge_raw_status",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.LessThanOrEqual(
                            django.db.models.functions.text.Length("content"), 1000000
                        ),
                        name="knowledge_raw_size",
                    ),
                ],
            },
        ),
    ]
