"""One node of a tree: a sorted run of items, its bytes, and its name, which is their sha256.

The layout is specified in ``docs/versioning-format.md``. A leaf (level 0) holds entries, a node
above holds children; both are the same shape here, so every algorithm treats all levels alike.
"""

from collections.abc import Sequence
from hashlib import sha256
from operator import attrgetter
from typing import NewType

from msgspec import Struct

from services.versioning.domain.errors import CorruptNode, UnsupportedFormat
from services.versioning.domain.wire import Malformed, finish_varint, put_varint

FORMAT = 0x11
"""First byte of every node: kind 1 (node), version 1."""
ID_BYTES = 32

NodeId = NewType("NodeId", bytes)


class Item(Struct, frozen=True, gc=False):
    """An entry of a leaf, or a child of a node above, with what it counts for."""

    key: bytes
    """A leaf's path; above, the separator: no key below is less, all keys before it are."""
    body: bytes
    """A leaf's encoded entry; above, the child's id."""
    count: int
    """Entries below."""
    size: int
    """The sum of their files' sizes."""


KEY = attrgetter("key")


class Node(Struct, frozen=True):
    level: int
    items: tuple[Item, ...]

    def totals(self) -> tuple[int, int]:
        """Return the number of entries below and the sum of their sizes."""
        return sum(i.count for i in self.items), sum(i.size for i in self.items)


class NewNode(Struct, frozen=True):
    """A node together with its bytes, ready to be stored under its id."""

    node_id: NodeId
    data: bytes
    node: Node

    def as_item(self, key: bytes) -> Item:
        """Return what the node above holds for this one."""
        return Item(key, self.node_id, *self.node.totals())


def shared_prefix(left: bytes, right: bytes) -> int:
    """Return how many leading bytes are equal.

    The highest bit in which two big-endian integers differ tells it without a loop over bytes.
    """
    length = min(len(left), len(right))
    differing = int.from_bytes(left[:length], "big") ^ int.from_bytes(right[:length], "big")
    return length - (differing.bit_length() + 7) // 8


def encode(level: int, items: Sequence[Item]) -> NewNode:
    """Write a node; ``items`` ascend strictly by key."""
    out = bytearray((FORMAT, level))
    put_varint(out, len(items))
    previous = b""
    for item in items:
        shared = shared_prefix(previous, item.key)
        put_varint(out, shared)
        put_varint(out, len(item.key) - shared)
        out += item.key[shared:]
        put_varint(out, item.size)
        put_varint(out, item.count if level else len(item.body))
        out += item.body
        previous = item.key
    data = bytes(out)
    return NewNode(NodeId(sha256(data).digest()), data, Node(level, tuple(items)))


def decode(node_id: NodeId, data: bytes) -> Node:
    """Read a node and prove that it is the one asked for.

    Raises ``CorruptNode`` for bytes that do not hash to ``node_id`` or that no writer makes, and
    ``UnsupportedFormat`` for nodes of a later format.
    """
    if sha256(data).digest() != node_id:
        raise CorruptNode(f"node {node_id.hex()} does not match its digest")
    if data[:1] != bytes((FORMAT,)):
        raise UnsupportedFormat(f"node {node_id.hex()} is not in format {FORMAT:#x}")
    try:
        return _parse(data)
    except (IndexError, Malformed) as fault:
        raise CorruptNode(f"node {node_id.hex()} is malformed: {fault}") from fault


def _parse(data: bytes) -> Node:
    level, at = data[1], 3
    length = data[2]
    if length > 0x7F:
        length, at = finish_varint(data, at, length)
    items: list[Item] = []
    previous = b""
    for _ in range(length):
        key, at = _parse_key(data, at, previous)
        if not key and (level == 0 or items):
            raise Malformed("a key is empty")
        size = data[at]
        at += 1
        if size > 0x7F:
            size, at = finish_varint(data, at, size)
        tail = data[at]
        at += 1
        if tail > 0x7F:
            tail, at = finish_varint(data, at, tail)
        end = at + (ID_BYTES if level else tail)
        items.append(Item(key, data[at:end], tail if level else 1, size))
        at, previous = end, key
    if at != len(data):
        raise Malformed("its length is wrong")
    if level and (not items or not all(item.count for item in items)):
        raise Malformed("a node above the leaves has something empty below")
    return Node(level, tuple(items))


def _parse_key(data: bytes, at: int, previous: bytes) -> tuple[bytes, int]:
    """Read a front-coded key; one test proves both that keys ascend and that sharing is maximal."""
    shared = data[at]
    at += 1
    if shared > 0x7F:
        shared, at = finish_varint(data, at, shared)
    length = data[at]
    at += 1
    if length > 0x7F:
        length, at = finish_varint(data, at, length)
    end = at + length
    if shared > len(previous):
        raise Malformed("a key shares more than the key before it has")
    if shared < len(previous) and (not length or data[at] <= previous[shared]):
        raise Malformed("keys do not ascend, or share more than they say")
    return previous[:shared] + data[at:end], end


EMPTY = encode(0, ())
"""The tree without entries; it need not be stored."""
