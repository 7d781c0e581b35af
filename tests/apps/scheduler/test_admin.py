"""The admin pages of scheduler: live, and only as far as permissions go."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.scheduler import overview
from apps.scheduler.models import SteeringAction
from monolith import entering
from monolith.composition import composed
from monolith.models import Job, OutboxMessage
from tests.apps.scheduler.conftest import TASK, MakeJob

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("scheduled")]

PAGE = "/admin/scheduler/job/"
UNREADABLE = {"args": ["{"], "kwargs": {}}


def test_the_page_shows_jobs_schedules_and_what_needs_a_look(viewer: Client, make_job: MakeJob) -> None:
    stuck = make_job("stars", due_at=datetime.now(UTC) - timedelta(hours=1))
    make_job("hikes", task="apps.hikes.tasks.gone")

    def shown(view: str, **choices: str) -> str:
        return viewer.get(PAGE, {"view": view, **choices}).content.decode()

    assert f'href="{PAGE}stars/{stuck.pk}/"' in shown("jobs")
    assert f'href="{PAGE}stars/{stuck.pk}/"' in shown("stuck")
    assert "not_claimed" in shown("stuck")
    assert "apps.hikes.tasks.gone" in shown("orphans")
    assert "apps.hikes.tasks.gone" not in shown("orphans", module="stars")
    assert "every 1 hour" in shown("schedules")
    assert "Run now" not in shown("schedules")
    for unknown in ({"module": "nowhere"}, {"view": "nothing"}, {"status": "lost"}):
        assert viewer.get(PAGE, unknown).status_code == 404


@pytest.mark.parametrize("view", overview.VIEWS)
def test_a_view_asks_each_module_once(view: str, viewer: Client, make_job: MakeJob) -> None:
    late = datetime.now(UTC) - timedelta(hours=1)
    for module in composed().modules:
        for _ in range(3):
            make_job(module, due_at=late)
            make_job(module, task="apps.gone", status="dead", message_id=uuid4(), arguments=UNREADABLE)
            with entering(module):
                OutboxMessage.objects.create(
                    id=uuid4(),
                    type="a.B",
                    partition_key="k",
                    environment=composed().environment.environment,
                    envelope="{}",
                    status="ready",
                )

    with ExitStack() as stack:
        asked = [stack.enter_context(CaptureQueriesContext(connections[alias])) for alias in connections]
        assert viewer.get(PAGE, {"view": view}).status_code == 200

    counts = {each.connection.alias: len(each) for each in asked}
    assert sum(counts.values()) <= 20, counts


def test_chosen_dead_letters_are_discarded_together(operator: Client, make_job: MakeJob) -> None:
    letters = [make_job("stars", status="dead", message_id=uuid4(), arguments=UNREADABLE) for _ in range(2)]
    left = make_job("hikes", status="dead", message_id=uuid4(), arguments=UNREADABLE)
    chosen = [f"stars/{each.pk}" for each in letters]
    page = operator.get(PAGE, {"view": "letters"}).content.decode()
    assert f'value="{chosen[0]}"' in page

    after = operator.post(
        f"{PAGE}letters/", {"verb": "discard", "letter": chosen}, follow=True
    ).content.decode()

    assert "2 of 2 dead letters: done." in after
    assert chosen[0] not in after
    assert f"hikes/{left.pk}" in after
    assert operator.post(f"{PAGE}letters/", {"verb": "discard", "letter": ["nowhere/1"]}).status_code == 404
    assert operator.post(f"{PAGE}letters/", {"verb": "drop", "letter": chosen}).status_code == 404
    assert (
        operator.post(f"{PAGE}letters/", {"verb": "replay", "letter": ["stars/" + "9" * 30]}).status_code
        == 404
    )
    nothing = operator.post(f"{PAGE}letters/", {"verb": "discard"}, follow=True).content.decode()
    assert "choose dead letters first" in nothing
    again = operator.post(f"{PAGE}letters/", {"verb": "discard", "letter": chosen[:1]}, follow=True)
    assert "Not done:" in again.content.decode()


def test_a_dead_letter_is_replayed_from_its_page(operator: Client, make_job: MakeJob) -> None:
    error = {"type": "builtins.LookupError", "traceback": "<nothing there>", "at": "now", "worker": "w"}
    job = make_job("stars", status="dead", errors=[error])
    page = f"{PAGE}stars/{job.pk}/"

    text = operator.get(page).content.decode()
    assert "&lt;nothing there&gt;" in text
    assert f'action="{page}replay/"' in text
    after = operator.post(f"{page}replay/", follow=True).content.decode()

    assert f"Job stars/{job.pk} was replayed." in after
    assert "Replay" not in after
    with entering("stars"):
        assert Job.objects.get().status == "ready"
    operator_id = User.objects.get().pk
    with entering("scheduler"):
        assert SteeringAction.objects.get().by == f"user:{operator_id}"


def test_a_schedule_is_run_now_and_a_job_discarded(operator: Client) -> None:
    after = operator.post(f"{PAGE}run/", {"task": TASK, "module": "stars"}, follow=True)
    assert "was enqueued." in after.content.decode()
    with entering("stars"):
        job = Job.objects.get()
    operator.post(f"{PAGE}stars/{job.pk}/discard/")
    with entering("stars"):
        assert Job.objects.get().status == "discarded"


def test_what_cannot_be_done_says_why(operator: Client, make_job: MakeJob) -> None:
    job = make_job("stars", status="running")
    after = operator.post(f"{PAGE}stars/{job.pk}/discard/", follow=True).content.decode()
    assert f"Not done: stars/{job.pk} is running" in after
    after = operator.post(
        f"{PAGE}run/", {"task": "apps.stars.services.slug_of"}, follow=True
    ).content.decode()
    assert "No module here has a task" in after


def test_nothing_is_done_without_permission(viewer: Client, make_job: MakeJob) -> None:
    job = make_job("stars", status="dead")
    text = viewer.get(f"{PAGE}stars/{job.pk}/").content.decode()
    assert "Replay" not in text
    assert viewer.post(f"{PAGE}stars/{job.pk}/replay/").status_code == 403
    assert viewer.post(f"{PAGE}run/", {"task": TASK}).status_code == 403
    assert viewer.post(f"{PAGE}letters/", {"verb": "discard"}).status_code == 403


def test_nothing_is_seen_without_permission(staff: Client, make_job: MakeJob) -> None:
    job = make_job("stars")
    assert staff.get(PAGE).status_code == 403
    assert staff.get(f"{PAGE}stars/{job.pk}/").status_code == 403


def test_nothing_is_done_by_a_forged_request(make_job: MakeJob) -> None:
    job = make_job("stars", status="dead")
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("keeper"))
    assert client.post(f"{PAGE}stars/{job.pk}/replay/").status_code == 403
    assert client.get(f"{PAGE}stars/{job.pk}/replay/").status_code == 405


def test_the_record_is_read_only(make_job: MakeJob, client: Client) -> None:
    client.force_login(User.objects.create_superuser("keeper"))
    client.post(f"{PAGE}run/", {"task": TASK, "module": "stars"})
    assert TASK in client.get("/admin/scheduler/steeringaction/").content.decode()
    assert client.get("/admin/scheduler/steeringaction/add/").status_code == 403
    assert "Jobs" in client.get("/admin/").content.decode()
