"""Tools, resources and prompts as the protocol has them."""

import mcp_types as types

from monolith.tools.attempt import Told
from monolith.tools.definition import Tool
from monolith.tools.offer import Tag
from monolith.tools.prompts import Prompt
from monolith.tools.resources import Resource


def described(tool: Tool) -> types.Tool:
    """Return a tool as the protocol lists it."""
    reads = tool.tag is Tag.READ
    return types.Tool(
        name=tool.name,
        title=_title(tool.name),
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=types.ToolAnnotations(
            read_only_hint=reads,
            destructive_hint=tool.tag is Tag.RESTRICTED,
            idempotent_hint=reads or tool.is_command,
            open_world_hint=False,
        ),
        meta={"fastmonolith/module": tool.module, "fastmonolith/tag": str(tool.tag)},
    )


def result(told: Told) -> types.CallToolResult:
    """Return what a call told as the protocol has it."""
    return types.CallToolResult(
        content=[types.TextContent(text=told.text)],
        structured_content=told.content,
        is_error=told.is_error,
    )


def listed_resource(resource: Resource) -> types.Resource:
    """Return a resource without parameters as the protocol lists it."""
    return types.Resource(
        uri=resource.uri,
        name=resource.tool.offer.name,
        description=resource.tool.description,
        mime_type=resource.offer.media_type,
    )


def template(resource: Resource) -> types.ResourceTemplate:
    """Return a resource with parameters as the protocol lists it."""
    return types.ResourceTemplate(
        uri_template=resource.uri,
        name=resource.tool.offer.name,
        description=resource.tool.description,
        mime_type=resource.offer.media_type,
    )


def described_prompt(prompt: Prompt) -> types.Prompt:
    """Return a prompt as the protocol lists it."""
    schema = prompt.operation.arguments.json_schema()
    described = schema.get("properties", {})
    return types.Prompt(
        name=prompt.name,
        title=_title(prompt.name),
        description=prompt.operation.documentation,
        arguments=[
            types.PromptArgument(
                name=each.name,
                description=described.get(each.name, {}).get("description"),
                required=each.name in schema.get("required", []),
            )
            for each in prompt.parameters
        ],
    )


def _title(name: str) -> str:
    """Return a name without its module, as people write: `knowledge_get_note` is "Get note"."""
    return name.partition("_")[2].replace("_", " ").capitalize()
