"""The jobs of all modules in the admin, live, and the record of what was done to them by hand."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.timesince import timesince
from django.views.decorators.http import require_POST, require_safe

from apps.scheduler import queries, services
from apps.scheduler.models import Job, Run, SteeringAction
from monolith import models as framework
from monolith.events import steering as messages_steering
from monolith.jobs import steering, steering_schedules
from monolith.jobs.rows import JobRow
from monolith.jobs.steering_errors import SteeringError

if TYPE_CHECKING:  # Django's own class takes no type argument when the code runs
    _JobAdmin = admin.ModelAdmin[Job]
    _ActionAdmin = admin.ModelAdmin[SteeringAction]
    _RunAdmin = admin.ModelAdmin[Run]
else:
    _JobAdmin = _ActionAdmin = _RunAdmin = admin.ModelAdmin

STEER: Final = "scheduler.steer_job"
PAGE: Final = 50


@admin.register(Job)
class JobAdmin(_JobAdmin):
    """Pages without rows of their own: each asks the modules, through the framework."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", view(self.jobs), name="scheduler_job_changelist"),
            path("run/", view(self.run), name="scheduler_job_run"),
            path("<slug:module>/<int:job_id>/", view(self.job), name="scheduler_job"),
            path("<slug:module>/<int:job_id>/replay/", view(self.replay), name="scheduler_job_replay"),
            path("<slug:module>/<int:job_id>/discard/", view(self.discard), name="scheduler_job_discard"),
        ]

    @method_decorator(require_safe)
    def jobs(self, request: HttpRequest) -> HttpResponse:
        """All modules' schedules, what needs a look, and the newest jobs."""
        self._require(request)
        module, status = request.GET.get("module", ""), request.GET.get("status", "")
        if module not in ("", *steering.modules_here()) or status not in ("", *framework.Job.Status.values):
            raise Http404
        newest = queries.newest_jobs(
            module=module or None, status=status or None, task=None, since=None, before=None, limit=PAGE
        )
        read: dict[str, Callable[[str], Any]] = {
            "schedules": steering_schedules.list_schedules,
            "letters": messages_steering.dead_letters,
            "stuck": steering.stuck_jobs,
            "orphans": steering_schedules.orphans,
        }
        found = {name: queries.everywhere(each, module or None)["items"] for name, each in read.items()}
        return self._page(
            request,
            "jobs",
            title="Jobs",
            **newest,
            **found,
            runs=queries.last_runs(module or None),
            module=module,
            status=status,
            modules=steering.modules_here(),
            statuses=framework.Job.Status.values,
        )

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
            arguments=json.dumps(job.arguments, ensure_ascii=False),
            result=json.dumps(job.result, ensure_ascii=False),
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
class SteeringActionAdmin(_ActionAdmin):
    list_display = ["at", "by", "verb", "module", "job", "task", "outcome"]
    list_filter = ["verb", "module"]
    search_fields = ["by", "task"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(_RunAdmin):
    list_display = ["module", "task", "outcome", "age", "duration", "attempts", "schedule", "error"]
    list_filter = ["outcome", "module"]
    search_fields = ["task"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(ordering="finished_at")
    def age(self, run: Run) -> str:
        return f"{timesince(run.finished_at)} ago"

    def duration(self, run: Run) -> str:
        return f"{run.duration_s:.3f} s"
