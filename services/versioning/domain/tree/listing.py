"""Listing a tree page by page, as S3 does: prefix, delimiter, start after, limit."""

from collections.abc import Iterable

from msgspec import Struct

from services.versioning.domain.tree.entry import Entry, to_entry, to_path
from services.versioning.domain.tree.lookup import successor
from services.versioning.domain.tree.node import Item, NodeId
from services.versioning.domain.tree.walk import Reader, Span, Walk
from services.versioning.domain.wire import utf8

BUDGET_GROWTH = 4
Names = dict[bytes, Item | None]
"""What a page lists, in order: a path with its item, or a rolled-up prefix with None."""


class Listing(Struct, frozen=True):
    entries: list[tuple[str, Entry]]
    prefixes: list[str]
    """Paths that have the delimiter behind the prefix, cut behind the delimiter, each once."""
    next: str | None
    """Start the next page after this; None: this was the last one."""


def scan(
    root: NodeId, *, prefix: str = "", delimiter: str = "", start_after: str = "", limit: int
) -> Walk[Listing]:
    """Return the first ``limit`` names with ``prefix`` that are greater than ``start_after``.

    A name is a path or, with a delimiter, a rolled-up prefix. A subtree that rolls up to a single
    prefix is not read. A page is read as if every entry were a name of its own; while names are
    missing, four times as much is read from there on: a flat page costs one query a level.
    """
    query = _Query(utf8(prefix), utf8(delimiter))
    reader = Reader()
    (top,) = yield from reader.roots(root)
    names: Names = {}
    low = query.start(utf8(start_after))
    budget = limit + 1
    while low is not None and len(names) <= limit:
        low = yield from _read_on(reader, top, query, low, budget, names)
        budget *= BUDGET_GROWTH
    return _page(names, limit)


class _Query:
    """Which keys are listed, and under which name."""

    def __init__(self, prefix: bytes, delimiter: bytes) -> None:
        self.prefix = prefix
        self.delimiter = delimiter
        self.high = successor(prefix)

    def start(self, after: bytes) -> bytes | None:
        """Return the least key whose name is greater than ``after``; None: there is none."""
        if after < self.prefix:
            return self.prefix
        rolled = self.rolled(after)
        return after + b"\0" if rolled is None else successor(rolled)

    def rolled(self, key: bytes) -> bytes | None:
        """Return the prefix that ``key`` is listed under; None: under itself."""
        if not self.delimiter or not key.startswith(self.prefix):
            return None
        at = key.find(self.delimiter, len(self.prefix))
        return None if at < 0 else key[: at + len(self.delimiter)]

    def rolled_whole(self, span: Span) -> bytes | None:
        """Return the one prefix that every key of ``span`` is listed under; None: not so."""
        rolled = self.rolled(span.floor)
        if rolled is None or span.upper is None:
            return None
        beyond = successor(rolled)
        return rolled if beyond is not None and span.upper <= beyond else None


def _read_on(
    reader: Reader, top: Span, query: _Query, low: bytes, budget: int, names: Names
) -> Walk[bytes | None]:
    """Add about ``budget`` entries' names from ``low`` on; return where to go on, None: nowhere."""
    parts: list[Span | bytes] = [top]
    end: bytes | None = None
    for _ in range(top.level):
        parts, cut = _within_budget(_expanded(reader, parts, query, low), query, low, budget)
        end = end if cut is None else cut
        yield from reader.open(part for part in parts if isinstance(part, Span))
    for part in parts:
        if isinstance(part, bytes):
            names[part] = None
        else:
            _add_names(names, reader.node(part).items, query, low)
    last = next(reversed(names), b"")
    if end is not None and names.get(last, ...) is None:
        end = max(end, successor(last) or end)
    return end


def _expanded(
    reader: Reader, parts: list[Span | bytes], query: _Query, low: bytes
) -> Iterable[Span | bytes]:
    """Replace each subtree by its children, or by the prefix that a child rolls up to."""
    for part in parts:
        if isinstance(part, bytes):
            yield part
            continue
        for child in reader.children(part):
            if child.meets(low, query.high):
                yield query.rolled_whole(child) or child


def _within_budget(
    parts: Iterable[Span | bytes], query: _Query, low: bytes, budget: int
) -> tuple[list[Span | bytes], bytes | None]:
    """Keep as many parts as ``budget`` asks for; return also where the rest begins, if any."""
    kept: list[Span | bytes] = []
    for part in parts:
        if kept and part == kept[-1]:
            continue
        if budget <= 0:
            return kept, part if isinstance(part, bytes) else part.floor
        kept.append(part)
        if isinstance(part, bytes):
            budget -= 1
        elif part.within(low, query.high):
            budget -= part.count
    return kept, None


def _add_names(names: Names, items: Iterable[Item], query: _Query, low: bytes) -> None:
    for item in items:
        if item.key >= low and (query.high is None or item.key < query.high):
            rolled = query.rolled(item.key)
            if rolled is None:
                names[item.key] = item
            else:
                names[rolled] = None


def _page(names: Names, limit: int) -> Listing:
    listed = list(names.items())[:limit]
    return Listing(
        entries=[(to_path(name), to_entry(item)) for name, item in listed if item is not None],
        prefixes=[to_path(name) for name, item in listed if item is None],
        next=to_path(listed[-1][0]) if len(names) > limit else None,
    )
