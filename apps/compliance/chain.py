"""Walking the audit's chains: where the first break is, and that there is none."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.db.models import TextField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from apps.compliance.models import AuditEntry
from monolith import connection

BEFORE_THE_FIRST: Final = "0" * 64
BATCH: Final = 5000  # entries read at once; more takes memory, fewer takes statements

# Every tenant with entries or a head, and how far either goes, as of one moment: entries may be added meanwhile.
_CHAINS: Final = """
SELECT tenant, coalesce(head.position, 0), coalesce(head.hash, %s), coalesce(entries.last, 0)
FROM compliance_audithead AS head
FULL JOIN (SELECT tenant, max(position) AS last FROM compliance_auditentry GROUP BY tenant) AS entries
    USING (tenant)
WHERE %s::text IS NULL OR tenant = %s
ORDER BY tenant
"""


@dataclass(frozen=True, slots=True)
class Chain:
    """How far a tenant's chain goes: by its head, and by its entries."""

    tenant: str
    length: int  # the head's position
    hash: str  # the head's
    last: int  # the greatest position of an entry


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a chain is not what was written."""

    tenant: str
    position: int
    what: str


class Link(NamedTuple):
    """An entry as it is hashed."""

    position: int
    previous: str
    hash: str
    text: str  # its content as PostgreSQL prints it
    own_tenant: str | None  # the tenant and the position that its content names
    own_position: str | None


def chains(tenant: str | None = None) -> list[Chain]:
    """Return the chain of one tenant, or all of them, by tenant."""
    with connection().cursor() as cursor:
        cursor.execute(_CHAINS, [BEFORE_THE_FIRST, tenant, tenant])
        return [Chain(*row) for row in cursor.fetchall()]


def links(chain: Chain) -> Iterator[Link]:
    """Yield a chain's entries in order, as far as its head or its entries went when it was asked for."""
    position = 0
    while batch := list(_batch(chain, after=position)):
        yield from batch
        position = batch[-1].position


def _batch(chain: Chain, *, after: int) -> Iterable[Link]:
    rows = (
        AuditEntry.objects.filter(tenant=chain.tenant, position__gt=after, position__lte=chain.last)
        .order_by("position")
        .annotate(text=Cast("content", TextField()))
        .values_list("position", "previous", "hash", "text", KT("content__tenant"), KT("content__position"))
    )
    return (Link(*row) for row in rows[:BATCH])


def first_break(
    chain: Chain, links: Iterable[Link], *, progress: Callable[[int], object] | None = None
) -> Break | None:
    """Return the first break of a chain, None when it is whole; `progress` is told each position that holds."""
    position, newest = 0, BEFORE_THE_FIRST
    for link in links:
        if what := _flaw(chain.tenant, link, position=position + 1, previous=newest):
            return Break(chain.tenant, position + 1, what)
        position, newest = link.position, link.hash
        if position == chain.length and newest != chain.hash:
            return Break(chain.tenant, position, f"the head says {chain.hash}, the entry {newest}")
        if progress is not None:
            progress(position)
    if position != chain.length:
        return _wrong_end(chain, position)
    return None


def _flaw(tenant: str, link: Link, *, position: int, previous: str) -> str | None:
    if link.position != position:
        return f"the entry is missing; the next one there is {link.position}"
    if link.previous != previous:
        return f"it does not follow the entry before, whose hash is {previous}; it names {link.previous}"
    if hash_of(link.previous, link.text) != link.hash:
        return f"its content is not what was hashed: {link.text}"
    if (link.own_tenant, link.own_position) != (tenant, str(position)):
        return f"it was written for another place: {link.text}"
    return None


def _wrong_end(chain: Chain, position: int) -> Break:
    if position < chain.length:
        what = f"the entry is missing; the head says that there are {chain.length}"
    else:
        what = f"the entry came after the head, which says that there are {chain.length}"
    return Break(chain.tenant, min(position, chain.length) + 1, what)


def hash_of(previous: str, text: str) -> str:
    """Return the hash of an entry whose content prints as `text`: SHA-256 in hexadecimal."""
    return hashlib.sha256(f"{previous}{text}".encode()).hexdigest()
