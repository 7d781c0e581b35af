"""Facts: what can be true about powers in a database, one frozen value each.

What is declared and what the catalogs hold are both sets of these. The audit prints their difference and
`provision` executes it, so the two cannot disagree.
"""

import enum
from dataclasses import dataclass, field
from typing import Final

PUBLIC: Final = "public"
"""The grantee that means everybody. PostgreSQL reserves the name, so no role can carry it."""


class Kind(enum.StrEnum):
    """What a privilege can be held on; the value is the word people read."""

    DATABASE = "database"
    SCHEMA = "schema"
    TABLE = "table"  # views and materialised views too, as in GRANT
    SEQUENCE = "sequence"
    FUNCTION = "function"
    TYPE = "type"
    LANGUAGE = "language"
    LARGE_OBJECT = "large object"
    FOREIGN_DATA_WRAPPER = "foreign data wrapper"
    FOREIGN_SERVER = "foreign server"
    PARAMETER = "parameter"
    TABLESPACE = "tablespace"


@dataclass(frozen=True, slots=True)
class Thing:
    """An object that privileges are held on."""

    kind: Kind
    name: str
    schema: str = ""  # empty where the kind has none
    arguments: str = ""  # of a function: its argument types

    def __str__(self) -> str:
        name = f"{self.schema}.{self.name}" if self.schema else self.name
        return f"{name}({self.arguments})" if self.kind is Kind.FUNCTION else name


@dataclass(frozen=True, slots=True)
class Role:
    """The role exists."""

    name: str

    @property
    def slot(self) -> object:
        return self


@dataclass(frozen=True, slots=True)
class RoleAttribute:
    """An attribute of a role has a value."""

    role: str
    attribute: str  # as in CREATE ROLE, in lower case
    value: str  # "yes", "no" or a number

    @property
    def slot(self) -> object:
        return (RoleAttribute, self.role, self.attribute)


@dataclass(frozen=True, slots=True)
class Membership:
    """One role is a member of another."""

    role: str
    member: str
    admin: bool
    inherit: bool
    set_role: bool
    grantor: str = field(default="", compare=False)  # only needed to take it away

    @property
    def slot(self) -> object:
        return (Membership, self.role, self.member)


@dataclass(frozen=True, slots=True)
class Schema:
    """The schema exists."""

    name: str

    @property
    def slot(self) -> object:
        return self


@dataclass(frozen=True, slots=True)
class Extension:
    """The extension is installed in a schema."""

    name: str
    schema: str

    @property
    def slot(self) -> object:
        return (Extension, self.name)


@dataclass(frozen=True, slots=True)
class Ownership:
    """An object belongs to a role."""

    type: str  # as pg_identify_object names it
    identity: str  # qualified and quoted, as pg_identify_object prints it
    owner: str

    @property
    def slot(self) -> object:
        return (Ownership, self.type, self.identity)


@dataclass(frozen=True, slots=True)
class Privilege:
    """A role, or everybody, may do something with an object."""

    thing: Thing
    grantee: str
    privilege: str
    column: str = ""
    grantable: bool = False

    @property
    def slot(self) -> object:
        return (Privilege, self.thing, self.grantee, self.privilege, self.column)


@dataclass(frozen=True, slots=True)
class DefaultPrivilege:
    """Objects that a role will create come with a privilege for another."""

    owner: str
    schema: str  # empty: in every schema
    kind: Kind
    grantee: str
    privilege: str
    grantable: bool = False

    @property
    def slot(self) -> object:
        return (DefaultPrivilege, self.owner, self.schema, self.kind, self.grantee, self.privilege)


@dataclass(frozen=True, slots=True)
class RoleSetting:
    """A role's sessions start with a parameter set."""

    role: str  # PUBLIC: everybody's
    database: str  # empty: in every database
    name: str
    value: str

    @property
    def slot(self) -> object:
        return (RoleSetting, self.role, self.database, self.name)


@dataclass(frozen=True, slots=True)
class LeakyView:
    """A public view has no security_barrier: a cheap function in a query sees the rows it hides."""

    schema: str
    name: str

    @property
    def slot(self) -> object:
        return self


@dataclass(frozen=True, slots=True)
class Inheritance:
    """A table is the child of another schema's table, so who reads the parent reads its rows."""

    parent: Thing
    child: Thing
    partition: bool

    @property
    def slot(self) -> object:
        return self


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A table refers to another schema's table, so the one learns keys of the other and holds its rows fast."""

    name: str
    table: Thing
    target: Thing

    @property
    def slot(self) -> object:
        return self


@dataclass(frozen=True, slots=True)
class Definer:
    """A function runs with its owner's rights."""

    function: Thing
    search_path: str  # empty: none is fixed, so its caller chooses what its names mean

    @property
    def slot(self) -> object:
        return (Definer, self.function)


@dataclass(frozen=True, slots=True)
class RowSecurity:
    """A table shows its rows by policies, or to all that may read it."""

    table: Thing
    enabled: bool
    forced: bool  # for the owner too

    @property
    def slot(self) -> object:
        return (RowSecurity, self.table)


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule says which of a table's rows are seen and written."""

    table: Thing
    name: str
    permissive: bool
    command: str  # as in CREATE POLICY: ALL, SELECT, …
    roles: tuple[str, ...]
    using: str  # as PostgreSQL prints it; empty when there is none
    check: str

    @property
    def slot(self) -> object:
        return (Policy, self.table, self.name)


@dataclass(frozen=True, slots=True)
class LooseReference:
    """A key lets a row refer to another tenant's row: PostgreSQL checks keys past policies."""

    name: str
    table: Thing
    target: Thing  # a tenant table

    @property
    def slot(self) -> object:
        return self


@dataclass(frozen=True, slots=True)
class TenantCopy:
    """A materialised view holds rows of a tenant table, and no policy holds the view."""

    view: Thing
    table: Thing

    @property
    def slot(self) -> object:
        return self


Fact = (
    Role
    | RoleAttribute
    | Membership
    | Schema
    | Extension
    | Ownership
    | Privilege
    | DefaultPrivilege
    | RoleSetting
    | LeakyView
    | Inheritance
    | ForeignKey
    | Definer
    | RowSecurity
    | Policy
    | LooseReference
    | TenantCopy
)
Facts = frozenset[Fact]

OVERWRITTEN: Final = (RoleAttribute, RoleSetting, Ownership, Definer, Extension, RowSecurity, Policy)
"""Facts that carry one value per slot: adding the right one takes the wrong one away."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is declared and absent, and what is there and not declared."""

    missing: Facts
    surplus: Facts

    def __bool__(self) -> bool:
        return bool(self.missing or self.surplus)


def difference(expected: Facts, actual: Facts) -> Difference:
    """Compare what is declared with what is there."""
    return Difference(missing=expected - actual, surplus=actual - expected)


def mendable(expected: Facts, actual: Facts) -> Difference:
    """Compare as `difference` does, and leave out what only people may change.

    Policies of a table that no module declares may hold something back, and rows of tenant tables that are copied or
    referred to are kept by a migration.
    """
    ours = {fact.table for fact in expected if isinstance(fact, RowSecurity)}
    kept = {
        fact
        for fact in actual
        if isinstance(fact, (LooseReference, TenantCopy))
        or (isinstance(fact, (RowSecurity, Policy)) and fact.table not in ours)
    }
    return difference(expected, actual - kept)
