"""The environment variables that the framework reads, each documented once."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from monolith.errors import CompositionError

MODULE_URL_PREFIX: Final = "DATABASE_URL_"
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
    calls_per_request: int = Field(
        default=0,
        alias="MONOLITH_CALLS_PER_REQUEST",
        ge=0,
        description="Contract calls that one request may make; one more raises CallBudgetExceeded. 0: no limit.",
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        alias="MONOLITH_SECRET_KEY",
        description="Signs sessions on the private tier. The public tier refuses to start with it.",
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

    @field_validator("modules", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part for part in (raw.strip() for raw in value.split(",")) if part)
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
    return {
        key.removeprefix(MODULE_URL_PREFIX).lower(): value
        for key, value in environ.items()
        if key.startswith(MODULE_URL_PREFIX) and value
    }
