"""How pure algorithms read nodes that live elsewhere.

Every algorithm of this package is a *walk*: a generator that yields the set of node ids it needs
next, is sent a mapping that has them decoded, and returns its result. A walk asks for a whole level
at once and never twice for the same node, so whoever drives it makes one query per level, through
a cache if it likes: nodes are immutable. ``drive`` is the driver for a source that need not wait;
an awaiting one has the same five lines.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from services.versioning.domain.errors import CorruptNode, NodeNotFound
from services.versioning.domain.tree.node import EMPTY, KEY, Node, NodeId

T = TypeVar("T")
Walk = Generator[frozenset[NodeId], Mapping[NodeId, Node], T]


def drive(walk: Walk[T], read: Callable[[frozenset[NodeId]], Mapping[NodeId, Node]]) -> T:
    """Run ``walk`` to its result; ``read`` answers each set of ids that it asks for."""
    try:
        wanted = next(walk)
        while True:
            wanted = walk.send(read(wanted))
    except StopIteration as stop:
        result: T = stop.value
        return result


class Span(Struct, frozen=True):
    """A subtree and the range of keys that it answers for: ``floor <= key < upper``."""

    node_id: NodeId
    level: int
    floor: bytes
    upper: bytes | None
    """None: up to the end."""
    count: int
    size: int

    def within(self, low: bytes, high: bytes | None) -> bool:
        """Return whether every key of the span lies in ``low <= key < high``."""
        return self.floor >= low and (
            high is None or (self.upper is not None and self.upper <= high)
        )

    def meets(self, low: bytes, high: bytes | None) -> bool:
        """Return whether some key of the span may lie in ``low <= key < high``."""
        return (self.upper is None or self.upper > low) and (high is None or self.floor < high)


class Reader:
    """The nodes that one walk has been sent."""

    def __init__(self) -> None:
        self._nodes: dict[NodeId, Node] = {EMPTY.node_id: EMPTY.node}

    def roots(self, *node_ids: NodeId) -> Walk[list[Span]]:
        """Fetch the roots of trees and return each as the span of all keys."""
        yield from self._fetch(node_ids)
        spans = []
        for node_id in node_ids:
            node = self._nodes[node_id]
            spans.append(Span(node_id, node.level, b"", None, *node.totals()))
        for span in spans:
            self._check(span)
        return spans

    def open(self, spans: Iterable[Span]) -> Walk[None]:
        """Fetch the nodes of ``spans``; one that does not fit its parent is ``CorruptNode``."""
        spans = list(spans)
        yield from self._fetch(span.node_id for span in spans)
        for span in spans:
            self._check(span)

    def node(self, span: Span) -> Node:
        """Return the node of a span that was opened."""
        return self._nodes[span.node_id]

    def children(self, span: Span) -> list[Span]:
        """Return what an opened span above the leaves consists of."""
        return [self._child(span, index) for index in range(len(self.node(span).items))]

    def descend(
        self, root: Span, level: int, keys: Sequence[bytes], *, ahead: int = 0
    ) -> Walk[list[tuple[Span, Sequence[bytes]]]]:
        """Open the nodes of ``level`` that answer for the sorted ``keys``, each with its keys.

        With them, and for no further question, it opens up to ``ahead`` siblings behind each.
        """
        groups: list[tuple[Span, Sequence[bytes]]] = [(root, keys)] if keys else []
        for above in range(root.level, level, -1):
            parents = groups
            groups = [part for span, keys in parents for part in self._share(span, keys)]
            wanted = [span for span, _ in groups]
            if ahead and above == level + 1:
                wanted += self._behind(parents, ahead)
            yield from self.open(wanted)
        return groups

    def _share(self, span: Span, keys: Sequence[bytes]) -> Iterable[tuple[Span, Sequence[bytes]]]:
        start = 0
        while start < len(keys):
            child = self._child(span, self._index(span, keys[start]))
            end = len(keys) if child.upper is None else bisect_left(keys, child.upper, start)
            yield child, keys[start:end]
            start = end

    def _behind(
        self, parents: Iterable[tuple[Span, Sequence[bytes]]], ahead: int
    ) -> Iterable[Span]:
        for span, keys in parents:
            length = len(self.node(span).items)
            for key in keys:
                start = self._index(span, key) + 1
                for index in range(start, min(start + ahead, length)):
                    yield self._child(span, index)

    def _index(self, span: Span, key: bytes) -> int:
        return bisect_right(self.node(span).items, key, key=KEY) - 1

    def _child(self, span: Span, index: int) -> Span:
        items = self.node(span).items
        item = items[index]
        upper = items[index + 1].key if index + 1 < len(items) else span.upper
        return Span(NodeId(item.body), span.level - 1, item.key, upper, item.count, item.size)

    def _fetch(self, node_ids: Iterable[NodeId]) -> Walk[None]:
        missing = frozenset(node_ids) - self._nodes.keys()
        if not missing:
            return
        answer = yield missing
        for node_id in missing:
            node = answer.get(node_id)
            if node is None:
                raise NodeNotFound(f"node {node_id.hex()} is not stored")
            self._nodes[node_id] = node

    def _check(self, span: Span) -> None:
        """Refuse a node that hashes well but stands where no writer puts it."""
        node = self._nodes[span.node_id]
        fits = (node.level, *node.totals()) == (span.level, span.count, span.size)
        if fits and node.items:
            first, last = node.items[0].key, node.items[-1].key
            fits = first >= span.floor if node.level == 0 else first == span.floor
            fits = fits and (span.upper is None or last < span.upper)
        if not fits:
            raise CorruptNode(f"node {span.node_id.hex()} does not fit where the tree names it")
