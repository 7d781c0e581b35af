"""What a declaration means in facts, given what exists."""

from collections.abc import Iterable, Iterator
from typing import Final

from monolith.access.catalog import ATTRIBUTES, LOCK_FUNCTION, Catalog, Function, Relation
from monolith.access.declaration import EXTENSIONS, PUBLIC_LIMITS, Declaration
from monolith.access.facts import (
    PUBLIC,
    DefaultPrivilege,
    Definer,
    Extension,
    Fact,
    Facts,
    Kind,
    Membership,
    Ownership,
    Policy,
    Privilege,
    Role,
    RoleAttribute,
    RoleSetting,
    RowSecurity,
    Schema,
    Thing,
)
from monolith.module import DatabaseLimits, Module, PublicRelation
from monolith.tenancy.policy import POLICY, TENANT_COLUMN, TENANT_RULE

ROWS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
TABLES: Final = frozenset("rp")  # pg_class.relkind of what holds rows that a module may write
MIGRATION_RECORD: Final = "django_migrations"


def expected_facts(declaration: Declaration, catalog: Catalog) -> Facts:
    """Return everything that should be true in the database, and nothing else should."""
    return frozenset(
        [
            *_roles(declaration, catalog),
            *_memberships(declaration, catalog),
            *_settings(declaration),
            *_schemas(declaration, catalog),
            *_default_privileges(declaration),
            *expected_relation_facts(declaration, catalog),
        ]
    )


def expected_relation_facts(declaration: Declaration, catalog: Catalog) -> Facts:
    """Return what should be true of the relations and functions that exist in the declared schemas."""
    return frozenset(
        [
            *_relations(declaration, catalog),
            *_public_relations(declaration, catalog),
            *_functions(declaration, catalog),
            *_tenant_tables(declaration, catalog),
        ]
    )


def public_schemas(declaration: Declaration) -> tuple[str, ...]:
    """Return the schemas the anonymous tier may enter, in the order modules are declared."""
    return tuple(module.name for module in declaration.public_modules)


def declared_signatures(module: Module) -> dict[tuple[str, str], bool]:
    """Return the module's definer functions as (name, argument types), each with whether it is public."""
    return {_split(function.signature): function.public for function in module.definer_functions}


def _split(signature: str) -> tuple[str, str]:
    name, _, arguments = signature.strip().removesuffix(")").partition("(")
    return name.strip(), ", ".join(part.strip() for part in arguments.split(",") if part.strip())


def _roles(declaration: Declaration, catalog: Catalog) -> Iterator[Fact]:
    roles = declaration.roles
    for module in declaration.modules:
        yield Role(roles.owner(module.name))
        yield Role(roles.rw(module.name))
        yield Role(roles.module_migrator(module.name))
        yield from _attributes(roles.owner(module.name), login=False)
        yield from _attributes(roles.rw(module.name), login=True, connections=module.limits.connections)
        yield from _attributes(roles.module_migrator(module.name), login=True)
    yield Role(roles.public_reader)
    yield from _attributes(roles.public_reader, login=True, connections=PUBLIC_LIMITS.connections)
    yield Role(roles.migrator)
    yield from _attributes(roles.migrator, login=True)
    for role in catalog.retired:
        yield from (fact for fact in _attributes(role, login=False) if fact.attribute != "connection limit")


def _attributes(role: str, *, login: bool, connections: int = -1) -> Iterator[RoleAttribute]:
    for attribute in ATTRIBUTES:
        yield RoleAttribute(role, attribute, "yes" if login and attribute == "login" else "no")
    yield RoleAttribute(role, "connection limit", str(connections))


def _memberships(declaration: Declaration, catalog: Catalog) -> Iterator[Fact]:
    for name in declaration.module_names:
        owner, migrator = declaration.roles.owner(name), declaration.roles.module_migrator(name)
        # Roles are the whole server's: of a module in another database there, they are that database's to make.
        if name not in declaration.elsewhere or {owner, migrator} <= catalog.roles:
            yield Membership(owner, migrator, admin=False, inherit=False, set_role=True)


def _settings(declaration: Declaration) -> Iterator[Fact]:
    for module in declaration.modules:
        role = declaration.roles.rw(module.name)
        yield from _session(declaration, role, (module.name, EXTENSIONS), module.limits)
    reader = declaration.roles.public_reader
    yield from _session(declaration, reader, (*public_schemas(declaration), EXTENSIONS), PUBLIC_LIMITS)
    # A courtesy: the session may switch it off again. The boundary is what the role is granted.
    yield RoleSetting(reader, declaration.database, "default_transaction_read_only", "on")


def _session(
    declaration: Declaration, role: str, search_path: Iterable[str], limits: DatabaseLimits
) -> Iterator[Fact]:
    bounds = {
        "statement_timeout": str(limits.statement_timeout_ms),
        "lock_timeout": str(limits.lock_timeout_ms),
        "idle_in_transaction_session_timeout": str(limits.idle_in_transaction_timeout_ms),
    }
    yield RoleSetting(role, declaration.database, "search_path", ", ".join(search_path))
    for name, value in bounds.items():
        yield RoleSetting(role, declaration.database, name, value)
        yield RoleSetting(role, "", name, value)  # also where the role has no business


def _schemas(declaration: Declaration, catalog: Catalog) -> Iterator[Fact]:
    roles = declaration.roles
    database = Thing(Kind.DATABASE, declaration.database)
    extensions = Thing(Kind.SCHEMA, EXTENSIONS)
    yield Schema(EXTENSIONS)
    yield from (Extension(name, EXTENSIONS) for name in declaration.extensions)
    yield from (Privilege(database, role, "CONNECT") for role in declaration.login_roles)
    for module in declaration.modules:
        owner, rw = roles.owner(module.name), roles.rw(module.name)
        yield Schema(module.name)
        yield Ownership("schema", module.name, owner)
        yield Privilege(Thing(Kind.SCHEMA, module.name), rw, "USAGE")
        yield Privilege(extensions, rw, "USAGE")
        yield Privilege(extensions, owner, "USAGE")
        yield Privilege(LOCK_FUNCTION, roles.module_migrator(module.name), "EXECUTE")
    for schema in (*public_schemas(declaration), EXTENSIONS):
        yield Privilege(Thing(Kind.SCHEMA, schema), roles.public_reader, "USAGE")
    yield from (
        Ownership(item.type, item.identity, roles.owner(item.schema))
        for item in catalog.owned
        if item.schema and item.type != "schema"
    )


def _default_privileges(declaration: Declaration) -> Iterator[Fact]:
    for module in declaration.modules:
        owner, rw = declaration.roles.owner(module.name), declaration.roles.rw(module.name)
        for privilege in ROWS:
            yield DefaultPrivilege(owner, module.name, Kind.TABLE, rw, privilege)
        for privilege in ("USAGE", "SELECT"):
            yield DefaultPrivilege(owner, module.name, Kind.SEQUENCE, rw, privilege)


def _relations(declaration: Declaration, catalog: Catalog) -> Iterator[Fact]:
    for relation in catalog.relations:
        role = declaration.roles.rw(relation.schema)
        yield from (Privilege(relation.thing, role, privilege) for privilege in _row_privileges(relation))


def _row_privileges(relation: Relation) -> tuple[str, ...]:
    if relation.name.startswith(MIGRATION_RECORD):  # and its sequence
        return ("SELECT",)
    if relation.kind == "S":
        return ("USAGE", "SELECT")
    return ROWS if relation.kind in TABLES else ("SELECT",)


def _public_relations(declaration: Declaration, catalog: Catalog) -> Iterator[Fact]:
    existing = {(relation.schema, relation.name): relation for relation in catalog.relations}
    for schema, listed in declaration.public_relations():
        if relation := existing.get((schema, listed.name)):
            yield from _public_relation(declaration.roles.public_reader, relation, listed)


def _public_relation(role: str, relation: Relation, listed: PublicRelation) -> Iterator[Fact]:
    if not listed.columns:
        yield Privilege(relation.thing, role, "SELECT")
    for column in listed.columns:
        if column in relation.columns:
            yield Privilege(relation.thing, role, "SELECT", column)


def _functions(declaration: Declaration, catalog: Catalog) -> Iterator[Fact]:
    declared = {module.name: declared_signatures(module) for module in declaration.modules}
    for function in catalog.functions:
        schema = function.thing.schema
        if schema not in declared:
            continue
        public = declared[schema].get((function.thing.name, function.thing.arguments))
        if public is not None:
            yield Definer(function.thing, _search_path(function))
        if public is not None or not function.definer:
            yield Privilege(function.thing, declaration.roles.rw(schema), "EXECUTE")
        if public:
            yield Privilege(function.thing, declaration.roles.public_reader, "EXECUTE")


def _search_path(function: Function) -> str:
    schema = function.thing.schema
    allowed = (f"{schema}, pg_temp", f"{schema}, {EXTENSIONS}, pg_temp")
    return function.search_path if function.search_path in allowed else allowed[0]


def _tenant_tables(declaration: Declaration, catalog: Catalog) -> Iterator[Fact]:
    declared = set(declaration.tenant_tables)
    for relation in catalog.relations:
        if (relation.schema, relation.name) in declared and TENANT_COLUMN in relation.columns:
            yield RowSecurity(relation.thing, enabled=True, forced=True)
            yield Policy(
                relation.thing,
                POLICY,
                permissive=True,
                command="ALL",
                roles=(PUBLIC,),
                using=TENANT_RULE,
                check=TENANT_RULE,
            )
