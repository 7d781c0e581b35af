"""The documents of every contract as files: today's, and those of the last release beside them.

<module>/v<version>/openapi.json        its operations
<module>/v<version>/<Schema>.json       each of its Schemas, as readers take it
<module>/messages/<Name>.v<n>.json      each of its events and commands
asyncapi.json                           all messages, who sends and who handles them
released/…                              the same of the last release
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from monolith.contracts.contract import Contract
from monolith.contracts.documents.asyncapi import asyncapi_document
from monolith.contracts.documents.breaks import RELEASED, Break
from monolith.contracts.documents.json_schema import DIALECT, ContractJsonSchema
from monolith.contracts.documents.messages import message_breaks, message_document, message_path
from monolith.contracts.documents.openapi import openapi_document
from monolith.contracts.documents.releases import document_breaks
from monolith.contracts.messages import Message
from monolith.contracts.schema import Schema

type Files = dict[str, str]
"""Texts by their path in the folder, with slashes."""

OPENAPI: Final = "openapi.json"
ASYNCAPI: Final = "asyncapi.json"
_MESSAGES: Final = "/messages/"


def contract_files(contracts: Iterable[Contract]) -> Files:
    """Return what the folder should hold for these contracts."""
    files: Files = {}
    for contract in contracts:
        place = f"{contract.module}/v{contract.version}"
        files[f"{place}/{OPENAPI}"] = _text(openapi_document(contract))
        for schema in schemas_of(contract):
            files[f"{place}/{schema.__name__}.json"] = _text(schema_document(schema))
    return files


def message_files(messages: Collection[type[Message]], handled: Mapping[str, Collection[str]]) -> Files:
    """Return what the folder should hold for these messages; `handled` are the types that each module subscribes to."""
    files = {message_path(message): _text(message_document(message)) for message in messages}
    return files | ({ASYNCAPI: _text(asyncapi_document(messages, handled))} if messages else {})


def schemas_of(contract: Contract) -> list[type[Schema]]:
    """Return the Schemas of a contract's file, but for its messages, which have documents of their own."""
    file = import_module(contract.interface.__module__)
    return [
        value
        for value in vars(file).values()
        if isinstance(value, type)
        and issubclass(value, Schema)
        and not issubclass(value, Message)
        and value.__module__ == file.__name__
        and not value.__pydantic_generic_metadata__["parameters"]
    ]


def schema_document(schema: type[Schema]) -> dict[str, Any]:
    """Describe one Schema as readers take it: what has a default may be left out."""
    return {"$schema": DIALECT, **TypeAdapter(schema).json_schema(schema_generator=ContractJsonSchema)}


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read_files(folder: Path) -> Files:
    """Return what a folder holds, without the last release."""
    paths = (path for path in folder.rglob("*.json") if path.relative_to(folder).parts[0] != RELEASED)
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}


def write_files(folder: Path, files: Files) -> list[str]:
    """Make a folder hold just `files`, and the last release as before; return the paths that changed."""
    before = read_files(folder)
    for name, text in files.items():
        if before.get(name) != text:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in before.keys() - files.keys():
        (folder / name).unlink()
    return differences(before, files)


def differences(before: Files, files: Files) -> list[str]:
    """Return the paths whose text is not the same in both."""
    return sorted(name for name in before.keys() | files.keys() if before.get(name) != files.get(name))


def release_breaks(released: Files, files: Files) -> Iterator[Break]:
    """Yield what breaks readers of the last release, in every contract's major version and in every message."""
    for name in sorted(name for name in released if name.endswith(f"/{OPENAPI}")):
        place = name.removesuffix(f"/{OPENAPI}")
        if name in files:
            yield from document_breaks(json.loads(released[name]), json.loads(files[name]))
        else:
            fix = f"serve it until nobody calls it, then delete {RELEASED}/{place} to say so"
            yield Break(place.replace("/", "."), "is no longer promised", fix)
    yield from message_breaks(_messages(released), _messages(files).values())


def _messages(files: Files) -> dict[str, Mapping[str, Any]]:
    return {name: json.loads(text) for name, text in sorted(files.items()) if _MESSAGES in name}
