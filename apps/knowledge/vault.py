"""Reading Markdown files out of a folder or a zip archive, within bounds.

Nothing is unpacked to disk. Only the last part of a file's path is used, and only as a name; a path that would lead out
of the archive is refused all the same, because whoever made it meant something else than a vault.
"""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Final

from apps.knowledge.errors import NoteFileError, VaultError

MEGABYTE: Final = 1024 * 1024
SUFFIXES: Final = frozenset({".md", ".markdown"})
MAX_ARCHIVE_BYTES: Final = 10 * MEGABYTE
MAX_FILE_BYTES: Final = MEGABYTE  # more than a note may have, in any alphabet
MAX_TOTAL_BYTES: Final = 50 * MEGABYTE  # unpacked; larger archives take longer than a request may
MAX_FILES: Final = 2_000
MAX_ENTRIES: Final = 10_000  # of an archive, folders and pictures included
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class VaultFile:
    """A file of a vault: its text, or why it has none."""

    path: str
    text: str = ""
    problem: str = ""

    @property
    def stem(self) -> str:
        return PurePosixPath(self.path).stem


def read_folder(folder: Path) -> Iterator[VaultFile]:
    """Yield the Markdown files below a folder by path, hidden ones and links left out.

    Raises VaultError when it is no folder, or has more than MAX_FILES of them.
    """
    if not folder.is_dir():
        raise VaultError(f"{folder} is no folder. Name a folder or a zip archive of Markdown files.")
    files = sorted(
        path for path in folder.rglob("*") if _is_note(path.relative_to(folder)) and path.is_file()
    )
    _check_count(len(files))
    for file in files:
        path = file.relative_to(folder).as_posix()
        if file.resolve() != folder.resolve() / path:
            yield VaultFile(path, problem="It is a link to another file; import that one.")
            continue
        with file.open("rb") as opened:
            yield _decoded(path, opened.read(MAX_FILE_BYTES + 1))


def read_archive(data: bytes) -> Iterator[VaultFile]:
    """Yield the Markdown files of a zip archive by path; one that cannot be read says why.

    Raises VaultError for what is no archive, or one with more than MAX_FILES of them or MAX_TOTAL_BYTES in it.
    """
    if len(data) > MAX_ARCHIVE_BYTES:
        raise VaultError(f"The archive has {len(data)} bytes; split it into some of {MAX_ARCHIVE_BYTES}.")
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except _BROKEN as error:
        raise VaultError(f"This is no zip archive ({error}). Send one of Markdown files.") from error
    with archive:
        entries = archive.infolist()
        if len(entries) > MAX_ENTRIES:
            raise VaultError(f"The archive has {len(entries)} entries; split it into some of {MAX_ENTRIES}.")
        notes = sorted(
            (entry for entry in entries if _is_note(PurePosixPath(entry.filename)) and not entry.is_dir()),
            key=lambda entry: entry.filename,
        )
        _check_count(len(notes))
        yield from _entries(archive, notes)


def _entries(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> Iterator[VaultFile]:
    left = MAX_TOTAL_BYTES
    for entry in entries:
        try:
            data = _entry(archive, entry)
        except NoteFileError as error:
            yield VaultFile(entry.filename, problem=str(error))
            continue
        left -= len(data)
        if left < 0:
            raise VaultError(f"The archive has more than {MAX_TOTAL_BYTES} bytes of notes in it; split it.")
        yield _decoded(entry.filename, data)


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts:
        raise NoteFileError("Its path leads out of the archive.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise NoteFileError("It is a link to another file; put that one into the archive.")
    try:
        with archive.open(entry) as opened:
            # Never more than is allowed, whatever size the archive claims.
            return opened.read(MAX_FILE_BYTES + 1)
    except _BROKEN as error:
        raise NoteFileError(f"It cannot be unpacked: {error}") from error


def _decoded(path: str, data: bytes) -> VaultFile:
    if len(data) > MAX_FILE_BYTES:
        return VaultFile(path, problem=f"It has more than {MAX_FILE_BYTES} bytes.")
    try:
        return VaultFile(path, text=data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return VaultFile(path, problem=f"It is not UTF-8: {error}")


def _is_note(path: Path | PurePosixPath) -> bool:
    hidden = any(part.startswith(".") and part != ".." for part in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden and "__MACOSX" not in path.parts


def _check_count(files: int) -> None:
    if files > MAX_FILES:
        raise VaultError(f"There are {files} Markdown files; import at most {MAX_FILES} at once.")
