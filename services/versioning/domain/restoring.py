"""What storage is asked to change, in parts that fit into a message. No I/O here."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from libs.contracts.storage import Change, PathChange, PutContent, RemovePath
from services.versioning.domain.tree import Entry

PART_BYTES = 600_000
"""A message may hold 1 MiB; the answer names every path once more, but briefly."""

PART_CHANGES = 4_000


def wanted_changes(states: Mapping[str, Entry | None]) -> Iterator[PathChange]:
    """Return what makes each path as its entry says, in the order of paths."""
    for path, entry in sorted(states.items()):
        if entry is None:
            yield RemovePath(path=path)
        else:
            yield PutContent(
                path=path,
                sha256=entry.sha256.hex(),
                content_type=entry.content_type,
                metadata=entry.metadata,
                tags=entry.tags,
            )


def parts_of(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Cut ``changes`` into lists that each fit into one request."""
    part: list[Change] = []
    size = 0
    for change in changes:
        weight = len(msgspec.json.encode(change)) + 1
        if part and (size + weight > PART_BYTES or len(part) == PART_CHANGES):
            yield part
            part, size = [], 0
        part.append(change)
        size += weight
    if part:
        yield part
