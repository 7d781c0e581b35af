"""What notes and sections are called, in links and in addresses."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from apps.knowledge.models import SLUG_LENGTH, TERM_LENGTH

_NO_WORD: Final = re.compile(r"[\W_]+")
_NOT_IN_SLUGS: Final = re.compile(r"[^a-z0-9]+")


def key_of(name: str) -> str:
    """Return the form in which names are compared: letters and digits of any script, in small, with dashes between."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _NO_WORD.sub("-", folded).strip("-")[:TERM_LENGTH].rstrip("-")


def slug_of(name: str) -> str:
    """Return a name as part of an address: a to z, digits and dashes; empty when it has none of them."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return _NOT_IN_SLUGS.sub("-", plain).strip("-")[:SLUG_LENGTH].rstrip("-")


def names_of(slug: str, title: str, aliases: Iterable[str]) -> list[str]:
    """Return the keys that links find a note by, best first."""
    keys = (slug, key_of(title), *map(key_of, aliases))
    return [key for key in dict.fromkeys(keys) if key]
