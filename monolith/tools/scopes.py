"""What a token may call: tags of modules, written `read:knowledge`, or `read:*` for every module."""

from collections.abc import Iterable, Iterator
from typing import Final

from monolith.tools.offer import Tag

EVERY: Final = "*"
FRAMEWORK: Final = "monolith"
"""The module that the framework's own tools stand under."""


def allows(scopes: Iterable[str], tag: Tag, module: str) -> bool:
    """Say whether one of `scopes` allows tools of this tag and module; what none names is denied."""
    return f"{tag}:{module}" in (scopes := frozenset(scopes)) or f"{tag}:{EVERY}" in scopes


def scope_problems(scopes: Iterable[str], modules: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with scopes that somebody wrote, each with the fix."""
    known = {*modules, FRAMEWORK, EVERY}
    tags = {str(tag) for tag in Tag}
    for scope in scopes:
        tag, colon, module = scope.partition(":")
        if not colon:
            yield f"{scope!r} is no scope; write tag:module, as in read:knowledge"
        elif tag not in tags:
            yield f"{scope!r} begins with no tag; use one of {', '.join(sorted(tags))}"
        elif module not in known:
            yield f"{scope!r} names no module; use one of {', '.join(sorted(known))}"


def suggestions(modules: Iterable[str]) -> str:
    """Return in one sentence what scopes are made of."""
    return f"Tags: {', '.join(Tag)}. Modules: {', '.join(sorted({*modules, FRAMEWORK}))}, or {EVERY} for every one."
