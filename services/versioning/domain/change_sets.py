"""What storage is asked to change, in parts that fit into a message. No I/O here."""

from collections.abc import Collection, Iterator, Mapping

import msgspec
from msgspec import Struct, field

from libs.contracts.storage import PathChange, PutContent, RemovePath, state_digest
from services.versioning.domain.tree import Entry

PART_BYTES = 600_000
"""A message may hold 1 MiB; the answer names every path once more, but briefly."""

PART_PATHS = 4_000


class Part(Struct, frozen=True):
    """Some of the changes, and what is expected of their paths and others."""

    changes: list[PathChange] = field(default_factory=list)
    expect: dict[str, None] = field(default_factory=dict)
    """Paths that are no files."""
    expect_states: dict[str, str] = field(default_factory=dict)
    """What the others are: their state's digest."""


def parts_of(
    states: Mapping[str, Entry | None], now: Mapping[str, Entry], reads: Collection[str]
) -> list[Part]:
    """Return what makes each path as ``states`` say, if it and ``reads`` still are as ``now``."""
    parts = [Part()]
    size = 0
    for path, change in _changes(states, reads):
        digest = _digest(now[path]) if path in now else None
        weight = len(msgspec.json.encode((path, digest, change)))
        if size + weight > PART_BYTES or _paths_in(parts[-1]) == PART_PATHS:
            parts.append(Part())
            size = 0
        if change is not None:
            parts[-1].changes.append(change)
        if digest is None:
            parts[-1].expect[path] = None
        else:
            parts[-1].expect_states[path] = digest
        size += weight
    return parts


def _paths_in(part: Part) -> int:
    return len(part.expect) + len(part.expect_states)


def _digest(entry: Entry) -> str:
    return state_digest(entry.sha256.hex(), entry.content_type, entry.metadata, entry.tags)


def _changes(
    states: Mapping[str, Entry | None], reads: Collection[str]
) -> Iterator[tuple[str, PathChange | None]]:
    for path, entry in sorted(states.items()):
        yield path, _change(path, entry)
    for path in sorted(set(reads) - states.keys()):
        yield path, None


def _change(path: str, entry: Entry | None) -> PathChange:
    if entry is None:
        return RemovePath(path=path)
    return PutContent(
        path=path,
        sha256=entry.sha256.hex(),
        content_type=entry.content_type,
        metadata=entry.metadata,
        tags=entry.tags,
    )
