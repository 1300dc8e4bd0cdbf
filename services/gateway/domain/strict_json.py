"""JSON as RFC 8259 wants it and no more: one meaning per text, or none."""

import json
from typing import Any, NoReturn

import msgspec

from services.gateway.domain.failures import MalformedBody


def decode(body: bytes) -> Any:
    """Return the value of ``body``.

    Raises ``MalformedBody`` for what readers disagree about (a name given twice, NaN, half a
    character) and for what only wants to exhaust us (very deep nesting).
    """
    try:
        value = msgspec.json.decode(body)
        json.loads(body, object_pairs_hook=_refuse_twins, parse_constant=_refuse_constant)
    except RecursionError:
        raise MalformedBody("the JSON is nested too deeply") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise MalformedBody(f"this is no JSON: {error}") from None
    return value


def _refuse_twins(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise MalformedBody("a name is given twice", field=name)
        seen.add(name)


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody(f"{name} is no number of JSON")
