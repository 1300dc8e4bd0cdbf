"""Pages that fit into a message, however long the paths and texts in them are."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

PAGE_BYTES = 600_000
"""A message may hold 1 MiB."""

T = TypeVar("T")


def fitting(items: Sequence[T], *, most_bytes: int = PAGE_BYTES) -> Sequence[T]:
    """Return as many of ``items``, from the first, as one answer holds; never none of several."""
    size = 0
    for count, item in enumerate(items):
        size += len(msgspec.json.encode(item)) + 1
        if count and size > most_bytes:
            return items[:count]
    return items
