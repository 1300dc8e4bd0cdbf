"""Building a whole tree from sorted entries, in constant memory."""

from collections.abc import Iterable, Iterator

from services.versioning.domain.errors import UnsortedEntries
from services.versioning.domain.tree.boundary import ends_node, separator
from services.versioning.domain.tree.entry import Entry, to_item
from services.versioning.domain.tree.node import EMPTY, Item, NewNode, encode


def build(entries: Iterable[tuple[str, Entry]]) -> Iterator[NewNode]:
    """Yield the nodes of the tree of ``entries``, children first; the last one is its root.

    Paths ascend strictly in byte order, which is code point order, else ``UnsortedEntries``.
    """
    yield from stack(0, _ascending(to_item(path, entry) for path, entry in entries))


def stack(level: int, items: Iterable[Item]) -> Iterator[NewNode]:
    """Yield the nodes that stand on the sorted ``items`` of a level; the last one is the root."""
    storeys = [_Storey(level)]
    for item in items:
        yield from _lay(storeys, 0, item)
    height = 0
    while True:
        storey = storeys[height]
        if storey.rest:
            yield from _close(storeys, height)
        if storey.nodes <= 1:
            break
        height += 1
    if storey.nodes == 0:
        yield EMPTY


class _Storey:
    """One level under construction."""

    def __init__(self, level: int) -> None:
        self.level = level
        self.rest: list[Item] = []
        self.nodes = 0
        self.last_key = b""

    def take_node(self) -> tuple[bytes, NewNode]:
        """Make a node of the items so far; return it behind its key in the level above."""
        key = self.rest[0].key
        if self.level == 0:
            key = separator(self.last_key, key) if self.nodes else b""
        node = encode(self.level, self.rest)
        self.last_key, self.rest = self.rest[-1].key, []
        self.nodes += 1
        return key, node


def _lay(storeys: list[_Storey], height: int, item: Item) -> Iterator[NewNode]:
    if height == len(storeys):
        storeys.append(_Storey(storeys[0].level + height))
    storey = storeys[height]
    storey.rest.append(item)
    if ends_node(storey.level, item.key, len(storey.rest)):
        yield from _close(storeys, height)


def _close(storeys: list[_Storey], height: int) -> Iterator[NewNode]:
    key, node = storeys[height].take_node()
    yield node
    yield from _lay(storeys, height + 1, node.as_item(key))


def _ascending(items: Iterable[Item]) -> Iterator[Item]:
    last = b""
    for item in items:
        if item.key <= last:
            raise UnsortedEntries(f"{item.key!r} comes after {last!r}")
        yield item
        last = item.key
