"""``docs/asyncapi.json``: the events as an AsyncAPI 3.0 document."""

import inspect
import json
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from docs.reference.catalogue import all_events
from libs.contracts.base import Event
from libs.contracts.streams import stream_for

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def document() -> str:
    """Return the document as indented JSON."""
    kinds = all_events()
    schemas, components = msgspec.json.schema_components(
        kinds, ref_template="#/components/schemas/{name}"
    )
    messages = {
        kind.type: _message(kind, schema) for kind, schema in zip(kinds, schemas, strict=True)
    }
    described = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Strongroom events",
            "version": tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"],
        },
        "channels": {kind.type: _channel(kind) for kind in kinds},
        "operations": {
            f"hear-{kind.type}": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{kind.type}"},
            }
            for kind in kinds
        },
        "components": {"messages": messages, "schemas": components},
    }
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def _channel(kind: type[Event]) -> dict[str, Any]:
    return {
        "address": f"{kind.type}.{{{kind.key_field}}}",
        "description": f"Kept in the stream {stream_for(kind.type).name}.",
        "parameters": {kind.key_field: {}},
        "messages": {kind.type: {"$ref": f"#/components/messages/{kind.type}"}},
    }


def _message(kind: type[Event], schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": kind.type,
        "summary": (inspect.getdoc(kind) or "").split("\n", 1)[0],
        "contentType": "application/json",
        "payload": schema,
    }
