"""Tools for agents: what a module lets others do through the one MCP server, and who may. See docs/how-to/tools.md."""

from monolith.tools.offer import Tag, prompt, resource, tool

__all__ = ["Tag", "prompt", "resource", "tool"]
