"""The commands of knowledge, and the admin's pages."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from apps.compliance import services as compliance
from apps.compliance.models import Grant, Rule
from apps.knowledge import derivation, disputes, gaps, raw_input, services
from apps.knowledge.content import content_of
from apps.knowledge.models import Chunk, Gap, Note, PublicChunk, PublicNote, SearchAudit
from monolith import entering
from monolith.contracts import forget_decisions

pytestmark = pytest.mark.django_db(databases="__all__")


def run(*arguments: str) -> str:
    output = io.StringIO()
    with entering("knowledge"):
        call_command(*arguments, stdout=output, stderr=output)
    return output.getvalue()


def grant(subject: str) -> None:
    forget_decisions()
    rule = Rule(action="knowledge.publish", right="knowledge.publish", reason="test")
    with entering("compliance"):
        compliance.make_rule(rule, by="command:test")
        compliance.make_grant(
            Grant(subject=subject, right="knowledge.publish", reason="test"), by="command:test"
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.md").write_text("---\nvisibility: public\n---\nOne [[Two]]")
    (tmp_path / "two.md").write_text("Two")
    return tmp_path


def test_a_folder_is_imported(folder: Path) -> None:
    assert run("import_notes", str(folder)).startswith("2 notes new, 0 changed")
    assert run("import_notes", str(folder)).startswith("0 notes new, 0 changed, 2 unchanged")


def test_publishing_is_up_to_the_gate(folder: Path) -> None:
    forget_decisions()
    with pytest.raises(CommandError, match="'one' may not be published; missing"):
        run("import_notes", str(folder), "--publish")
    grant("command:import_notes")
    assert "1 published, 0 ask to be" in run("import_notes", str(folder), "--publish")
    with entering("knowledge"):
        assert [note.slug for note in PublicNote.objects.all()] == ["one"]


def test_what_was_skipped_makes_the_command_fail(folder: Path) -> None:
    (folder / "bad.md").write_text("---\na: [\n---\n")
    with pytest.raises(CommandError, match=r"bad\.md: The front matter is no YAML"):
        run("import_notes", str(folder))
    with pytest.raises(CommandError, match="no folder"):
        run("import_notes", str(folder / "nowhere"))
    (folder / "no.zip").write_text("none")
    with pytest.raises(CommandError, match="no zip archive"):
        run("import_notes", str(folder / "no.zip"))


def test_notes_of_an_older_version_are_derived_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with entering("knowledge"):
        services.create_note(content=content_of(title="One", body="[[Two]]"))
        services.show_note(slug="one")
    assert run("reconcile_notes") == "0 notes derived anew, 0 search records removed\n"
    with entering("knowledge"):
        before = Note.objects.get()
        Note.objects.update(html="", names=[], derivation="0")
        Chunk.objects.all().delete()
    assert run("reconcile_notes") == "1 notes derived anew, 0 search records removed\n"
    with entering("knowledge"):
        after = Note.objects.get()
        assert (after.html, after.names, after.derivation) == (before.html, before.names, before.derivation)
        assert (after.revision, after.updated_at) == (before.revision, before.updated_at)
        assert PublicChunk.objects.count() == 1
        Note.objects.update(derivation="0")
    monkeypatch.setattr(derivation, "MAX_LINKS", 0)
    assert "one: The body has 1 links" in run("reconcile_notes")


def test_old_search_records_are_removed() -> None:
    now = timezone.now()
    with entering("knowledge"):
        for days in (1, 89, 91):
            SearchAudit.objects.create(at=now - timedelta(days=days), query=str(days), found=0, took_ms=1)
    assert run("reconcile_notes") == "0 notes derived anew, 1 search records removed\n"
    with entering("knowledge"):
        assert [record.query for record in SearchAudit.objects.all()] == ["1", "89"]


class TestAdmin:
    @pytest.fixture
    def staff(self, client: Client) -> Client:
        client.force_login(User.objects.create_superuser("keeper", "keeper@example.org", "secret"))
        return client

    @pytest.fixture
    def rows(self) -> Note:
        with entering("knowledge"):
            note = services.create_note(content=content_of(title="One hill", body="[[Two hills]]"))
            gaps.discover_gaps(now=timezone.now())
            raw_input.ingest_raw(text="hill", received_from="user:1", origin="a hill", now=timezone.now())
            disputes.raise_dispute(
                slug="one-hill", claim="hill", reason="no", raised_by="user:1", now=timezone.now()
            )
            SearchAudit.objects.create(at=timezone.now(), query="hill", found=0, took_ms=1)
        return note

    def act(self, client: Client, model: str, action: str, pk: Any) -> bytes:
        form = {"action": action, "_selected_action": [pk]}
        return bytes(client.post(f"/admin/knowledge/{model}/", form, follow=True).content)

    @pytest.mark.usefixtures("rows")
    @pytest.mark.parametrize("model", ["note", "gap", "rawinput", "dispute", "searchaudit"])
    def test_rows_can_be_looked_at_and_not_made_or_edited(self, staff: Client, model: str) -> None:
        listing = staff.get(f"/admin/knowledge/{model}/?q=hill")
        assert listing.status_code == 200
        assert listing.context["cl"].result_count == 1
        assert staff.get(f"/admin/knowledge/{model}/add/").status_code == 403

    def test_a_note_is_published_where_the_gate_allows_it_and_retired(
        self, staff: Client, rows: Note
    ) -> None:
        forget_decisions()
        assert b"may not be published" in self.act(staff, "note", "publish", rows.pk)
        grant("user:*")
        assert b"is public" in self.act(staff, "note", "publish", rows.pk)
        with entering("knowledge"):
            assert PublicNote.objects.exists()
        self.act(staff, "note", "retire", rows.pk)
        with entering("knowledge"):
            assert not PublicNote.objects.exists()

    def test_staff_who_may_only_look_cannot_act(self, client: Client, rows: Note) -> None:
        user = User.objects.create_user("looker", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=["view_note", "view_gap"]))
        client.force_login(user)
        assert b"One hill" in client.get("/admin/knowledge/note/").content
        self.act(client, "note", "publish", rows.pk)
        with entering("knowledge"):
            assert not PublicNote.objects.exists()

    @pytest.mark.usefixtures("rows")
    def test_a_gap_is_reviewed(self, staff: Client) -> None:
        with entering("knowledge"):
            pk = Gap.objects.get().pk
        self.act(staff, "gap", "dismiss", pk)
        with entering("knowledge"):
            assert Gap.objects.get().status == "dismissed"
            Gap.objects.update(status="filled")
        assert b"is filled" in self.act(staff, "gap", "accept", pk)

    def test_a_note_goes_with_all_that_hangs_on_it(self, staff: Client, rows: Note) -> None:
        assert staff.get(f"/admin/knowledge/note/{rows.pk}/change/").status_code == 200
        assert (
            staff.post(f"/admin/knowledge/note/{rows.pk}/delete/", {"post": "yes"}, follow=True).status_code
            == 200
        )
        with entering("knowledge"):
            assert not Note.objects.exists()
            assert not Chunk.objects.exists()
