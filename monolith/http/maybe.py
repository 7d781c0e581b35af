"""Parameters that may be left out."""

from types import NoneType
from typing import Annotated, Any, TypeAlias, TypeVar, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

T = TypeVar("T")


class Absent:
    """Makes an optional value one that may be left out, but not null: a query cannot say null.

    As a union it would also double every error and put the union's parts into the field's name.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (given,) = (part for part in get_args(source) if part is not NoneType)
        return handler.generate_schema(given)


Maybe: TypeAlias = Annotated[T | None, Absent]  # noqa: UP040 - a `type` would get a schema of its own
"""A field of a request that is None when it was left out: `near: Maybe[Place] = None`."""
