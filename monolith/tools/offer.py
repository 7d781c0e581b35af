"""How a function says that it is a tool, a resource or a prompt: by a decorator.

Tools are operations of contracts and functions in tools.py; resources and prompts are functions in tools.py.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

_MARK: Final = "__monolith_tool__"
_RESOURCE_MARK: Final = "__monolith_resource__"
_PROMPT_MARK: Final = "__monolith_prompt__"
MARKDOWN: Final = "text/markdown"


class Tag(enum.StrEnum):
    """What a tool may do at most; a token names the tags that it may use, of which modules."""

    READ = "read"  # reads, and PostgreSQL refuses it every write
    PROPOSE = "propose"  # writes down what a person decides on, and changes nothing else
    EXECUTE = "execute"  # changes what the module has
    RESTRICTED = "restricted"  # changes what is hard to undo: a person confirms each call before it happens


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a decorator said of one tool."""

    name: str = ""  # verb and noun, "search_notes"; empty means the function's own
    tag: Tag | None = None  # None means what the kind of the operation says
    cost: int = 1  # of one call, in units of a token's daily allowance
    time_limit_s: float = 30.0  # after which a call counts as failed, whatever it still does
    from_users: bool = True  # its results hold text that users wrote


def tool[F: Callable[..., Any]](
    name: str = "",
    *,
    tag: Tag | None = None,
    cost: int = 1,
    time_limit_s: float = 30.0,
    from_users: bool = True,
) -> Callable[[F], F]:
    """Offer an operation of a contract, or a function in a module's tools.py, as the tool `<module>_<name>`.

    `name` is a verb and a noun, the function's own if it is left out. An operation is tagged by its kind: a query
    reads, a command executes; a function in tools.py names its tag. `from_users=False` says that nothing in the result
    was written by users; all else is given to agents as data that is no instruction.
    """
    offer = Offer(name=name, tag=tag, cost=cost, time_limit_s=time_limit_s, from_users=from_users)

    def mark(function: F) -> F:
        setattr(function, _MARK, offer)
        return function

    return mark


def offer_of(function: Callable[..., Any]) -> Offer | None:
    """Return what a decorator said of a function; None when it is no tool."""
    found = getattr(function, _MARK, None)
    return found if isinstance(found, Offer) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceOffer:
    """What a decorator said of one resource."""

    uri: str  # with the function's parameters in braces
    media_type: str = MARKDOWN
    cost: int = 1
    time_limit_s: float = 30.0
    from_users: bool = True


def resource[F: Callable[..., Any]](
    uri: str,
    *,
    media_type: str = MARKDOWN,
    cost: int = 1,
    time_limit_s: float = 30.0,
    from_users: bool = True,
) -> Callable[[F], F]:
    """Offer a function in a module's tools.py as a resource: text that a client reads by its URI.

    `uri` begins with the module's name and has each parameter of the function in braces: `knowledge://notes/{slug}`.
    Reading one is a call of a tool that is tagged read: by the same scope, at a cost, in the same record.
    """
    offer = ResourceOffer(
        uri=uri, media_type=media_type, cost=cost, time_limit_s=time_limit_s, from_users=from_users
    )

    def mark(function: F) -> F:
        setattr(function, _RESOURCE_MARK, offer)
        return function

    return mark


def resource_offer_of(function: Callable[..., Any]) -> ResourceOffer | None:
    """Return what a decorator said of a function; None when it is no resource."""
    found = getattr(function, _RESOURCE_MARK, None)
    return found if isinstance(found, ResourceOffer) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptOffer:
    """What a decorator said of one prompt."""

    name: str = ""  # the function's own if it is left out
    tools: tuple[str, ...]  # full names of those that its text tells an agent to call


def prompt[F: Callable[..., str]](name: str = "", *, tools: tuple[str, ...]) -> Callable[[F], F]:
    """Offer a function in a module's tools.py as the prompt `<module>_<name>`: text that a person gives an agent.

    Its parameters are texts. `tools` are the full names of the tools that the text counts on: who may not call all of
    them is not shown the prompt.
    """
    offer = PromptOffer(name=name, tools=tools)

    def mark(function: F) -> F:
        setattr(function, _PROMPT_MARK, offer)
        return function

    return mark


def prompt_offer_of(function: Callable[..., Any]) -> PromptOffer | None:
    """Return what a decorator said of a function; None when it is no prompt."""
    found = getattr(function, _PROMPT_MARK, None)
    return found if isinstance(found, PromptOffer) else None
