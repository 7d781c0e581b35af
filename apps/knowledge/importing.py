"""Files of a vault as notes. Runs as knowledge: enter the module first.

A file is the note that its front matter's `slug` names, or else its file name. The same file again changes nothing. A
file that changed changes its note, unless that was edited here meanwhile: people's edits are not overwritten unasked. A
file that cannot be read is reported and leaves its note as it is; a file that is gone leaves its note where it is. An
import never publishes: what asks to be public is reported, and published by who may.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.knowledge.content import Content, checked_slug, content_of
from apps.knowledge.embeddings.port import Embedder
from apps.knowledge.errors import KnowledgeError, NoteFileError
from apps.knowledge.front_matter import FrontMatter, read_front_matter
from apps.knowledge.markdown import first_heading
from apps.knowledge.models import Note, Visibility
from apps.knowledge.names import slug_of
from apps.knowledge.services import create_note, retire_note, write_note
from apps.knowledge.vault import VaultFile


@dataclass(slots=True)
class ImportReport:
    """What became of each file, by slug or, where it has none, by path."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)  # its file says that it is private
    to_publish: list[str] = field(default_factory=list)  # its file asks to be public, and it is not
    skipped: dict[str, str] = field(default_factory=dict)  # by path: why
    left: int = 0  # files that the time did not suffice for; the same import goes on with them


@dataclass(frozen=True, slots=True)
class NoteFile:
    """A file of a vault, read."""

    slug: str
    content: Content
    front_matter: FrontMatter


def import_notes(
    files: Iterable[VaultFile],
    *,
    overwrite: bool = False,
    budget_s: float = math.inf,
    embedder: Embedder | None = None,
) -> ImportReport:
    """Store each file as a note, in a transaction of its own; a file that cannot be stored stops no other.

    `overwrite` lets files win over edits that were made here. After `budget_s` seconds no further file is begun.
    `embedder` is the one of new notes.
    Raises VaultError where the files end it.
    """
    report = ImportReport()
    taken: dict[str, str] = {}  # slug to the path it came from
    ends = time.monotonic() + budget_s
    for file in files:
        if time.monotonic() > ends:
            report.left += 1
            continue
        try:
            read = read_file(file)
            if (other := taken.setdefault(read.slug, file.path)) != file.path:
                raise NoteFileError(
                    f"It has the slug '{read.slug}' of {other}; give one a slug in its front matter."
                )
            _import(read, report, overwrite=overwrite, embedder=embedder)
        except KnowledgeError as error:
            report.skipped[file.path] = str(error)
    return report


def read_file(file: VaultFile) -> NoteFile:
    """Return a file as a note. Raises NoteFileError or NoteRefusedError with the reason when it is none."""
    if file.problem:
        raise NoteFileError(file.problem)
    front_matter, body = read_front_matter(file.text)
    content = content_of(
        title=front_matter.title or first_heading(body) or file.stem,
        body=body,
        tags=front_matter.tags,
        aliases=front_matter.aliases,
        observed_at=front_matter.observed_at,
    )
    return NoteFile(checked_slug(front_matter.slug or slug_of(file.stem)), content, front_matter)


def _import(file: NoteFile, report: ImportReport, *, overwrite: bool, embedder: Embedder | None) -> None:
    verification = file.front_matter.verification
    note = Note.objects.filter(slug=file.slug).first()
    if note is None:
        note = create_note(
            slug=file.slug,
            content=file.content,
            verification=verification,
            imported=True,
            embedder=embedder,
        )
        report.created.append(file.slug)
    elif note.imported_hash == file.content.hash and not overwrite:
        report.unchanged.append(file.slug)
    else:
        revision = note.revision
        if not overwrite:
            _check_not_edited(note, file.content)
        note = write_note(note, file.content, verification=verification, imported=True)
        (report.unchanged if note.revision == revision else report.changed).append(file.slug)
    _follow_visibility(note, file.front_matter.visibility, report)


def _check_not_edited(note: Note, content: Content) -> None:
    if note.content_hash not in (note.imported_hash, content.hash):
        raise NoteFileError(
            f"The note '{note.slug}' was written or edited here. Bring that into the file, "
            "or import with overwrite."
        )


def _follow_visibility(note: Note, wanted: Visibility | None, report: ImportReport) -> None:
    if wanted == Visibility.PRIVATE and note.visibility == Visibility.PUBLIC:
        retire_note(slug=note.slug)
        report.retired.append(note.slug)
    elif wanted == Visibility.PUBLIC and note.visibility == Visibility.PRIVATE:
        report.to_publish.append(note.slug)
