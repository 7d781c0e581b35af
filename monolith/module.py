"""What a module is: plain data and dotted names, read by settings before Django is ready."""

import enum
import re
from dataclasses import dataclass, field
from typing import Final

PLATFORM: Final = "platform"
"""The name that Django's own tables go by: auth, sessions, content types, admin."""

BROKER: Final = "broker"
"""The schema of the PostgreSQL broker's tables, which is there whether or not that broker is the one in use."""

FRAMEWORK_LABEL: Final = "monolith"
"""The app label of the framework's own tables, of which every module's schema holds a set."""

# Labels of the apps that the host installs beside the modules: two of one label cannot be loaded.
HOST_LABELS: Final = frozenset(
    {
        "admin",
        "auth",
        "contenttypes",
        "django_pgschemas",
        "django_q",
        "messages",
        "monolith_tools",
        "ninja",
        "sessions",
        "staticfiles",
    }
)
RESERVED_NAMES: Final = HOST_LABELS | {
    PLATFORM,
    BROKER,
    FRAMEWORK_LABEL,
    "public",
    "private",
    "extensions",
    "default",
    "migrator",
    "information_schema",
}
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# PostgreSQL cuts identifiers at 63 bytes; the longest suffix is "_migrator", 15 more are for a role prefix.
MAX_NAME_LENGTH: Final = 39


class Need(enum.StrEnum):
    """A service beside PostgreSQL that a module uses where there is one; without it, PostgreSQL does its work."""

    ANALYTICS = "analytics"  # ClickHouse, at MONOLITH_ANALYTICS_URL


class Tier(enum.Flag):
    """Where a module's routes are served."""

    PUBLIC = enum.auto()
    PRIVATE = enum.auto()
    BOTH = PUBLIC | PRIVATE


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRelation:
    """A table or view that the anonymous tier may read."""

    name: str  # the relation's name inside the module's schema
    columns: tuple[str, ...] = ()  # only these columns; empty means every column


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinerFunction:
    """A SECURITY DEFINER function: power that a module lends on purpose."""

    signature: str  # name and argument types as PostgreSQL prints them: "ensure_partitions(date)"
    public: bool = False  # the anonymous tier may call it too


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideConsumer:
    """A process of the module that reads from the broker and has no database: messages wait for it there."""

    name: str  # begins with the module's name and _: "agent_execution"
    types: tuple[str, ...]  # of the messages that it reads: "agent.StartExecution"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseLimits:
    """What one module may take from the shared server; set on its role, so it holds behind a pooler."""

    connections: int = 20  # CONNECTION LIMIT of the role
    statement_timeout_ms: int = 30_000  # a longer statement is cancelled
    lock_timeout_ms: int = 5_000  # a statement that waits longer for a lock is cancelled
    idle_in_transaction_timeout_ms: int = 30_000  # an open transaction that does nothing ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A domain with its own schema, role and tables."""

    name: str  # app label, schema and database alias
    tier: Tier  # where it has routes
    app: str = ""  # the Django app; empty means apps.<name>
    title: str = ""  # for people; empty means the name, capitalised
    summary: str = ""  # one sentence for people
    requires: tuple[str, ...] = ()  # the only modules it may call synchronously
    secrets: tuple[str, ...] = ()  # environment variables that its private surface needs
    needs: tuple[
        Need, ...
    ] = ()  # services beside PostgreSQL that its private surface uses where there are any
    contract: str = ""  # dotted name of what it promises; empty means contracts.<name>, where there is one
    api: str = ""  # dotted name of the functions that keep the promise; empty means <app>.api
    tasks: str = ""  # dotted name of its tasks; empty means <app>.tasks, where there is one
    subscribers: str = ""  # dotted name of its subscribers; empty means <app>.subscribers, where there is one
    tools: str = ""  # dotted name of its tools; empty means <app>.tools, where there is one
    routes: str = ""  # dotted name of a Python module with Ninja routers `public` and/or `private`
    public_relations: tuple[PublicRelation, ...] = ()  # what the anonymous tier may read; nothing else
    consumers: tuple[OutsideConsumer, ...] = ()  # what reads its messages beside its subscribers
    tenant_tables: tuple[str, ...] = ()  # tables whose rows belong to tenants, by row-level security
    steers_jobs: bool = False  # may see and steer every module's jobs, by way of monolith.jobs.steering
    definer_functions: tuple[DefinerFunction, ...] = ()  # SECURITY DEFINER functions it declares
    extensions: tuple[str, ...] = ()  # PostgreSQL extensions it needs, installed in `extensions`
    sample_data: str = ""  # dotted name of a function `load() -> str` that `up` calls once
    limits: DatabaseLimits = field(default_factory=DatabaseLimits)

    @property
    def django_app(self) -> str:
        return self.app or f"apps.{self.name}"

    @property
    def contract_module(self) -> str:
        return self.contract or f"contracts.{self.name}"

    @property
    def api_module(self) -> str:
        return self.api or f"{self.django_app}.api"

    @property
    def tasks_module(self) -> str:
        return self.tasks or f"{self.django_app}.tasks"

    @property
    def subscribers_module(self) -> str:
        return self.subscribers or f"{self.django_app}.subscribers"

    @property
    def tools_module(self) -> str:
        return self.tools or f"{self.django_app}.tools"

    @property
    def display_title(self) -> str:
        return self.title or self.name.replace("_", " ").capitalize()


def name_problem(name: str) -> str | None:
    """Say why `name` cannot be a module's name; None when it can."""
    if not _NAME.fullmatch(name):
        return "use lower-case letters, digits and single underscores, starting with a letter"
    if len(name) > MAX_NAME_LENGTH:
        return f"use at most {MAX_NAME_LENGTH} characters, it has {len(name)}"
    if re.search(r"_v[0-9]+$", name):
        return "a name does not end like a version: contracts/x_v2.py is the second version of x's contract"
    if name in RESERVED_NAMES or name.startswith("pg_"):
        return "the name is reserved; choose another"
    return None
