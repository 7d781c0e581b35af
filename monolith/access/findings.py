"""Facts as sentences: who holds what, on which object, and what mends it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from monolith.access.catalog import Catalog
from monolith.access.declaration import Declaration
from monolith.access.expected import declared_signatures
from monolith.access.facts import (
    OVERWRITTEN,
    PUBLIC,
    DefaultPrivilege,
    Definer,
    Difference,
    Extension,
    Fact,
    ForeignKey,
    Inheritance,
    Kind,
    LeakyView,
    LooseReference,
    Membership,
    Ownership,
    Policy,
    Privilege,
    Role,
    RoleAttribute,
    RoleSetting,
    RowSecurity,
    Schema,
    TenantCopy,
)
from monolith.tenancy.policy import TENANT_COLUMN

TAKE_AWAY: Final = "run `manage.py provision`; it takes this away"
BRING_BACK: Final = "run `manage.py provision`; it brings this back"
DECLARE: Final = "list it in the module's tenant_tables, or take it away by a migration"
MIGRATE: Final = "run `manage.py migrate_schemas`, or correct the module's declaration"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One difference between what is declared and what is there."""

    kind: str  # a word for programs: "privilege", "membership", ...
    text: str
    fix: str

    def __str__(self) -> str:
        return f"{self.text}; {self.fix}."


def findings(change: Difference) -> list[Finding]:
    """Return one sentence per difference; a wrong value and the right one make one."""
    wrong = {fact.slot: fact for fact in change.surplus if isinstance(fact, (*OVERWRITTEN, Membership))}
    right = {fact.slot: fact for fact in change.missing if isinstance(fact, (*OVERWRITTEN, Membership))}
    both = wrong.keys() & right.keys()
    changed = [
        Finding(_kind(right[slot]), f"{_said(wrong[slot])}; declared is: {_value(right[slot])}", BRING_BACK)
        for slot in both
    ]
    surplus = [fact for fact in change.surplus if fact.slot not in both]
    missing = [fact for fact in change.missing if fact.slot not in both]
    return sorted([*changed, *_sentences(surplus, lacking=False), *_sentences(missing, lacking=True)])


def absent(declaration: Declaration, catalog: Catalog) -> Iterator[Finding]:
    """Yield what modules list and no migration has made: an endpoint that reads it would fail."""
    columns = {(relation.schema, relation.name): relation.columns for relation in catalog.relations}
    for schema, listed in declaration.public_relations():
        if (schema, listed.name) not in columns:
            text = f"module {schema!r} lists the public relation {listed.name!r}, which does not exist"
            yield Finding("absent", text, MIGRATE)
        elif lacking := set(listed.columns) - set(columns[schema, listed.name]):
            names = ", ".join(sorted(lacking))
            text = f"module {schema!r} lists columns of {listed.name!r} that it does not have: {names}"
            yield Finding("absent", text, MIGRATE)
    for schema, table in declaration.tenant_tables:
        if TENANT_COLUMN not in columns.get((schema, table), ()):
            lacking_what = (
                f"which has no column {TENANT_COLUMN}"
                if (schema, table) in columns
                else "which does not exist"
            )
            yield Finding(
                "absent", f"module {schema!r} lists the tenant table {table!r}, {lacking_what}", MIGRATE
            )
    existing = {(f.thing.schema, f.thing.name, f.thing.arguments) for f in catalog.functions}
    for module in declaration.modules:
        for name, arguments in declared_signatures(module):
            if (module.name, name, arguments) not in existing:
                text = (
                    f"module {module.name!r} declares the function {name}({arguments}), which does not exist"
                )
                yield Finding("absent", text, MIGRATE)


def _sentences(facts: Iterable[Fact], *, lacking: bool) -> Iterator[Finding]:
    privileges = [fact for fact in facts if isinstance(fact, Privilege)]
    yield from _held(privileges, lacking=lacking)
    for fact in facts:
        if not isinstance(fact, Privilege):
            text = (
                f"{_said(fact)}, which is not declared"
                if not lacking
                else f"declared and not so: {_said(fact)}"
            )
            yield Finding(_kind(fact), text, BRING_BACK if lacking else _mend(fact))


def _held(privileges: list[Privilege], *, lacking: bool) -> Iterator[Finding]:
    def holder(fact: Privilege) -> tuple[str, str, bool]:
        return (repr(fact.thing), fact.grantee, fact.grantable)

    for _, group in groupby(
        sorted(privileges, key=lambda fact: (holder(fact), fact.privilege, fact.column)), holder
    ):
        batch = list(group)
        words = ", ".join(f"{f.privilege} ({f.column})" if f.column else f.privilege for f in batch)
        target = f"{batch[0].thing.kind} {batch[0].thing}"
        option = " with grant option" if batch[0].grantable else ""
        verb = "lacks" if lacking else "holds"
        tail = "" if lacking else ", which is not declared"
        text = f"{_who(batch[0].grantee)} {verb} {words} on {target}{option}{tail}"
        yield Finding("privilege", text, BRING_BACK if lacking else TAKE_AWAY)


def _who(role: str) -> str:
    return "everybody (PUBLIC)" if role == PUBLIC else role


def _kind(fact: Fact) -> str:
    words = {
        Role: "role",
        RoleAttribute: "role attribute",
        Membership: "membership",
        Schema: "schema",
        Extension: "extension",
        Ownership: "ownership",
        DefaultPrivilege: "default privilege",
        RoleSetting: "role setting",
        LeakyView: "view",
        Inheritance: "inheritance",
        ForeignKey: "foreign key",
        Definer: "function",
        RowSecurity: "row security",
        Policy: "policy",
        LooseReference: "tenant",
        TenantCopy: "tenant",
    }
    return words.get(type(fact), "privilege")


def _mend(fact: Fact) -> str:
    if isinstance(fact, Definer):
        return f"{TAKE_AWAY} (the function becomes SECURITY INVOKER), or declare it in the module's definer_functions"
    if isinstance(fact, Ownership):
        return f"{TAKE_AWAY} (it passes to the administrator)"
    if isinstance(fact, (RowSecurity, Policy)):
        return DECLARE
    if isinstance(fact, LooseReference):
        return "add the operation SameTenant to a migration, or keep the id in a plain column"
    if isinstance(fact, TenantCopy):
        return "make it a table of its own with IsolateTenants, or a plain view"
    return TAKE_AWAY


def _said(fact: Fact) -> str:
    match fact:
        case Role(name):
            return f"the role {name} exists"
        case RoleAttribute(role, attribute, value):
            return f"the role {role} has {attribute}: {value}"
        case Membership(role, member):
            return f"{member} is a member of {role} ({_value(fact)})"
        case Schema(name):
            return f"the schema {name} exists"
        case Extension(name, schema):
            return f"the extension {name} is in schema {schema}"
        case Ownership(type_, identity, owner):
            return f"the {type_} {identity} belongs to {owner}"
        case DefaultPrivilege():
            return _default(fact)
        case RoleSetting(role, database, name, value):
            place = f" in database {database}" if database else " everywhere"
            return f"sessions of {_who(role)}{place} start with {name} = {value}"
        case LeakyView(schema, name):
            return f"the public view {schema}.{name} has no security_barrier: a cheap function sees what it hides"
        case Inheritance(parent, child):
            return f"the table {child} is a child of {parent}: who may read {parent} reads its rows"
        case ForeignKey(name, table, target):
            return f"the foreign key {name} ties the table {table} to {target}, which is in another schema"
        case Definer(function, search_path):
            path = f"search_path {search_path}" if search_path else "no fixed search_path"
            return f"the function {function} runs with its owner's rights (SECURITY DEFINER, {path})"
        case RowSecurity(table):
            return f"the table {table} has {_value(fact)}"
        case Policy(table, name):
            return f"the table {table} has the policy {name} ({_value(fact)})"
        case LooseReference(name, table, target):
            return f"the foreign key {name} of {table} lets a row refer to another tenant's row of {target}"
        case TenantCopy(view, table):
            return f"the materialised view {view} shows rows of {table} to all tenants"
        case Privilege():
            return f"{_who(fact.grantee)} holds {fact.privilege} on {fact.thing.kind} {fact.thing}"


def _default(fact: DefaultPrivilege) -> str:
    place = f" in schema {fact.schema}" if fact.schema else ""
    plural = {Kind.TABLE: "tables", Kind.SEQUENCE: "sequences"}.get(fact.kind, f"{fact.kind}s")
    return f"new {plural} of {fact.owner}{place} come with {fact.privilege} for {_who(fact.grantee)}"


def _value(fact: Fact) -> str:
    match fact:
        case RoleAttribute(value=value) | RoleSetting(value=value):
            return value
        case Membership(admin=admin, inherit=inherit, set_role=set_role):
            flags = (("admin", admin), ("inherit", inherit), ("set role", set_role))
            return ", ".join(f"{word} {'yes' if flag else 'no'}" for word, flag in flags)
        case Ownership(owner=owner):
            return owner
        case Definer(search_path=path):
            return f"search_path {path}"
        case Extension(schema=schema):
            return f"schema {schema}"
        case RowSecurity(enabled=enabled, forced=forced):
            if not enabled:
                return "no row-level security"
            return "row-level security, forced" if forced else "row-level security, not forced on its owner"
        case Policy():
            mode = "permissive" if fact.permissive else "restrictive"
            who = ", ".join(map(_who, fact.roles))
            return f"{mode}, for {fact.command} of {who}, using {fact.using or '-'}, with check {fact.check or '-'}"
    return _said(fact)
