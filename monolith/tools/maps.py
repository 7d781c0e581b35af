"""The map of modules as a token may see it, in Markdown: of all of them, and of one."""

from typing import Final

from monolith.composition import composed
from monolith.module import Module
from monolith.tools.calls import visible_tools
from monolith.tools.definition import Tool
from monolith.tools.prompts import visible_prompts
from monolith.tools.resources import visible_resources
from monolith.tools.scopes import FRAMEWORK
from monolith.tools.tokens import Identity

MAP: Final = f"{FRAMEWORK}://modules"


def map_uri(module: str) -> str:
    """Return where the map of one module is read."""
    return f"{MAP}/{module}"


def mapped_modules(identity: Identity) -> list[Module]:
    """Return the composed modules of which a token may call something."""
    may = {tool.module for tool in visible_tools(identity)}
    return [module for name, module in composed().modules.items() if name in may]


def map_at(uri: str, identity: Identity) -> str | None:
    """Return the map that a URI names; None when it names none that this token may see."""
    if uri == MAP:
        return map_of_all(identity)
    for module in mapped_modules(identity):
        if uri == map_uri(module.name):
            return map_of_one(module, identity)
    return None


def map_of_all(identity: Identity) -> str:
    """Return the modules of which a token may call something, and what."""
    lines = ["# Modules", ""]
    tools = visible_tools(identity)
    for module in mapped_modules(identity):
        lines.append(f"- **{module.display_title}** (`{module.name}`): {module.summary or 'no summary'}")
        lines += [f"  - `{tool.name}`" for tool in tools if tool.module == module.name]
    return _text(lines)


def map_of_one(module: Module, identity: Identity) -> str:
    """Return what one module is for, what it requires, and what a token may do with it."""
    requires = ", ".join(f"`{name}`" for name in module.requires) or "nothing"
    lines = [f"# {module.display_title}", "", module.summary or "No summary.", "", f"Requires: {requires}"]
    tools = [tool for tool in visible_tools(identity) if tool.module == module.name]
    lines += ["", "## Tools", "", *(_line(tool) for tool in tools)]
    found = [each for each in visible_resources(identity) if each.tool.module == module.name]
    if found:
        lines += ["", "## Resources", ""]
        lines += [f"- `{each.uri}`: {each.tool.operation.documentation}" for each in found]
    prompts = [each for each in visible_prompts(identity) if each.operation.module == module.name]
    if prompts:
        lines += ["", "## Prompts", ""]
        lines += [f"- `{each.name}`: {each.operation.documentation}" for each in prompts]
    return _text(lines)


def _line(tool: Tool) -> str:
    return f"- `{tool.name}` ({tool.tag}): {tool.operation.documentation.partition('\n')[0]}"


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
