"""A broken rule: its code, where it is, and what mends it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Code(StrEnum):
    """Every rule, as `family.rule`. A code keeps its meaning for good; docs/reference/violations.md says more."""

    LOADING_COMPOSITION = "loading.composition"
    LOADING_IMPORT = "loading.import"
    LOADING_SYNTAX = "loading.syntax"
    IMPORTS_MODULE = "imports.module"
    IMPORTS_SETTINGS = "imports.settings"
    IMPORTS_CONTRACT = "imports.contract"
    IMPORTS_FRAMEWORK = "imports.framework"
    LOOKUPS_CODE = "lookups.code"
    LOOKUPS_MODEL = "lookups.model"
    LOOKUPS_CONTENT_TYPE = "lookups.content-type"
    SQL_TABLE = "sql.table"
    SQL_SEARCH_PATH = "sql.search-path"
    SQL_ROLE = "sql.role"
    SQL_SESSION = "sql.session"
    CONNECTIONS_BARE = "connections.bare"
    CONNECTIONS_ALIAS = "connections.alias"
    CONNECTIONS_OPENED = "connections.opened"
    CONNECTIONS_SETTINGS = "connections.settings"
    CONNECTIONS_ENTERING = "connections.entering"
    DECLARATIONS_REQUIRES = "declarations.requires"
    DECLARATIONS_UNUSED_REQUIRES = "declarations.unused-requires"
    DECLARATIONS_SECRET = "declarations.secret"  # noqa: S105 (no password)
    DECLARATIONS_UNUSED_SECRET = "declarations.unused-secret"  # noqa: S105 (no password)
    DECLARATIONS_SECRET_IN_ENVIRONMENT = "declarations.secret-in-environment"  # noqa: S105 (no password)
    DECLARATIONS_STEERING = "declarations.steering"
    DECLARATIONS_UNUSED_STEERING = "declarations.unused-steering"
    DECLARATIONS_NAME = "declarations.name"
    DECLARATIONS_ROUTER = "declarations.router"
    DECLARATIONS_PUBLIC_RELATION = "declarations.public-relation"
    RELATIONS_APP_LABEL = "relations.app-label"
    RELATIONS_MODEL_LABEL = "relations.model-label"
    RELATIONS_FIELD = "relations.field"
    RELATIONS_TABLE = "relations.table"
    RELATIONS_MIGRATION = "relations.migration"
    CONTRACTS_FILE = "contracts.file"
    CONTRACTS_ORDER = "contracts.order"
    CONTRACTS_NOBODY = "contracts.nobody"
    CONTRACTS_INTERFACE = "contracts.interface"
    CONTRACTS_PROVIDER = "contracts.provider"
    CONTRACTS_GATE = "contracts.gate"
    MESSAGES_DECLARATION = "messages.declaration"
    MESSAGES_PLACE = "messages.place"
    MESSAGES_UNHEARD = "messages.unheard"
    MESSAGES_HANDLER = "messages.handler"
    MESSAGES_SUBSCRIBER = "messages.subscriber"
    MESSAGES_UNKNOWN = "messages.unknown"
    MESSAGES_PUBLISHER = "messages.publisher"
    MESSAGES_TRANSACTION = "messages.transaction"
    TASKS_LIMIT = "tasks.limit"
    TASKS_LEASE = "tasks.lease"
    TASKS_TRANSACTION = "tasks.transaction"
    TASKS_PLACE = "tasks.place"
    TASKS_NAME = "tasks.name"
    TASKS_SCHEDULE = "tasks.schedule"
    TOOLS_DECLARATION = "tools.declaration"
    GRANTS_SCHEMA = "grants.schema"
    GRANTS_DRIFT = "grants.drift"
    GRANTS_UNREACHABLE = "grants.unreachable"
    SCHEDULES_ORPHAN = "schedules.orphan"
    SCHEDULES_UNREACHABLE = "schedules.unreachable"

    @property
    def family(self) -> str:
        return self.partition(".")[0]


class Place(NamedTuple):
    """Where something is."""

    path: str = ""  # relative to the project; empty where no file says it
    line: int = 0  # 0 where no line is meant

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Violation:
    """One broken rule."""

    place: Place
    code: Code
    module: str  # whose; PLATFORM for what is nobody's
    message: str
    fix: str
