"""The admin's index: every module with its tables, what waits in it, and what died there."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse

from monolith.admin.columns import Tone
from monolith.composition import composed
from monolith.jobs.records import fetch
from monolith.jobs.steering import gather, steering

MOST: Final = 1000  # of each kind that is counted: the index tells of trouble, not its exact size
LATE_S: Final = 60.0  # what waits longer is worth a look

_HEALTH: Final = (files("monolith.admin") / "queries" / "health.sql").read_text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What waits in a module and what died there, each counted to MOST."""

    module: str
    ready: int  # jobs that could run, messages of the inbox among them
    unsent: int  # messages that the broker does not have yet
    dead: int  # jobs
    letters: int  # dead letters: jobs that carry a message
    oldest_s: float  # since the oldest of what is ready or unsent could go; 0 when nothing waits

    @property
    def tone(self) -> Tone:
        """Say how it stands: bad with anything dead, worth a look when something waits too long."""
        if self.dead or self.letters:
            return Tone.BAD
        return Tone.WARN if self.oldest_s >= LATE_S else Tone.GOOD

    @property
    def summary(self) -> str:
        """Put it in a line."""
        waiting = f"{_counted(self.ready)} ready, {_counted(self.unsent)} unsent"
        if self.ready or self.unsent:
            waiting += f", the oldest for {duration(self.oldest_s)}"
        return f"{waiting}; {_counted(self.letters, 'dead letter')}, {_counted(self.dead, 'dead job')}"


def health_of(module: str) -> Health:
    """Measure one module with one statement."""
    with steering(module):
        environment = composed().environment.environment
        ready, unsent, dead, letters, oldest_s = fetch(_HEALTH, most=MOST, environment=environment)[0]
    return Health(
        module=module,
        ready=ready,
        unsent=unsent,
        dead=dead,
        letters=letters,
        oldest_s=max(oldest_s or 0.0, 0.0),
    )


def index(request: HttpRequest) -> HttpResponse:
    """Show the modules that the user may see anything of, with one statement for each, and then the host's tables."""
    modules = composed().modules
    apps = admin.site.get_app_list(request)
    seen = [app["app_label"] for app in apps if app["app_label"] in modules]
    measured = gather(lambda module: [health_of(module)], seen)
    health = {each.module: each for each in measured.found}
    details = _details_page(request)
    cards = [
        app
        | {
            "name": modules[name].display_title,
            "summary": modules[name].summary,
            "health": health.get(name),
            "unreachable": measured.unreachable.get(name),
            "details": f"{details}?module={name}" if details else "",
        }
        for app in apps
        if (name := app["app_label"]) in modules
    ]
    cards += [app for app in apps if app["app_label"] not in modules]
    return admin.site.index(request, {"cards": cards})


def _details_page(request: HttpRequest) -> str:
    """Return the address of the page that shows modules' jobs, if there is one that the user may see."""
    for module in composed().modules.values():
        if module.steers_jobs and request.user.has_perm(f"{module.name}.view_job"):
            try:
                return reverse(f"admin:{module.name}_job_changelist")
            except NoReverseMatch:
                return ""
    return ""


def duration(seconds: float) -> str:
    """Return a span of time in its largest unit: 45 s, 12 min, 3 h, 5 days."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _counted(number: int, noun: str = "") -> str:
    counted = f"{number} or more" if number >= MOST else str(number)
    return f"{counted} {noun}{'' if number == 1 else 's'}" if noun else counted
