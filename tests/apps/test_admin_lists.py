"""What the framework's admin adds to Django's: bounded lists, actions on what is seen, an index with health."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.compliance.models import Grant
from apps.knowledge.models import Dispute, Gap, GapStatus, Note, RawInput
from apps.ships.models import HeatCell
from monolith import entering
from monolith.admin import bounds, pages
from monolith.models import Job
from tests.admin_rows import fill

pytestmark = pytest.mark.django_db(databases="__all__")

CELLS = "/admin/ships/heatcell/"
NOW = datetime.now(UTC)


@pytest.fixture
def keeper(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("keeper"))
    return client


@pytest.fixture
def five_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than are counted."""
    monkeypatch.setattr(bounds, "MAX_COUNTED", 3)
    monkeypatch.setattr(pages, "MAX_COUNTED", 3)
    with entering("ships"):
        HeatCell.objects.bulk_create(HeatCell(row=row, col=1, movers=1) for row in range(5))


def cells() -> int:
    with entering("ships"):
        return HeatCell.objects.count()


@pytest.mark.usefixtures("five_cells")
def test_a_list_counts_no_further_than_its_bound(keeper: Client) -> None:
    with CaptureQueriesContext(connections["ships"]) as asked:
        page = keeper.get(CELLS).content.decode()

    assert "3 or more heat cells" in " ".join(page.split())
    counts = [query["sql"] for query in asked if "COUNT(" in query["sql"]]
    assert len(counts) == 1
    assert "LIMIT 4" in counts[0]


@pytest.mark.usefixtures("five_cells")
def test_no_action_takes_all_of_a_list_whose_end_nobody_saw(keeper: Client) -> None:
    everything = {"action": "delete_selected", "select_across": "1", "_selected_action": ["1"], "post": "yes"}

    refused = keeper.post(CELLS, everything, follow=True).content.decode()
    assert "Nothing was done: these are more than 3 rows." in refused
    assert cells() == 5

    keeper.post(f"{CELLS}?q=4", everything)
    assert cells() == 4


def test_rows_of_jobs_are_looked_at_alone(keeper: Client) -> None:
    assert keeper.get(f"{CELLS}add/").status_code == 403
    with entering("ships"):
        cell = HeatCell.objects.create(row=1, col=1, movers=1)
    page = f"{CELLS}{cell.pk}/change/"
    assert "Close" in keeper.get(page).content.decode()
    assert keeper.post(page, {"movers": "9"}).status_code == 403


def test_an_action_is_offered_on_the_row_itself(keeper: Client) -> None:
    with entering("knowledge"):
        gap = Gap.objects.create(key="alp", term="Alp", mentions=1, opened_at=NOW, changed_at=NOW)
    page = f"/admin/knowledge/gap/{gap.pk}/change/"
    assert "Accept: somebody means to write it" in keeper.get(page).content.decode()

    chosen = {
        "CHANGE_FORM-action": "accept",
        "CHANGE_FORM-select_across": "0",
        "_selected_action": str(gap.pk),
    }
    answer = keeper.post(page, chosen)

    assert answer.status_code == 302, answer.content.decode()
    with entering("knowledge"):
        assert Gap.objects.get().status == GapStatus.ACCEPTED


def test_disputes_are_settled_and_inputs_discarded_from_their_lists(keeper: Client) -> None:
    with entering("knowledge"):
        for model in (Note, Dispute, RawInput):
            fill(model)
        doubts = list(Dispute.objects.order_by("pk").values_list("pk", flat=True))
        waiting = list(RawInput.objects.order_by("pk").values_list("pk", flat=True))

    keeper.post("/admin/knowledge/dispute/", {"action": "reject", "_selected_action": doubts[:2]})
    after = keeper.post(
        "/admin/knowledge/dispute/", {"action": "uphold", "_selected_action": doubts[1:3]}, follow=True
    ).content.decode()
    keeper.post("/admin/knowledge/rawinput/", {"action": "discard", "_selected_action": waiting[:1]})

    assert f"Dispute {doubts[2]} is upheld." in after
    assert f"Dispute {doubts[1]} is upheld." not in after  # it was settled before, and the page says so
    with entering("knowledge"):
        statuses = list(Dispute.objects.order_by("pk").values_list("status", flat=True))
        assert statuses[:3] == ["rejected", "rejected", "upheld"]
        assert RawInput.objects.get(pk=waiting[0]).status == "discarded"
        assert RawInput.objects.get(pk=waiting[1]).status == "waiting"


def test_grants_are_found_by_whether_they_hold(keeper: Client) -> None:
    ends = {"user:1": None, "user:2": NOW + timedelta(days=3), "user:3": NOW - timedelta(days=1)}
    with entering("compliance"):
        for subject, ends_at in ends.items():
            Grant.objects.create(subject=subject, right="ships.ingest", ends_at=ends_at)
    for choice, expected in {"yes": {"user:1", "user:2"}, "soon": {"user:2"}, "no": {"user:3"}}.items():
        page = keeper.get("/admin/compliance/grant/", {"holds": choice}).content.decode()
        assert {subject for subject in ends if f">{subject}<" in page} == expected, choice


def dead_letter(module: str) -> None:
    with entering(module):
        Job.objects.create(
            task="apps.gone",
            arguments={"args": ["{"], "kwargs": {}},
            status="dead",
            message_id=uuid4(),
            finished_at=NOW,
        )


def test_the_index_says_how_each_module_stands(keeper: Client) -> None:
    dead_letter("stars")
    with entering("hikes"):
        Job.objects.create(
            task="apps.gone",
            arguments={"args": [], "kwargs": {}},
            status="ready",
            due_at=NOW - timedelta(hours=3),
        )
    with CaptureQueriesContext(connections["stars"]) as asked:
        page = " ".join(keeper.get("/admin/").content.decode().split())

    assert len(asked) == 1
    stars = page[page.index('id="card-stars"') :]
    assert '<p class="health health-bad"><a href="/admin/scheduler/job/?module=stars">' in stars
    assert "0 ready, 0 unsent; 1 dead letter, 0 dead jobs" in stars
    assert '<p class="health health-warn"><a href="/admin/scheduler/job/?module=hikes">1 ready' in page
    assert "the oldest for 3 h" in page
    assert 'id="card-auth"' in page


def test_the_index_tells_nothing_of_modules_that_the_user_may_not_see(client: Client) -> None:
    dead_letter("stars")
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename="view_walk"))
    client.force_login(staff)

    page = client.get("/admin/").content.decode()

    assert page.count('<section class="card ') == 1
    assert 'id="card-hikes"' in page
    assert "0 ready" in page
    assert "/admin/scheduler/" not in page
    assert 'id="card-stars"' not in page


def test_the_page_of_one_module_lists_its_tables(keeper: Client) -> None:
    page = keeper.get("/admin/hikes/").content.decode()
    assert page.count('<section class="card ') == 1
    assert 'href="/admin/hikes/walk/"' in page


def test_the_index_is_for_staff(client: Client) -> None:
    client.force_login(User.objects.create_user("visitor"))
    assert client.get("/admin/").headers["location"].startswith("/admin/login/")


def test_the_admin_keeps_the_policy_of_all_pages(keeper: Client) -> None:
    for page in ("/admin/", CELLS, "/admin/scheduler/job/"):
        policy = keeper.get(page).headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert policy == keeper.get("/").headers["Content-Security-Policy"]
