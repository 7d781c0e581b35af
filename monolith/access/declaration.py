"""What is declared for one database: its modules, its roles, its public surface."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from monolith.environment import Environment, connection_parameters
from monolith.module import BROKER, PLATFORM, DatabaseLimits, Module, PublicRelation, Tier
from monolith.roles import RoleNames

EXTENSIONS: Final = "extensions"
"""The schema that holds what extensions install; every role may use it."""

PLATFORM_MODULE: Final = Module(name=PLATFORM, tier=Tier.PRIVATE, app="monolith", title="Platform")
# Every process that publishes or handles has connections to it: two that publish, and one for each consumer.
BROKER_MODULE: Final = Module(
    name=BROKER,
    tier=Tier.PRIVATE,
    app="monolith.events.brokers",
    title="PostgreSQL broker",
    limits=DatabaseLimits(connections=60),
)
HOST_MODULES: Final = {PLATFORM: PLATFORM_MODULE, BROKER: BROKER_MODULE}
"""What has a schema and roles like a module, and is none."""

# Anonymous requests are short; a statement that runs longer is an attack or a missing index.
PUBLIC_LIMITS: Final = DatabaseLimits(
    connections=40, statement_timeout_ms=5_000, lock_timeout_ms=2_000, idle_in_transaction_timeout_ms=10_000
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """The declared state of one database of a deployment."""

    database: str
    roles: RoleNames
    modules: tuple[Module, ...]  # living in this database, the platform among them if it does
    elsewhere: frozenset[str] = frozenset()  # names of declared modules that live in another database

    @property
    def schemas(self) -> tuple[str, ...]:
        return tuple(module.name for module in self.modules)

    @property
    def module_names(self) -> frozenset[str]:
        return frozenset(self.schemas) | self.elsewhere

    @property
    def owners(self) -> tuple[str, ...]:
        return tuple(self.roles.owner(module.name) for module in self.modules)

    @property
    def rw_roles(self) -> tuple[str, ...]:
        return tuple(self.roles.rw(module.name) for module in self.modules)

    @property
    def module_migrators(self) -> tuple[str, ...]:
        return tuple(self.roles.module_migrator(module.name) for module in self.modules)

    @property
    def login_roles(self) -> tuple[str, ...]:
        return (*self.rw_roles, self.roles.public_reader, self.roles.migrator, *self.module_migrators)

    @property
    def elsewhere_roles(self) -> tuple[str, ...]:
        return tuple(role for name in sorted(self.elsewhere) for role in self.roles.of(name))

    @property
    def public_modules(self) -> tuple[Module, ...]:
        return tuple(
            module
            for module in self.modules
            if Tier.PUBLIC in module.tier
            and (module.public_relations or any(function.public for function in module.definer_functions))
        )

    def public_relations(self) -> Iterator[tuple[str, PublicRelation]]:
        """Yield each listed relation with its schema."""
        for module in self.public_modules:
            for relation in module.public_relations:
                yield module.name, relation

    @property
    def tenant_tables(self) -> tuple[tuple[str, str], ...]:
        """Each table that holds its rows to tenants, as (schema, table)."""
        return tuple((module.name, table) for module in self.modules for table in module.tenant_tables)

    @property
    def extensions(self) -> frozenset[str]:
        return frozenset(name for module in self.modules for name in module.extensions)


def declarations(
    modules: Sequence[Module], environment: Environment, urls: Mapping[str, str]
) -> list[tuple[str, Declaration]]:
    """Return (address, declaration) for each database of the deployment, the shared one first.

    `urls` are the DATABASE_URL_<MODULE> addresses by module name. The broker's tables are in the database of
    MONOLITH_BROKER_URL, and in the shared one while that is no PostgreSQL.
    """
    shared = environment.database_url
    by_url: dict[str, list[Module]] = {shared: [PLATFORM_MODULE]}
    by_url.setdefault(environment.broker_database or shared, []).append(BROKER_MODULE)
    for module in modules:
        by_url.setdefault(urls.get(module.name, shared), []).append(module)
    names = {url: connection_parameters(url)["dbname"] for url in by_url}
    everything = frozenset({*HOST_MODULES, *(module.name for module in modules)})
    return [
        (
            url,
            Declaration(
                database=names[url],
                roles=RoleNames(environment.role_prefix),
                modules=tuple(living),
                elsewhere=everything - {module.name for module in living},
            ),
        )
        for url, living in by_url.items()
    ]
