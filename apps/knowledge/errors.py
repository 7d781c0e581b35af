"""What can go wrong in knowledge, each with what to do about it.

KnowledgeError
├── NoteFileError          a file cannot be read as a note
├── VaultError             a folder or archive cannot be read as notes at all
├── NoteRefusedError       what was sent is no note; names the field
├── NoteNotFoundError      no note has that slug
├── NoteExistsError        another note has that slug
├── RevisionConflictError  the note was changed since it was read
├── PublishingRefusedError the gate does not let it be published
├── RawInputRefusedError   what was sent as raw input cannot be stored
├── RawInputNotFoundError  no raw input has that checksum
├── GapNotFoundError       no gap has that key
├── GapClosedError         the gap is filled or unlinked, there is nothing to review
├── DisputeNotFoundError   no dispute has that number
└── DisputeSettledError    the dispute was settled before
"""

from collections.abc import Sequence


class KnowledgeError(Exception):
    """Base of every error that knowledge raises."""


class NoteFileError(KnowledgeError):
    """A file cannot be read as a note; the message says why and what would help."""


class VaultError(KnowledgeError):
    """A folder or archive cannot be read as notes at all; nothing was imported."""


class NoteRefusedError(KnowledgeError):
    """What was sent is no note."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class NoteNotFoundError(KnowledgeError):
    """No note has that slug."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"No note is called '{slug}'. GET /api/knowledge/vault/notes lists those there are.")


class NoteExistsError(KnowledgeError):
    """Another note has that slug."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        super().__init__(f"There is a note '{slug}' already. Edit that one, or choose another slug.")


class RevisionConflictError(KnowledgeError):
    """The note was changed since the caller read it."""

    def __init__(self, slug: str, *, seen: int, current: int) -> None:
        self.slug, self.current = slug, current
        super().__init__(
            f"'{slug}' is at revision {current}, and this was asked of revision {seen}. "
            "Read it again and redo the edit."
        )


class PublishingRefusedError(KnowledgeError):
    """The gate does not let the note be published."""

    def __init__(self, slug: str, *, missing: Sequence[str]) -> None:
        self.slug, self.missing = slug, tuple(missing)
        super().__init__(f"'{slug}' may not be published; missing: {', '.join(missing)}.")


class RawInputRefusedError(KnowledgeError):
    """What was sent as raw input cannot be stored; the message says why."""


class RawInputNotFoundError(KnowledgeError):
    """No raw input has that checksum."""

    def __init__(self, sha256: str) -> None:
        self.sha256 = sha256
        super().__init__(
            f"No raw input has the SHA-256 '{sha256}'. GET /api/knowledge/vault/raw lists those there are."
        )


class GapNotFoundError(KnowledgeError):
    """No gap has that key."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"No gap has the key '{key}'. GET /api/knowledge/vault/gaps lists those there are.")


class GapClosedError(KnowledgeError):
    """The gap is filled or unlinked: there is nothing to review."""

    def __init__(self, key: str, *, status: str) -> None:
        self.key, self.status = key, status
        super().__init__(
            f"The gap '{key}' is {status}. It opens again when it is linked and missing once more."
        )


class DisputeNotFoundError(KnowledgeError):
    """No dispute has that number."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(
            f"There is no dispute {number}. GET /api/knowledge/vault/disputes lists those there are."
        )


class DisputeSettledError(KnowledgeError):
    """The dispute was settled before, and stays so."""

    def __init__(self, number: int, *, status: str) -> None:
        self.number, self.status = number, status
        super().__init__(f"Dispute {number} was settled as {status}. Raise a new one if there is new doubt.")
