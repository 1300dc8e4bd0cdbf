"""Comparing two trees: only what differs is read."""

from collections.abc import Iterable

from msgspec import Struct

from services.versioning.domain.tree.entry import Entry, to_entry, to_path
from services.versioning.domain.tree.lookup import successor
from services.versioning.domain.tree.node import Item, NodeId
from services.versioning.domain.tree.walk import Reader, Span, Walk
from services.versioning.domain.wire import utf8

FIRST_WINDOW = 64
"""Differing nodes a level that the first part of a page looks at; doubled for each further part."""


class Delta(Struct, frozen=True):
    path: str
    before: Entry | None
    """None: the path was added."""
    after: Entry | None
    """None: the path was removed."""


class Difference(Struct, frozen=True):
    deltas: list[Delta]
    """Sorted by path in byte order: two differences of one base merge like sorted lists."""
    next: str | None
    """Start the next page after this path; None: this was the last one."""


def diff(
    before: NodeId,
    after: NodeId,
    *,
    prefix: str = "",
    start_after: str = "",
    limit: int | None = None,
) -> Walk[Difference]:
    """Return the first ``limit`` paths below ``prefix`` and after ``start_after`` that differ.

    Subtrees with the same id on both sides are equal and not read, so the cost is that of the
    changes, not of the trees. A limited page is read in windows of bounded width, so its cost does
    not grow with the changes behind it.
    """
    reader = Reader()
    old, new = yield from reader.roots(before, after)
    bounds = utf8(prefix)
    high = successor(bounds)
    low: bytes | None = max(bounds, utf8(start_after) + b"\0" if start_after else b"")
    width = None if limit is None else FIRST_WINDOW
    deltas: list[Delta] = []
    while low is not None and (high is None or low < high):
        if limit is not None and len(deltas) > limit:
            break
        window = _Window(low, high, width)
        deltas += yield from _compare(reader, old, new, window)
        low = window.high if window.high != high else None
        width = None if width is None else width * 2
    page = deltas[:limit]
    return Difference(page, page[-1].path if len(page) < len(deltas) else None)


class _Window:
    """The keys that are compared at once; narrowed while too many nodes differ."""

    def __init__(self, low: bytes, high: bytes | None, width: int | None) -> None:
        self.low = low
        self.high = high
        self._width = width

    def clip(self, spans: Iterable[Span]) -> list[Span]:
        """Keep the spans that may hold keys of the window."""
        return [span for span in spans if span.meets(self.low, self.high)]

    def narrow(self, spans: Iterable[Span]) -> None:
        """End the window where the allowed number of ``spans`` ends."""
        if self._width is None:
            return
        ends = sorted(span.upper for span in spans if span.upper is not None)
        if len(ends) > self._width and (self.high is None or ends[self._width] < self.high):
            self.high = ends[self._width]

    def items(self, reader: Reader, leaves: Iterable[Span]) -> dict[bytes, Item]:
        """Return the items of opened leaves that lie in the window."""
        return {
            item.key: item
            for leaf in leaves
            for item in reader.node(leaf).items
            if item.key >= self.low and (self.high is None or item.key < self.high)
        }


def _compare(reader: Reader, old: Span, new: Span, window: _Window) -> Walk[list[Delta]]:
    """Return what differs in ``window``, which gets narrower if that is too much."""
    olds, news = _without_common([old], [new])
    for level in range(max(old.level, new.level), -1, -1):
        window.narrow([*olds, *news])
        olds, news = window.clip(olds), window.clip(news)
        yield from reader.open(span for span in [*olds, *news] if span.level == level)
        if level:
            olds, news = _without_common(_opened(reader, olds, level), _opened(reader, news, level))
    was, now = window.items(reader, olds), window.items(reader, news)
    return [
        Delta(to_path(key), _entry(was.get(key)), _entry(now.get(key)))
        for key in sorted(was.keys() | now.keys())
        if was.get(key) != now.get(key)
    ]


def _opened(reader: Reader, spans: Iterable[Span], level: int) -> list[Span]:
    """Replace the spans of ``level`` by their children; lower ones wait."""
    return [
        part
        for span in spans
        for part in (reader.children(span) if span.level == level else [span])
    ]


def _without_common(olds: list[Span], news: list[Span]) -> tuple[list[Span], list[Span]]:
    """Leave out the subtrees that both sides have."""
    common = {span.node_id for span in olds} & {span.node_id for span in news}
    return (
        [span for span in olds if span.node_id not in common],
        [span for span in news if span.node_id not in common],
    )


def _entry(item: Item | None) -> Entry | None:
    return None if item is None else to_entry(item)
