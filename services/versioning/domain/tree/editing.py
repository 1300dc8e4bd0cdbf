"""Changing a tree: a new root and the few nodes that no tree had before.

The edit climbs from the leaves to the root and treats all levels alike. On each level it holds the
changes as ``key -> item or None``, finds the nodes that answer for those keys, and cuts their items
anew until a boundary falls where the old one was. The nodes that went and came are the changes of
the level above.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from msgspec import Struct

from services.versioning.domain.tree.boundary import renewed_separator, separator, split
from services.versioning.domain.tree.building import stack
from services.versioning.domain.tree.entry import Entry, key_of, to_item
from services.versioning.domain.tree.node import EMPTY, Item, NewNode, NodeId, encode
from services.versioning.domain.tree.walk import Reader, Span, Walk

Changes = dict[bytes, Item | None]


class Edited(Struct, frozen=True):
    root: NodeId
    count: int
    """Entries in the tree."""
    size: int
    """The sum of their files' sizes."""
    nodes: dict[NodeId, NewNode]
    """What has to be stored besides the nodes of the tree before."""


def edit(root: NodeId, changes: Mapping[str, Entry | None]) -> Walk[Edited]:
    """Set each path to its entry, or remove it where that is None.

    Removing what is not there and setting what is there already change nothing; the result is the
    same tree that ``build`` gives for the same entries.
    """
    reader = Reader()
    (top,) = yield from reader.roots(root)
    pending: Changes = {
        key_of(path): None if entry is None else to_item(path, entry)
        for path, entry in changes.items()
    }
    made: dict[NodeId, NewNode] = {}
    for level in range(top.level + 1):
        runs = yield from _recut(reader, top, level, pending)
        pending = _changes_above(runs, made)
        if not pending:
            return Edited(root, top.count, top.size, {})
    kept: Changes = {b"": Item(b"", root, top.count, top.size)}
    return (yield from _crown(reader, top.level, kept | pending, made))


class _Run:
    """Neighbouring old nodes of one level, cut anew together."""

    def __init__(self, span: Span, old_last: bytes, items: Iterable[Item]) -> None:
        self.level = span.level
        self.floor = span.floor
        self.upper = span.upper
        self.old = {span.floor: span.node_id}
        self.old_last = old_last
        self.cut: list[list[Item]] = []
        self.rest: list[Item] = []
        self._append(items)

    @property
    def open(self) -> bool:
        """Whether the old node behind this run is touched as well.

        So it is when the last new node goes on into it, and behind a leaf that ends with another
        key than before, because the separator between the two depends on that key.
        """
        if self.rest or self.level:
            return bool(self.rest)
        return not self.cut or self.cut[-1][-1].key != self.old_last

    def absorb(self, follower: "_Run") -> None:
        """Go on through the run that starts where this one ends."""
        self.old |= follower.old
        self.old_last = follower.old_last
        self.upper = follower.upper
        self._append([*(item for node in follower.cut for item in node), *follower.rest])

    def _append(self, items: Iterable[Item]) -> None:
        nodes, self.rest = split(self.level, [*self.rest, *items])
        self.cut += nodes
        if self.upper is None and self.rest:
            self.cut.append(self.rest)
            self.rest = []

    def new_nodes(self) -> Iterable[tuple[bytes, NewNode]]:
        """Return the nodes of a run that is not open, each behind its key in the level above."""
        last_key = b""
        for items in self.cut:
            key = items[0].key
            if self.level == 0 and last_key:
                key = separator(last_key, key)
            elif self.level == 0:
                key = renewed_separator(self.floor, key)
            yield key, encode(self.level, items)
            last_key = items[-1].key


def _recut(reader: Reader, top: Span, level: int, changes: Changes) -> Walk[list[_Run]]:
    """Apply ``changes`` to a level and return what became of the nodes that they touch.

    A run that stays open needs the node behind it, and rarely many; more and more of them are
    read ahead, so that few questions are asked.
    """
    runs: list[_Run] = []
    for span, keys in (yield from reader.descend(top, level, sorted(changes))):
        before = reader.node(span).items
        after = _apply(before, keys, changes)
        if after != before:
            runs.append(_Run(span, _last_key(before), after))
    ahead = 1
    while True:
        runs = _joined(runs)
        ends = [run.upper for run in runs if run.open and run.upper is not None]
        if not ends:
            return runs
        followers = yield from reader.descend(top, level, ends, ahead=ahead)
        ahead = 2 * ahead + 1
        for span, _ in followers:
            items = reader.node(span).items
            runs.append(_Run(span, _last_key(items), items))


def _last_key(items: Sequence[Item]) -> bytes:
    return items[-1].key if items else b""


def _joined(runs: list[_Run]) -> list[_Run]:
    """Let each open run absorb the run behind it, from left to right."""
    joined: list[_Run] = []
    for run in sorted(runs, key=attrgetter("floor")):
        if joined and joined[-1].open and joined[-1].upper == run.floor:
            joined[-1].absorb(run)
        else:
            joined.append(run)
    return joined


def _apply(items: tuple[Item, ...], keys: Sequence[bytes], changes: Changes) -> tuple[Item, ...]:
    by_key = {item.key: item for item in items}
    for key in keys:
        item = changes[key]
        if item is None:
            by_key.pop(key, None)
        else:
            by_key[key] = item
    return tuple(by_key[key] for key in sorted(by_key))


def _changes_above(runs: Iterable[_Run], made: dict[NodeId, NewNode]) -> Changes:
    """Note the new nodes in ``made`` and return what changes in the level above."""
    above: dict[bytes, Item | None] = {}
    for run in runs:
        above |= dict.fromkeys(run.old)
        for key, new in run.new_nodes():
            if run.old.get(key) == new.node_id:
                del above[key]
            else:
                above[key] = new.as_item(key)
                made[new.node_id] = new
    return above


def _crown(
    reader: Reader, level: int, top_nodes: Changes, made: dict[NodeId, NewNode]
) -> Walk[Edited]:
    """Give the nodes that are now in the old root's level, by key, a root of their own.

    The old root is among them if it is still a node. The new one is the lowest node that stands
    alone in its level, so a tree that shrank loses the nodes above it.
    """
    items = [item for _, item in sorted(top_nodes.items()) if item is not None]
    if not items:
        return Edited(EMPTY.node_id, 0, 0, {})
    if len(items) > 1:
        for new in stack(level + 1, items):
            made[new.node_id] = new
        root = new.as_item(b"")
    else:
        root = yield from _without_chain(reader, items[0], level, made)
    return Edited(NodeId(root.body), root.count, root.size, made)


def _without_chain(
    reader: Reader, root: Item, level: int, made: dict[NodeId, NewNode]
) -> Walk[Item]:
    """Go down from ``root`` as long as there is a single child; return the root that remains."""
    while level:
        items = yield from _items_of(reader, root, level, made)
        if len(items) > 1:
            break
        made.pop(NodeId(root.body), None)
        root = items[0]
        level -= 1
    return root


def _items_of(
    reader: Reader, item: Item, level: int, made: dict[NodeId, NewNode]
) -> Walk[Sequence[Item]]:
    """Return the items of a node that was made just now or existed before."""
    node_id = NodeId(item.body)
    if node_id in made:
        return made[node_id].node.items
    span = Span(node_id, level, item.key, None, item.count, item.size)
    yield from reader.open([span])
    return reader.node(span).items
