"""The environment variables that the framework reads, each documented once."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from monolith.addresses import nats_addresses, remote_origin, web_address
from monolith.errors import CompositionError

MODULE_URL_PREFIX: Final = "DATABASE_URL_"
REMOTE_PREFIX: Final = "MONOLITH_REMOTE_"
CONTRACT_KEYS_PREFIX: Final = "MONOLITH_CONTRACT_KEYS_"
POSTGRESQL_SCHEMES: Final = ("postgresql://", "postgres://")
MIN_KEY_LENGTH: Final = 32  # characters; RFC 7518, 3.2: a key of HS256 is no shorter than its hash
BROKER_MAX_BYTES: Final = 1_073_741_824  # a gibibyte
BROKER_MIN_BYTES: Final = (
    1_048_576  # the largest message, twice: one that can never fit would hold up all behind it
)
# What an address must not bring along: who to be, and where a password comes from.
CREDENTIALS: Final = frozenset({"user", "password", "passfile", "service", "sslpassword"})


class Environment(BaseModel):
    """The framework's part of the process environment, validated."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    database_url: str = Field(
        default="postgresql://127.0.0.1:5432/fastmonolith",
        alias="DATABASE_URL",
        description="Where the database is, without user and password: the role follows from the "
        "module, the password from PGPASSFILE. Unset: an embedded server under var/.",
    )
    passfile: str = Field(
        default="",
        alias="PGPASSFILE",
        description="A libpq password file with one line per role that this process may use.",
    )
    admin_url: str = Field(
        default="",
        repr=False,  # it may carry a password
        alias="MONOLITH_ADMIN_URL",
        description="For `provision` alone: a connection that may create roles and schemas. "
        "A serving process refuses to start with it.",
    )
    role_prefix: str = Field(
        default="",
        alias="MONOLITH_ROLE_PREFIX",
        pattern=r"^([a-z][a-z0-9_]{0,14})?$",
        description="Put before every role name, because roles are shared by a whole server: `shop_` "
        "gives `shop_hikes_rw`. At most 15 characters.",
    )
    modules: tuple[str, ...] = Field(
        default=(),
        alias="MONOLITH_MODULES",
        description="Compose only these modules, separated by commas. Unset: all of them.",
    )
    boundary: Literal["enforce", "audit"] = Field(
        default="enforce",
        alias="MONOLITH_BOUNDARY",
        description="`enforce` raises on a crossing, `audit` logs and counts it and lets it pass.",
    )
    contracts: Literal["direct", "json"] = Field(
        default="direct",
        alias="MONOLITH_CONTRACTS",
        description="How contract calls cross inside a process: `direct` hands values over, `json` writes and reads "
        "each call as if by HTTP, so that what works here works when a module moves away.",
    )
    contract_timeout_s: float = Field(
        default=5.0,
        alias="MONOLITH_CONTRACT_TIMEOUT_S",
        gt=0,
        description="Seconds that a call to another process may take when its caller sets no deadline.",
    )
    contract_concurrency: int = Field(
        default=2,
        alias="MONOLITH_CONTRACT_CONCURRENCY",
        gt=0,
        description="Calls that one process has under way to one remote module. With about half of the threads that "
        "`serve` has, a module that hangs leaves the other half to the rest.",
    )
    calls_per_request: int = Field(
        default=0,
        alias="MONOLITH_CALLS_PER_REQUEST",
        ge=0,
        description="Contract calls that one request may make; one more raises CallBudgetExceeded. 0: no limit.",
    )
    jobs_keep_days: float = Field(
        default=7.0,
        alias="MONOLITH_JOBS_KEEP_DAYS",
        gt=0,
        description="How long a module keeps its jobs that succeeded or were discarded, in days.",
    )
    jobs_keep_dead_days: float = Field(
        default=90.0,
        alias="MONOLITH_JOBS_KEEP_DEAD_DAYS",
        gt=0,
        description="How long a module keeps its dead letters, in days.",
    )
    jobs_keep_rows: int = Field(
        default=100_000,
        alias="MONOLITH_JOBS_KEEP_ROWS",
        gt=0,
        description="How many jobs that ended a module keeps at most, and as many dead letters: the newest ones.",
    )
    deployment: str = Field(
        default="main",
        alias="MONOLITH_DEPLOYMENT",
        pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$",
        description="Which deployment this process belongs to. Each has its own leaders of singletons: processes that "
        "stand in for each other share a name, a copy of the system on the same database has another.",
    )
    environment: str = Field(
        default="development",
        alias="MONOLITH_ENVIRONMENT",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$",
        description="Which environment this is: `production`, `staging`. Each message carries it, and one that was "
        "written in another environment is never sent, so that a copy of production's data sends nothing. To be set "
        "whenever MONOLITH_BROKER_URL is.",
    )
    broker_url: str = Field(
        default="",
        alias="MONOLITH_BROKER_URL",
        description="The broker that carries events and commands: `nats://host:port` (several, for a cluster, "
        "separated by commas; `tls://` for TLS) or `postgresql://host:port/database`, without user and password. "
        "Unset: an embedded NATS server under var/.",
    )
    broker_credentials: str = Field(
        default="",
        alias="MONOLITH_BROKER_CREDENTIALS",
        description="A file that says who to be at MONOLITH_BROKER_URL: a NATS credentials file (.creds), or two "
        "lines, the user and the password. Unset: nobody, for a broker that asks for nothing. The public tier refuses "
        "to start with it.",
    )
    broker_replicas: int = Field(
        default=1,
        alias="MONOLITH_BROKER_REPLICAS",
        ge=1,
        le=5,
        description="How many servers of a NATS cluster keep each message: 1, 3 or 5.",
    )
    broker_max_bytes: int = Field(
        default=BROKER_MAX_BYTES,
        alias="MONOLITH_BROKER_MAX_BYTES",
        description="How much the broker holds for consumers that lag behind, 1,048,576 or more. When it is full, "
        "messages wait in the outboxes.",
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        alias="MONOLITH_SECRET_KEY",
        description="Signs sessions on the private tier. The public tier refuses to start with it.",
    )
    analytics_url: SecretStr = Field(
        default=SecretStr(""),
        alias="MONOLITH_ANALYTICS_URL",
        description="A ClickHouse server for modules that need analytics: "
        "`http(s)://user:password@host:port/database`. Unset: they use PostgreSQL. The public tier refuses to start "
        "with it.",
    )
    public_origin: str = Field(
        default="",
        alias="MONOLITH_PUBLIC_ORIGIN",
        description="Where the private tier finds the public one, to measure it: `http(s)://host:port`. `up` sets it. "
        "Unset: nothing is measured there.",
    )
    tools_url: str = Field(
        default="",
        alias="MONOLITH_TOOLS_URL",
        description="Where agents reach the tools when something stands before the private tier: "
        "`https://tools.example.org/mcp`. Unset: `/mcp` at the address that a request asked.",
    )
    tools_issuers: tuple[str, ...] = Field(
        default=(),
        alias="MONOLITH_TOOLS_ISSUERS",
        description="Issuers of OAuth tokens that what stands at MONOLITH_TOOLS_URL takes, separated by commas. The "
        "metadata of the tools names them; this process takes tokens of its own alone.",
    )
    debug: bool = Field(
        default=False, alias="MONOLITH_DEBUG", description="Django's debug pages. Never in production."
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=("localhost", "127.0.0.1", "[::1]"),
        alias="MONOLITH_ALLOWED_HOSTS",
        description="Host names this process answers to, separated by commas.",
    )
    data_directory: str = Field(
        default="var",
        alias="MONOLITH_DATA_DIR",
        description="Where embedded servers keep their data, relative to the project.",
    )

    @property
    def broker_database(self) -> str:
        """Where the PostgreSQL broker's tables are; empty when the broker is another."""
        return self.broker_url if self.broker_url.startswith(POSTGRESQL_SCHEMES) else ""

    @field_validator("modules", "allowed_hosts", "tools_issuers", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return listed(value) if isinstance(value, str) else value

    @field_validator("public_origin")
    @classmethod
    def _an_origin(cls, value: str) -> str:
        remote_origin(value)
        return value.rstrip("/")

    @field_validator("tools_url")
    @classmethod
    def _a_resource(cls, value: str) -> str:
        return web_address(value) if value else value

    @field_validator("tools_issuers")
    @classmethod
    def _issuers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(web_address(each) for each in value)

    @field_validator("broker_url")
    @classmethod
    def _a_broker(cls, value: str) -> str:
        if value.startswith(POSTGRESQL_SCHEMES):
            connection_parameters(value)
        elif value:
            nats_addresses(value)
        return value

    @field_validator("broker_replicas")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError(
                "an even number survives no more lost servers than the odd one below; take 1, 3 or 5"
            )
        return value

    @field_validator("broker_max_bytes")
    @classmethod
    def _room_for_a_message(cls, value: int) -> int:
        if value < BROKER_MIN_BYTES:
            raise ValueError(
                f"a broker that holds {value:,} bytes has no room for the largest message; give it "
                f"{BROKER_MIN_BYTES:,} or more"
            )
        return value

    @field_validator("admin_url")
    @classmethod
    def _readable(cls, value: str) -> str:
        _parameters(value)
        return value

    @field_validator("database_url")
    @classmethod
    def _no_credentials(cls, value: str) -> str:
        connection_parameters(value)
        return value


def listed(value: str) -> tuple[str, ...]:
    """Split what stands between commas."""
    return tuple(part for part in (raw.strip() for raw in value.split(",")) if part)


def connection_parameters(url: str) -> dict[str, str]:
    """Split a database address into libpq parameters.

    Raises ValueError when it cannot be read, names no database, or carries a user or password.
    """
    parameters = _parameters(url)
    if found := sorted(CREDENTIALS & parameters.keys()):
        raise ValueError(
            f"holds a user or password ({', '.join(found)}); write postgresql://host:port/database "
            "and put passwords in PGPASSFILE"
        )
    if not parameters.get("dbname"):
        raise ValueError("names no database; write postgresql://host:port/database")
    return parameters


def _parameters(url: str) -> dict[str, str]:
    try:
        return {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError:
        # Without its cause: libpq's message repeats the address, and with it a password.
        raise ValueError("not a PostgreSQL address; write postgresql://host:port/database") from None


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Validate the framework's variables in `environ`; empty ones count as unset.

    Raises CompositionError listing every bad variable by name, without its value.
    """
    try:
        return Environment.model_validate({key: value for key, value in environ.items() if value})
    except ValidationError as error:
        raise CompositionError(
            [
                f"{'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}"
                for item in error.errors()
            ]
        ) from None


def module_urls(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `DATABASE_URL_<MODULE>` addresses by module name in lower case."""
    return _by_module(environ, MODULE_URL_PREFIX)


def remote_urls(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `MONOLITH_REMOTE_<MODULE>` addresses by module name in lower case."""
    return _by_module(environ, REMOTE_PREFIX)


def contract_keys(environ: Mapping[str, str]) -> dict[str, tuple[SecretStr, ...]]:
    """Return `MONOLITH_CONTRACT_KEYS_<MODULE>` by module name in lower case, newest key first."""
    return {
        name: tuple(SecretStr(part) for part in (raw.strip() for raw in value.split(",")) if part)
        for name, value in _by_module(environ, CONTRACT_KEYS_PREFIX).items()
    }


def _by_module(environ: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {
        key.removeprefix(prefix).lower(): value
        for key, value in environ.items()
        if key.startswith(prefix) and value
    }
