"""The docstrings under the fields of a struct, which Python itself does not keep."""

import ast
import inspect
import textwrap
from typing import Any

import msgspec


def field_notes(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return what is written under each field of ``struct`` and of what it inherits."""
    notes: dict[str, str] = {}
    for cls in reversed(struct.__mro__):
        if issubclass(cls, msgspec.Struct) and cls is not msgspec.Struct:
            notes |= _notes_in(cls)
    return notes


def _notes_in(cls: type) -> dict[str, str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    (definition,) = tree.body
    if not isinstance(definition, ast.ClassDef):
        raise TypeError(f"{cls} is no class")
    notes: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            notes[field.target.id] = " ".join(str(below.value.value).split())
    return notes


def shown_type(schema: dict[str, Any]) -> str:
    """Return a JSON schema in a few words."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rsplit('/', 1)[-1]}`"
    if "anyOf" in schema:
        return " or ".join(shown_type(choice) for choice in schema["anyOf"])
    if "enum" in schema:
        return " \\| ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {shown_type(schema.get('items', {}))}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"map of {shown_type(inner)}" if isinstance(inner, dict) and inner else "object"
    return str(schema.get("format") or schema.get("type") or "any")
