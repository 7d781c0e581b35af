"""The SQL that brings a fact about, or takes it away."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

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
    Thing,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement and the word it is counted under."""

    kind: str
    sql: Composed


# Roles before what names them, owners before what only an owner's grants survive.
_ORDER: Final = (
    Role,
    RoleAttribute,
    Membership,
    Schema,
    Extension,
    Inheritance,
    ForeignKey,
    Ownership,
    Definer,
    Policy,
    RowSecurity,
    Privilege,
    DefaultPrivilege,
    RoleSetting,
    LeakyView,
    LooseReference,
    TenantCopy,
)
_ROUTINE: Final = {Kind.FUNCTION: "ROUTINE"}  # procedures and aggregates as well
_ATTRIBUTE_WORDS: Final = {"login": "LOGIN", "inherit": "INHERIT"}


def statements(change: Difference) -> list[Statement]:
    """Return what turns the surplus into nothing and the missing into facts, in an order that works."""
    new_roles = {fact.name for fact in change.missing if isinstance(fact, Role)}
    replaced = {fact.slot for fact in change.missing if isinstance(fact, OVERWRITTEN)}
    taken = [fact for fact in change.surplus if not (isinstance(fact, OVERWRITTEN) and fact.slot in replaced)]
    added = [
        fact
        for fact in change.missing
        if not (isinstance(fact, RoleAttribute) and fact.role in new_roles and fact.value == _at_birth(fact))
    ]
    return [*_early(added), *_batched(taken, _take_away), *_late(added)]


def _at_birth(fact: RoleAttribute) -> str:
    return {"inherit": "yes", "connection limit": "-1"}.get(fact.attribute, "no")


def _early(added: list[Fact]) -> Iterator[Statement]:
    return _batched([fact for fact in added if isinstance(fact, (Role, RoleAttribute))], _add)


def _late(added: list[Fact]) -> Iterator[Statement]:
    return _batched([fact for fact in added if not isinstance(fact, (Role, RoleAttribute))], _add)


def _batched(
    facts: Iterable[Fact], render: Callable[[list[Fact]], Iterator[Statement]]
) -> Iterator[Statement]:
    ordered = sorted(facts, key=lambda fact: (_ORDER.index(type(fact)), repr(_batch(fact)), repr(fact)))
    for _, group in groupby(ordered, key=lambda fact: (type(fact), _batch(fact))):
        yield from render(list(group))


def _batch(fact: Fact) -> Hashable:
    """Return what facts must share to be said in one statement."""
    match fact:
        case RoleAttribute(role=role):
            return role
        case Privilege(thing=thing, grantee=grantee, grantable=grantable):
            return (thing, grantee, grantable)
        case DefaultPrivilege(owner, schema, kind, grantee, _, grantable):
            return (owner, schema, kind, grantee, grantable)
    return fact


def _add(batch: list[Fact]) -> Iterator[Statement]:
    match batch[0]:
        case Role(name):
            yield Statement("role", SQL("CREATE ROLE {}").format(Identifier(name)))
        case RoleAttribute(role=role):
            words = SQL(" ").join([_attribute(fact) for fact in batch if isinstance(fact, RoleAttribute)])
            yield Statement("role attribute", SQL("ALTER ROLE {} {}").format(Identifier(role), words))
        case Membership() as fact:
            yield Statement("membership", _join(fact))
        case Schema(name):
            yield Statement("schema", SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(name)))
        case Extension(name, schema):
            yield from _install(name, schema)
        case Ownership() as fact:
            yield Statement("owner", _give(fact, Identifier(fact.owner)))
        case Definer(function, search_path):
            yield Statement("function", _lend(function, search_path))
        case Privilege() as fact:
            yield Statement("grant", _grant(fact, batch))
        case DefaultPrivilege() as fact:
            yield Statement("default privilege", _default(fact, batch, SQL("GRANT"), SQL("TO")))
        case RoleSetting() as fact:
            yield Statement("setting", _set(fact))
        case RowSecurity() as fact:
            yield Statement("row security", _hold_rows(fact))
        case Policy() as fact:
            yield Statement("policy", _drop_policy(fact))
            yield Statement("policy", _create_policy(fact))


def _take_away(batch: list[Fact]) -> Iterator[Statement]:
    match batch[0]:
        case Membership(role=role, member=member, grantor=grantor):
            template = SQL("REVOKE {} FROM {} GRANTED BY {} CASCADE")
            yield Statement(
                "membership", template.format(Identifier(role), Identifier(member), Identifier(grantor))
            )
        case Ownership() as fact:
            yield Statement("owner", _give(fact, SQL("CURRENT_USER")))
        case Definer(function=function):
            yield Statement("function", SQL("ALTER ROUTINE {} SECURITY INVOKER").format(named(function)))
        case Privilege() as fact:
            yield Statement("revoke", _revoke(fact, batch))
        case DefaultPrivilege() as fact:
            yield Statement("default privilege", _default(fact, batch, SQL("REVOKE"), SQL("FROM")))
        case RoleSetting(role=role, name=name) as fact:
            template = SQL("ALTER ROLE {}{} RESET {}")
            who = SQL("ALL") if role == PUBLIC else Identifier(role)
            yield Statement("setting", template.format(who, _in_database(fact), Identifier(name)))
        case ForeignKey(name, table, _):
            template = SQL("ALTER TABLE {} DROP CONSTRAINT {}")
            yield Statement("foreign key", template.format(named(table), Identifier(name)))
        case Inheritance(parent, child, partition):
            template = SQL(
                "ALTER TABLE {1} DETACH PARTITION {0}" if partition else "ALTER TABLE {0} NO INHERIT {1}"
            )
            yield Statement("inheritance", template.format(named(child), named(parent)))
        case Policy() as fact:
            yield Statement("policy", _drop_policy(fact))
        case LeakyView(schema, name):
            template = SQL("ALTER VIEW {} SET (security_barrier = true)")
            yield Statement("view", template.format(Identifier(schema, name)))


def _attribute(fact: RoleAttribute) -> Composable:
    if fact.attribute == "connection limit":
        return SQL("CONNECTION LIMIT {}").format(Literal(int(fact.value)))
    word = fact.attribute.upper()
    return SQL(word if fact.value == "yes" else f"NO{word}")


def _join(fact: Membership) -> Composed:
    flags = SQL("ADMIN {}, INHERIT {}, SET {}").format(
        *(SQL("TRUE" if flag else "FALSE") for flag in (fact.admin, fact.inherit, fact.set_role))
    )
    return SQL("GRANT {} TO {} WITH {}").format(Identifier(fact.role), Identifier(fact.member), flags)


def _install(name: str, schema: str) -> Iterator[Statement]:
    names = (Identifier(name), Identifier(schema))
    yield Statement("extension", SQL("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {}").format(*names))
    yield Statement("extension", SQL("ALTER EXTENSION {} SET SCHEMA {}").format(*names))


def _give(fact: Ownership, owner: Composable) -> Composed:
    # pg_identify_object prints names ready for use in SQL, apart from a schema's, which comes plain.
    identity = Identifier(fact.identity) if fact.type == "schema" else _raw(fact.identity)
    return SQL("ALTER {} {} OWNER TO {}").format(
        _raw(_ALTERED.get(fact.type, fact.type).upper()), identity, owner
    )


_ALTERED: Final = {
    "composite type": "type",
    "statistics object": "statistics",
    "foreign-data wrapper": "foreign data wrapper",
}


def _lend(function: Thing, search_path: str) -> Composed:
    schemas = SQL(", ").join([Identifier(part) for part in search_path.split(", ")])
    template = SQL("ALTER ROUTINE {} SECURITY DEFINER SET search_path = {}")
    return template.format(named(function), schemas)


def _grant(fact: Privilege, batch: list[Fact]) -> Composed:
    template = SQL("GRANT {} ON {} TO {}{}")
    option = SQL(" WITH GRANT OPTION" if fact.grantable else "")
    return template.format(_privileges(batch), _target(fact.thing), _grantee(fact.grantee), option)


def _revoke(fact: Privilege, batch: list[Fact]) -> Composed:
    template = SQL("REVOKE {} ON {} FROM {} CASCADE")
    return template.format(_privileges(batch), _target(fact.thing), _grantee(fact.grantee))


def _privileges(batch: list[Fact]) -> Composable:
    rendered = []
    for fact in batch:
        if isinstance(fact, Privilege):
            column = SQL(" ({})").format(Identifier(fact.column)) if fact.column else SQL("")
            rendered.append(SQL("{}{}").format(_raw(fact.privilege), column))
    return SQL(", ").join(rendered)


def _default(fact: DefaultPrivilege, batch: list[Fact], verb: SQL, preposition: SQL) -> Composed:
    place = SQL(" IN SCHEMA {}").format(Identifier(fact.schema)) if fact.schema else SQL("")
    privileges = SQL(", ").join(
        [_raw(each.privilege) for each in batch if isinstance(each, DefaultPrivilege)]
    )
    template = SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {}{} {} {} ON {} {} {}")
    kind = _raw(f"{fact.kind.value.upper()}S")
    who = _grantee(fact.grantee)
    return template.format(Identifier(fact.owner), place, verb, privileges, kind, preposition, who)


def _set(fact: RoleSetting) -> Composed:
    value: Composable = Literal(fact.value)
    if fact.name == "search_path":
        value = SQL(", ").join([Identifier(part) for part in fact.value.split(", ")])
    template = SQL("ALTER ROLE {}{} SET {} = {}")
    return template.format(Identifier(fact.role), _in_database(fact), Identifier(fact.name), value)


def _in_database(fact: RoleSetting) -> Composable:
    return SQL(" IN DATABASE {}").format(Identifier(fact.database)) if fact.database else SQL("")


def _hold_rows(fact: RowSecurity) -> Composed:
    enabled = SQL("ENABLE" if fact.enabled else "DISABLE")
    forced = SQL("FORCE" if fact.forced else "NO FORCE")
    template = SQL("ALTER TABLE {} {} ROW LEVEL SECURITY, {} ROW LEVEL SECURITY")
    return template.format(named(fact.table), enabled, forced)


def _drop_policy(fact: Policy) -> Composed:
    return SQL("DROP POLICY IF EXISTS {} ON {}").format(Identifier(fact.name), named(fact.table))


def _create_policy(fact: Policy) -> Composed:
    template = SQL("CREATE POLICY {} ON {} AS {} FOR {} TO {} USING {} WITH CHECK {}")
    mode = SQL("PERMISSIVE" if fact.permissive else "RESTRICTIVE")
    roles = SQL(", ").join([_grantee(role) for role in fact.roles])
    rules = (_raw(fact.using), _raw(fact.check))
    return template.format(Identifier(fact.name), named(fact.table), mode, _raw(fact.command), roles, *rules)


def _grantee(name: str) -> Composable:
    return SQL("PUBLIC") if name == PUBLIC else Identifier(name)


def _target(thing: Thing) -> Composed:
    return SQL("{} {}").format(_raw(_ROUTINE.get(thing.kind, thing.kind.value.upper())), named(thing))


def named(thing: Thing) -> Composable:
    """Return an object's name as SQL."""
    match thing.kind:
        case Kind.LARGE_OBJECT:
            return Literal(int(thing.name))
        case Kind.FUNCTION:
            return SQL("{}({})").format(Identifier(thing.schema, thing.name), _raw(thing.arguments))
    return Identifier(thing.schema, thing.name) if thing.schema else Identifier(thing.name)


def _raw(text: str) -> SQL:
    # Key words, and names that PostgreSQL itself has quoted: never text from outside.
    return SQL(text)
