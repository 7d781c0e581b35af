"""Column types of PostgreSQL and pgvector that Django's core has no field for.

`django.contrib.postgres` has some, but would have to be installed for every module, and asks each new connection about
types that none of them uses. Searching itself is SQL (`sql/`), so a field only has to carry its value.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:  # Django's own class takes no type arguments when the code runs
    _TextArray = models.Field[Sequence[str], list[str]]
    _Vector = models.Field[Sequence[float], list[float]]
    _TextSearch = models.Field[str, str]
    _Lookup = models.Lookup[Any]
else:
    _TextArray = _Vector = _TextSearch = models.Field
    _Lookup = models.Lookup


class TextArrayField(_TextArray):
    """`text[]` as a list of strings."""

    def db_type(self, connection: Any) -> str:
        return "text[]"


@TextArrayField.register_lookup
class Contains(_Lookup):
    """`tags__contains=["a", "b"]`: both are among them."""

    lookup_name = "contains"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, parameters = self.process_lhs(compiler, connection)
        return f"{column} @> %s::text[]", [*parameters, list(self.rhs)]


class VectorField(_Vector):
    """pgvector's `vector` as a list of numbers, without fixed dimensions: each embedder has its own."""

    def db_type(self, connection: Any) -> str:
        return "vector"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> list[float] | None:
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> str | None:
        return None if value is None else vector_text(value)


class TextSearchField(_TextSearch):
    """`tsvector`, as PostgreSQL prints it."""

    def db_type(self, connection: Any) -> str:
        return "tsvector"


class GinIndex(models.Index):
    """An index over what a column's values contain.

    PostgreSQL puts new entries on a list first, which every look-up reads through. `fastupdate=False` makes writing
    dearer and spares that: for short values that are looked up while others are written.
    """

    suffix = "gin"

    def __init__(self, *, fields: Sequence[str], name: str, fastupdate: bool = True) -> None:
        self.fastupdate = fastupdate
        super().__init__(fields=fields, name=name)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, arguments, options = super().deconstruct()
        return path, arguments, options if self.fastupdate else options | {"fastupdate": False}

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        statement = super().create_sql(model, schema_editor, using=" USING gin", **kwargs)
        if not self.fastupdate:
            parts: dict[str, Any] = statement.parts
            parts["extra"] = f" WITH (fastupdate = off){parts['extra']}"
        return statement


def vector_text(numbers: Sequence[float]) -> str:
    """Return numbers in the form that pgvector reads."""
    return f"[{','.join(map(repr, map(float, numbers)))}]"
