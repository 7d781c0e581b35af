"""Folders and archives: what is imported, what is refused, and that nothing is lost."""

import io
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from apps.knowledge import importing, services, vault
from apps.knowledge.errors import VaultError
from apps.knowledge.importing import ImportReport, import_notes
from apps.knowledge.models import Chunk, Note, NoteLink, PublicNote
from apps.knowledge.vault import VaultFile, read_archive, read_folder

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("in_knowledge")]


def packed(files: dict[str, str | bytes], **options: Any) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def imported(files: dict[str, str] | None = None, /, *, overwrite: bool = False, **more: str) -> ImportReport:
    return import_notes(
        [VaultFile(f"{name}.md", text) for name, text in {**(files or {}), **more}.items()],
        overwrite=overwrite,
    )


def test_files_become_private_notes_with_links_and_chunks() -> None:
    report = imported(relay="---\ntags: [Events]\n---\n# The relay\n\nSee [[outbox]].\n\n## More\n\nText.")
    assert report.created == ["relay"]
    note = Note.objects.get()
    assert (note.slug, note.title, note.tags, note.visibility) == (
        "relay",
        "The relay",
        ["events"],
        "private",
    )
    assert note.names == ["relay", "the-relay"]
    assert [link.target_key for link in NoteLink.objects.all()] == ["outbox"]
    assert [chunk.section for chunk in Chunk.objects.all()] == ["", "More"]


@pytest.mark.parametrize(
    ("text", "slug", "title"),
    [
        ("Text", "a-file", "A file"),
        ("# Heading\n", "a-file", "Heading"),
        ("---\ntitle: Said\n---\n# Heading\n", "a-file", "Said"),
        ("---\nslug: other\n---\nText", "other", "A file"),
    ],
)
def test_a_note_is_named_by_its_head_or_its_file(text: str, slug: str, title: str) -> None:
    import_notes([VaultFile("folder/A file.md", text)])
    assert list(Note.objects.values_list("slug", "title")) == [(slug, title)]


def test_the_same_again_changes_nothing() -> None:
    files = {"one": "# One\n[[two]]", "two": "---\ntags: [a]\nobserved_at: 2026-05-01\n---\nTwo"}
    imported(files)
    before = list(Note.objects.order_by("slug").values()), set(Chunk.objects.values_list("id"))
    report = imported(files)
    assert (report.created, report.changed, report.unchanged) == ([], [], ["one", "two"])
    assert (list(Note.objects.order_by("slug").values()), set(Chunk.objects.values_list("id"))) == before


def test_a_file_that_changed_changes_its_note() -> None:
    imported(one="First [[a]]")
    assert imported(one="Second [[b]]").changed == ["one"]
    note = Note.objects.get()
    assert (note.body, note.revision) == ("Second [[b]]", 2)
    assert [link.target for link in NoteLink.objects.all()] == ["b"]
    assert [chunk.text for chunk in Chunk.objects.all()] == ["Second b"]


def test_what_was_edited_here_is_not_overwritten_unasked() -> None:
    imported(one="First")
    services.edit_note(slug="one", revision=1, body="Edited")
    assert imported(one="First").unchanged == ["one"]
    assert "edited here" in imported(one="Second").skipped["one.md"]
    assert Note.objects.get().body == "Edited"
    assert imported(one="Second", overwrite=True).changed == ["one"]
    assert Note.objects.get().body == "Second"


def test_what_was_written_here_is_not_overwritten_unasked() -> None:
    imported(one="First")
    Note.objects.update(imported_hash="")
    assert imported(one="First").unchanged == ["one"]  # from now on it follows the file
    assert imported(one="Second").changed == ["one"]


def test_a_file_that_cannot_be_read_leaves_its_note_and_stops_no_other() -> None:
    imported(one="First")
    report = imported(one="---\ntitle: [\n---\nSecond", two="Two", three="x" * 200_001)
    assert report.created == ["two"]
    assert list(report.skipped) == ["one.md", "three.md"]
    assert Note.objects.get(slug="one").body == "First"


def test_nothing_to_import_wipes_nothing() -> None:
    imported(one="First")
    assert imported() == ImportReport()
    assert imported(two="Two").created == ["two"]
    assert Note.objects.count() == 2


def test_two_files_of_one_name_are_one_note_and_a_report() -> None:
    report = import_notes([VaultFile("a/readme.md", "A"), VaultFile("b/README.md", "B")])
    assert report.created == ["readme"]
    assert "a/readme.md" in report.skipped["b/README.md"]


def test_a_name_without_letters_needs_a_slug() -> None:
    assert "slug" in import_notes([VaultFile("富士山.md", "Text")]).skipped["富士山.md"]


def test_an_import_never_publishes_and_takes_back_when_told() -> None:
    report = imported(one="---\nvisibility: public\n---\nText")
    assert (report.to_publish, PublicNote.objects.count()) == (["one"], 0)
    services.show_note(slug="one")
    assert imported(one="Text").retired == []  # it does not say
    assert PublicNote.objects.count() == 1
    assert imported(one="---\nvisibility: private\n---\nText").retired == ["one"]
    assert PublicNote.objects.count() == 0


def test_time_that_is_up_leaves_the_rest_for_the_next_import() -> None:
    files = [VaultFile(f"{number}.md", "Text") for number in range(3)]
    assert import_notes(files, budget_s=-1) == ImportReport(left=3)
    assert import_notes(files).created == ["0", "1", "2"]


def test_a_folder_is_read_without_what_is_hidden_or_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    for path in ("b.md", "sub/a.MD", ".git/c.md", ".hidden.md", "picture.png"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("Text")
    (tmp_path / "secret.md").write_text("Secret")
    (folder / "link.md").symlink_to(tmp_path / "secret.md")
    (folder / "latin.md").write_bytes("Größe".encode("latin-1"))
    (folder / "large.md").write_bytes(b"x" * (vault.MAX_FILE_BYTES + 1))
    (folder / "folder.md").mkdir()
    files = {file.path: file for file in read_folder(folder)}
    assert {path for path, file in files.items() if not file.problem} == {"b.md", "sub/a.MD"}
    assert "link" in files["link.md"].problem
    assert "UTF-8" in files["latin.md"].problem
    assert "bytes" in files["large.md"].problem
    assert len(files) == 5


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="no folder"):
        list(read_folder(tmp_path / "nowhere"))


def test_an_archive_is_read_without_what_is_hidden() -> None:
    names = ["vault/b.md", "vault/a.markdown", "vault/.obsidian/c.md", "__MACOSX/d.md", "vault/e.png"]
    files = list(read_archive(packed(dict.fromkeys(names, "\ufeffText"))))
    assert [(file.path, file.text) for file in files] == [
        ("vault/a.markdown", "Text"),
        ("vault/b.md", "Text"),
    ]


@pytest.mark.parametrize("path", ["../up.md", "a/../../up.md", "/etc/cron.md", "//host/x.md"])
def test_a_path_that_leads_out_of_the_archive_is_refused(path: str) -> None:
    (file,) = read_archive(packed({path: "Text"}))
    assert "out of the archive" in file.problem


def test_a_link_in_an_archive_is_refused() -> None:
    entry = zipfile.ZipInfo("passwords.md")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    (file,) = read_archive(data.getvalue())
    assert "link" in file.problem


def test_a_bomb_is_read_no_further_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = packed({"bomb.md": b"x" * (20 * vault.MAX_FILE_BYTES)})
    (file,) = read_archive(bomb)
    assert "more than" in file.problem
    monkeypatch.setattr(vault, "MAX_TOTAL_BYTES", 2_500)
    with pytest.raises(VaultError, match="split it"):
        list(read_archive(packed({f"{number}.md": "x" * 1_000 for number in range(3)})))


def test_an_archive_that_lies_about_a_size_is_found_out() -> None:
    data = bytearray(packed({"bomb.md": b"x" * (20 * vault.MAX_FILE_BYTES)}))
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 10)
    (file,) = read_archive(bytes(data))
    assert file.problem or len(file.text) <= 10


def test_a_damaged_file_stops_no_other() -> None:
    data = bytearray(packed({"a.md": "first " * 50, "b.md": "second"}))
    start = data.index(b"a.md") + 4
    data[start : start + 8] = b"\xff" * 8
    first, second = read_archive(bytes(data))
    assert "cannot be unpacked" in first.problem
    assert second.text == "second"


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("MAX_FILES", 1, "2 Markdown files"),
        ("MAX_ENTRIES", 1, "2 entries"),
        ("MAX_ARCHIVE_BYTES", 10, "bytes"),
    ],
)
def test_more_than_can_be_imported_is_refused_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, reason: str
) -> None:
    monkeypatch.setattr(vault, limit, value)
    with pytest.raises(VaultError, match=reason):
        list(read_archive(packed({"a.md": "A", "b.md": "B"})))


def test_what_services_refuse_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert importing.read_file(VaultFile("a.md", "Text")).slug == "a"
    report = imported(many="[[a]] " * 1_001)
    assert "1001 links" in report.skipped["many.md"]
