"""Reading single entries, and counting without reading them."""

from bisect import bisect_left
from collections.abc import Iterable

from msgspec import Struct

from services.versioning.domain.tree.entry import Entry, key_of, to_entry
from services.versioning.domain.tree.node import KEY, NodeId
from services.versioning.domain.tree.walk import Reader, Span, Walk
from services.versioning.domain.wire import utf8


class Usage(Struct, frozen=True):
    count: int
    size: int
    """Bytes, the sum of the files' sizes."""


def get(root: NodeId, paths: Iterable[str]) -> Walk[dict[str, Entry]]:
    """Return the entries at ``paths``; a path without one is left out."""
    path_of = {key_of(path): path for path in paths}
    reader = Reader()
    (top,) = yield from reader.roots(root)
    found: dict[str, Entry] = {}
    for span, keys in (yield from reader.descend(top, 0, sorted(path_of))):
        items = reader.node(span).items
        for key in keys:
            index = bisect_left(items, key, key=KEY)
            if index < len(items) and items[index].key == key:
                found[path_of[key]] = to_entry(items[index])
    return found


def usage(root: NodeId, prefix: str = "") -> Walk[Usage]:
    """Count the files below ``prefix`` and their bytes, reading at most two nodes a level."""
    low = utf8(prefix)
    high = successor(low)
    reader = Reader()
    (top,) = yield from reader.roots(root)
    count = size = 0
    border: list[Span] = [top]
    for level in range(top.level, -1, -1):
        inner = [span for span in border if span.within(low, high)]
        count += sum(span.count for span in inner)
        size += sum(span.size for span in inner)
        border = [s for s in border if s.meets(low, high) and not s.within(low, high)]
        yield from reader.open(border)
        if level:
            border = [child for span in border for child in reader.children(span)]
    for span in border:
        items = reader.node(span).items
        inside = [i for i in items if i.key >= low and (high is None or i.key < high)]
        count += len(inside)
        size += sum(item.size for item in inside)
    return Usage(count, size)


def successor(prefix: bytes) -> bytes | None:
    """Return the least key that is greater than every key with ``prefix``; None: there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else None
