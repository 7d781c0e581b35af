"""The jobs of all modules in the admin, live, and the record of what was done to them by hand."""

import json
from collections.abc import Callable
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.timesince import timesince
from django.views.decorators.http import require_POST, require_safe

from apps.scheduler import overview, queries, services
from apps.scheduler.models import Job, Run, SteeringAction
from monolith.admin.columns import Tone, badge
from monolith.admin.pages import ReadOnlyAdmin
from monolith.jobs import steering
from monolith.jobs.rows import JobRow
from monolith.jobs.steering_errors import SteeringError

STEER: Final = "scheduler.steer_job"
MAX_DIGITS: Final = 18  # of a job's id: more may not fit the column


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin[Job]):
    """Pages without rows of their own: each asks every module once, through the framework."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.jobs), name="scheduler_job_changelist"),
            path("run/", view(self.run), name="scheduler_job_run"),
            path("letters/", view(self.letters), name="scheduler_job_letters"),
            path("<slug:module>/<int:job_id>/", view(self.job), name="scheduler_job"),
            path("<slug:module>/<int:job_id>/replay/", view(self.replay), name="scheduler_job_replay"),
            path("<slug:module>/<int:job_id>/discard/", view(self.discard), name="scheduler_job_discard"),
        ]

    @method_decorator(require_safe)
    def jobs(self, request: HttpRequest) -> HttpResponse:
        """One view of all modules or of one."""
        self._require(request)
        asked = overview.Asked(
            view=request.GET.get("view", "jobs"),
            module=request.GET.get("module", ""),
            status=request.GET.get("status", ""),
        )
        if not asked.is_known:
            raise Http404
        return self._page(request, f"views/{asked.view}", title=asked.title, **overview.found(asked))

    @method_decorator(require_POST)
    def letters(self, request: HttpRequest) -> HttpResponse:
        """Replay or discard the dead letters that were chosen."""
        self._require(request, STEER)
        steer = {"replay": services.replay, "discard": services.discard}.get(request.POST.get("verb", ""))
        chosen = [_reference(each) for each in request.POST.getlist("letter")]
        if steer is None or None in chosen:
            raise Http404
        by, done = f"user:{request.user.pk}", 0
        for module, job_id in filter(None, chosen):
            try:
                steer(module=module, job=job_id, by=by)
                done += 1
            except SteeringError as error:
                self.message_user(request, f"Not done: {error}", messages.ERROR)
        if done:
            self.message_user(request, f"{done} of {len(chosen)} dead letters: done.", messages.SUCCESS)
        if not chosen:
            self.message_user(request, "Nothing was done: choose dead letters first.", messages.WARNING)
        return redirect(f"{reverse('admin:scheduler_job_changelist')}?view=letters")

    @method_decorator(require_safe)
    def job(self, request: HttpRequest, module: str, job_id: int) -> HttpResponse:
        """One job with arguments, errors and what can be done to it."""
        self._require(request)
        try:
            job, message = steering.show_job(module, job_id), queries.message_of(module, job_id)
        except SteeringError as error:
            raise Http404(str(error)) from error
        return self._page(
            request,
            "job",
            title=f"Job {job.reference}",
            job=job,
            message=message,
            arguments=json.dumps(job.arguments, ensure_ascii=False, indent=2),
            result=json.dumps(job.result, ensure_ascii=False, indent=2),
            can_replay=services.may_replay(job),
            can_discard=job.can_discard,
        )

    @method_decorator(require_POST)
    def replay(self, request: HttpRequest, module: str, job_id: int) -> HttpResponse:
        return self._steered(
            request, "replayed", lambda by: services.replay(module=module, job=job_id, by=by)
        )

    @method_decorator(require_POST)
    def discard(self, request: HttpRequest, module: str, job_id: int) -> HttpResponse:
        return self._steered(
            request, "discarded", lambda by: services.discard(module=module, job=job_id, by=by)
        )

    @method_decorator(require_POST)
    def run(self, request: HttpRequest) -> HttpResponse:
        """Enqueue a job of a schedule's task."""
        task, module = request.POST.get("task", ""), request.POST.get("module", "")
        return self._steered(
            request, "enqueued", lambda by: services.run_schedule_now(task=task, module=module, by=by)
        )

    def _steered(self, request: HttpRequest, done: str, steer: Callable[[str], JobRow]) -> HttpResponse:
        self._require(request, STEER)
        try:
            job = steer(f"user:{request.user.pk}")
        except SteeringError as error:
            self.message_user(request, f"Not done: {error}", messages.ERROR)
            return redirect("admin:scheduler_job_changelist")
        self.message_user(request, f"Job {job.reference} was {done}.", messages.SUCCESS)
        return redirect(reverse("admin:scheduler_job", args=[job.module, job.id]))

    def _require(self, request: HttpRequest, permission: str = "") -> None:
        if not self.has_view_permission(request) or (permission and not request.user.has_perm(permission)):
            raise PermissionDenied

    def _page(self, request: HttpRequest, name: str, **context: Any) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "can_steer": request.user.has_perm(STEER),
        }
        return TemplateResponse(request, f"scheduler/{name}.html", shared | context)


@admin.register(SteeringAction)
class SteeringActionAdmin(ReadOnlyAdmin[SteeringAction]):
    list_display = ["at", "by", "verb", "module", "job", "task", "outcome"]
    list_filter = ["verb", "module"]
    search_fields = ["by", "task"]


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin[Run]):
    list_display = [
        "task",
        "module",
        badge("outcome", {"succeeded": Tone.GOOD, "dead": Tone.BAD}),
        "age",
        "duration",
        "attempts",
        "schedule",
        "error",
    ]
    list_filter = ["outcome", "module"]
    search_fields = ["task"]
    date_hierarchy = "finished_at"

    @admin.display(ordering="finished_at")
    def age(self, run: Run) -> str:
        return f"{timesince(run.finished_at)} ago"

    def duration(self, run: Run) -> str:
        return f"{run.duration_s:.3f} s"


def _reference(text: str) -> tuple[str, int] | None:
    """Return module and id of a job as a page names it: hikes/12."""
    module, _, job_id = text.partition("/")
    is_one = module in steering.modules_here() and job_id.isdecimal() and len(job_id) <= MAX_DIGITS
    return (module, int(job_id)) if is_one else None
