"""What a module's own errors become in its tools."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from monolith.tools.errors import ToolRefused

type Advice = Mapping[type[Exception], str]
"""What to do instead, by the error that was raised."""

_NOTHING: Final[Advice] = MappingProxyType({})


@contextmanager
def refusing(*errors: type[Exception], advice: Advice = _NOTHING) -> Iterator[None]:
    """Tell whoever called what these errors say, which a module's own errors are written for.

    `advice` by error takes the place of what the error says after its first sentence, where that is about HTTP.
    """
    try:
        yield
    except errors as error:
        hint = advice.get(type(error))
        first, dot, _ = str(error).partition(". ")
        raise ToolRefused(f"{first}{dot.strip() or ''} {hint}" if hint else str(error)) from error
