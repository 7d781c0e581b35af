"""The framework's own tools: the map of modules, the way of a call or a message, dead letters and stuck jobs."""

from typing import Annotated

from pydantic import Field

from monolith.composition import composed
from monolith.contracts.contract import Contract
from monolith.contracts.message_registry import message_types
from monolith.contracts.registry import contracts
from monolith.contracts.schema import Schema, UtcDatetime
from monolith.contracts.scope import call_scope
from monolith.events import steering as events
from monolith.events.registry import subscribers_by_type
from monolith.jobs import steering as jobs
from monolith.jobs.steering_errors import SteeringError
from monolith.tools.errors import ToolRefused
from monolith.tools.offer import Tag, prompt, tool
from monolith.tools.pages import Limit
from monolith.tools.refusals import refusing

Module = Annotated[str, Field(max_length=63)]
JobName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,63}/[0-9]{1,18}$")]


class ModuleShown(Schema):
    """One module of the system."""

    name: str
    title: str
    summary: str
    here: bool
    """Whether this process has it."""
    requires: list[str]
    provides: list[str]
    publishes: list[str]
    subscribes: list[str]


class Step(Schema):
    """One step on the way of a call or a message."""

    module: str
    what: str


class Route(Schema):
    """What happens between a module and what it calls or tells."""

    name: str
    kind: str
    steps: list[Step]


class Letter(Schema):
    """A message that a subscriber could not handle."""

    job: str
    """By which it is named elsewhere: module and number."""
    type: str
    subscriber: str
    key: str
    since: UtcDatetime
    error: str
    """The kind of the last error; its text is in the admin."""


class Letters(Schema):
    """The dead letters of the modules that could be asked."""

    letters: list[Letter]
    unreachable: list[str]
    """Modules whose database does not answer: there may be more."""


class Stuck(Schema):
    """A job that should have run, or ended, by now."""

    job: str
    task: str
    reason: str
    since: UtcDatetime | None


class StuckJobs(Schema):
    """The stuck jobs of the modules that could be asked."""

    jobs: list[Stuck]
    unreachable: list[str]
    """Modules whose database does not answer: there may be more."""


class Replayed(Schema):
    """A job that runs again."""

    job: str
    status: str


@tool(tag=Tag.READ, from_users=False)
def list_modules() -> list[ModuleShown]:
    """List the modules of the system: what each provides, requires, publishes and subscribes to."""
    composition = composed()
    return [
        ModuleShown(
            name=name,
            title=module.display_title,
            summary=module.summary,
            here=name in composition.modules,
            requires=list(module.requires),
            provides=[label for contract in contracts()[name] for label in _labels(contract)],
            publishes=sorted(known for known in message_types() if known.startswith(f"{name}.")),
            subscribes=sorted(subscribers_by_type(name)) if name in composition.modules else [],
        )
        for name, module in composition.declared.items()
    ]


def _labels(contract: Contract) -> list[str]:
    return [operation.label for operation in contract.operations.values()]


@tool(tag=Tag.READ, from_users=False)
def explain_route(*, name: Annotated[str, Field(max_length=200)]) -> Route:
    """Explain which way a call (knowledge.search) or a message (knowledge.NoteChanged) takes between modules."""
    for versions in contracts().values():
        for contract in versions:
            for operation in contract.operations.values():
                if operation.label == name:
                    return Route(name=name, kind=str(operation.kind), steps=_steps_of_call(operation.module))
    if name in message_types():
        return Route(name=name, kind=str(message_types()[name].kind), steps=_steps_of_message(name))
    raise ToolRefused(f"There is no operation and no message called {name!r}; list_modules names them.")


def _steps_of_call(owner: str) -> list[Step]:
    composition = composed()
    steps = [
        Step(module=name, what="may call it: it lists the owner in `requires`")
        for name, module in composition.declared.items()
        if owner in module.requires
    ]
    if owner in composition.modules:
        return [*steps, Step(module=owner, what="answers in this process, as its own role")]
    where = "by HTTP" if owner in composition.remotes else "nowhere that this process knows"
    return [*steps, Step(module=owner, what=f"answers {where}")]


def _steps_of_message(name: str) -> list[Step]:
    publisher = name.partition(".")[0]
    steps = [
        Step(module=publisher, what="writes it to its outbox, in the transaction of the change"),
        Step(module=publisher, what="its relay gives it to the broker"),
    ]
    steps += [
        Step(module=module, what=f"keeps it in its inbox and runs {subscriber.module_path}")
        for module in composed().modules
        for subscriber in subscribers_by_type(module).get(name, ())
    ]
    if message_types()[name].external:
        steps.append(Step(module=publisher, what="lets others outside the system listen"))
    return steps


@tool(tag=Tag.READ, from_users=False)
def list_dead_letters(*, module: Module = "", limit: Limit = 50) -> Letters:
    """List messages that subscribers gave up on, which hold up what follows them in order."""
    _require_oversight()
    with refusing(SteeringError):
        gathered = jobs.gather(lambda name: events.dead_letters(name, limit=limit), _named(module))
    letters = [
        Letter(
            job=letter.reference,
            type=letter.type,
            subscriber=letter.subscriber,
            key=letter.key,
            since=letter.died_at,
            error=letter.error,
        )
        for letter in gathered.found[:limit]
    ]
    return Letters(letters=letters, unreachable=sorted(gathered.unreachable))


@tool(tag=Tag.RESTRICTED, from_users=False)
def replay_dead_letter(*, job: JobName) -> Replayed:
    """Let a dead letter run again, named by its module and number as list_dead_letters has it."""
    _require_oversight()
    module, _, number = job.partition("/")
    with refusing(SteeringError):
        row = events.replay(module, int(number))
    return Replayed(job=job, status=row.status)


@tool(tag=Tag.READ, from_users=False)
def list_stuck_jobs(*, module: Module = "", limit: Limit = 50) -> StuckJobs:
    """List jobs that run past their lease, or were due long ago."""
    _require_oversight()
    with refusing(SteeringError):
        gathered = jobs.gather(lambda name: jobs.stuck_jobs(name, limit=limit), _named(module))
    stuck_jobs = [
        Stuck(
            job=stuck.job.reference,
            task=stuck.job.task,
            reason=stuck.reason,
            since=stuck.since,
        )
        for stuck in gathered.found[:limit]
    ]
    return StuckJobs(jobs=stuck_jobs, unreachable=sorted(gathered.unreachable))


def _require_oversight() -> None:
    """Refuse a tenant's token: jobs and messages stand here with those of all tenants, keys and errors included."""
    if call_scope().tenant:
        raise ToolRefused("Jobs and messages of all tenants are for tokens that are made for no tenant.")


def _named(module: str) -> list[str] | None:
    return [module] if module else None


@prompt(tools=("monolith_list_dead_letters", "monolith_explain_route"))
def explain_dead_letter(*, job: str) -> str:
    """Explain why a message could not be handled and what can be done about it; `job` is as in list_dead_letters."""
    return f"""Explain the dead letter {job} of this system to the person who runs it.

1. Find it with monolith_list_dead_letters: its type, its subscriber, its key, since when, and the kind of error.
2. Ask monolith_explain_route for its type: who publishes it, and what each subscriber does with it.
3. Say in plain words what did not happen because of it. Letters of the same key wait behind it, unless its subscriber
   skips what fails: list those too.
4. Say which of these fits, and why: the cause was passing, so replay it; the code has to be mended first, and then
   replay it; nobody needs it any more, so discard it in the admin.

Do not replay it yourself unless you are asked to. A person has to confirm that in any case."""


@prompt(tools=("monolith_list_modules", "monolith_list_stuck_jobs", "monolith_list_dead_letters"))
def report_health() -> str:
    """Report what is stuck or has failed in the system, what matters most first."""
    return """Report how the work of this system goes, in at most ten lines for the person who runs it.

Call monolith_list_modules once for what the modules are, then monolith_list_stuck_jobs and monolith_list_dead_letters.
Put what holds others up first: a dead letter parks the messages of its key, a stuck job keeps a worker busy. Group what
has the same cause. For each group name the module, how many and since when, and one next step. If there is nothing, say
so in one line."""
