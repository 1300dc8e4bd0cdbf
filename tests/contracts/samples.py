"""Frozen JSON samples of every word; ``python -m tests.contracts.samples`` adds missing ones.

A sample that exists is never rewritten: old bytes must decode for ever.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect as kinds

from docs.reference.catalogue import all_events, all_requests
from libs.contracts.versioning.words import REF_NAME

FOLDER = Path(__file__).parent / "frozen"
ID = "01a1f6c4-0000-7000-8000-000000000001"
TEXTS = {
    r"^[0-9a-f]{64}$(?!\n)": "ab" * 32,
    r"^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$(?!\n)": "reports",
    r"^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$(?!\n)": "local",
    r"^[a-z][a-z0-9-]{0,40}$(?!\n)": "backup",
    r"^[a-z][a-z0-9-]{0,31}$(?!\n)": "content",
    r"^[a-z][a-z0-9_.-]{0,80}$(?!\n)": "backup.take_snapshot",
    r"^(everyone|key:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(user|group):[A-Za-z0-9][A-Za-z0-9._@+-]{0,99})$(?!\n)": "user:ann",
    REF_NAME: "feature/one",
    r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$(?!\n)": "tests",
}


def words() -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Yield every struct that crosses the wire, with the name of its sample."""
    for event in all_events():
        yield f"event.{event.type}", event
    for request in all_requests():
        yield f"request.{request.subject}", request
        yield f"reply.{request.subject}", request.reply()


def sample(kind: Any) -> Any:
    """Return plain JSON data that is a valid ``kind``, every field given."""
    match kind:
        case kinds.StructType():
            fields = {f.encode_name: sample(f.type) for f in kind.fields}
            return ({kind.tag_field: kind.tag} if kind.tag_field else {}) | fields
        case kinds.StrType():
            return TEXTS[kind.pattern] if kind.pattern else "text".ljust(kind.min_length or 0, "-")
        case kinds.LiteralType():
            return kind.values[0]
        case kinds.UnionType():
            some = [choice for choice in kind.types if not isinstance(choice, kinds.NoneType)]
            return sample(some[0])
        case kinds.ListType():
            return [sample(kind.item_type)]
        case kinds.DictType():
            key = kind.key_type
            named = sample(key) if isinstance(key, kinds.StrType) and key.pattern else "key"
            return {named: sample(kind.value_type)}
        case _:
            return PLAIN[type(kind)]


PLAIN: dict[type, Any] = {
    kinds.UUIDType: ID,
    kinds.DateTimeType: "2026-11-21T10:00:00.123456Z",
    kinds.IntType: 1,
    kinds.FloatType: 0.5,
    kinds.BoolType: True,
    kinds.NoneType: None,
    kinds.AnyType: "anything",
    kinds.BytesType: "AAEC",
}


def add_missing() -> list[str]:
    """Freeze a sample of every word that has none yet; return their names."""
    FOLDER.mkdir(exist_ok=True)
    added = []
    for name, kind in words():
        path = FOLDER / f"{name}.json"
        if not path.exists():
            text = msgspec.json.format(msgspec.json.encode(sample(kinds.type_info(kind))))
            path.write_bytes(text + b"\n")
            added.append(name)
    return added


if __name__ == "__main__":
    for name in add_missing():
        print(name)
