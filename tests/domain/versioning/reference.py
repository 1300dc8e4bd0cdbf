"""The format of ``docs/versioning-format.md`` once more, from the page alone: slow and plain.

It shares no code with the service, so the two agree only if the page says what the service does.
"""

from hashlib import sha256
from itertools import pairwise

File = tuple[str, int, bytes]
"""Path, size and encoded entry."""
Part = tuple[bytes, int, int, bytes]
"""Key, size, tail and body of an item."""


def varint(number: int) -> bytes:
    groups = [number & 127]
    while number := number >> 7:
        groups.append(number & 127)
    return bytes([group | 128 for group in groups[:-1]] + [groups[-1]])


def node(level: int, parts: list[Part]) -> bytes:
    out = bytes([0x11, level]) + varint(len(parts))
    before = b""
    for key, size, tail, body in parts:
        differing = (n for n, (a, b) in enumerate(zip(before, key, strict=False)) if a != b)
        shared = next(differing, min(len(before), len(key)))
        out += varint(shared) + varint(len(key) - shared) + key[shared:]
        out += varint(size) + varint(tail) + body
        before = key
    return out


def cut(level: int, parts: list[Part]) -> list[list[Part]]:
    nodes: list[list[Part]] = [[]]
    for part in parts:
        nodes[-1].append(part)
        n, hashed = len(nodes[-1]), sha256(bytes([level]) + part[0]).digest()[0]
        if n == 24 or (n >= 8 and hashed < 51):
            nodes.append([])
    return nodes if nodes[-1] else nodes[:-1]


def separators(level: int, nodes: list[list[Part]]) -> list[bytes]:
    if level:
        return [parts[0][0] for parts in nodes]
    found = [b""]
    for before, after in pairwise(nodes):
        last, first = before[-1][0], after[0][0]
        found.append(next(first[:n] for n in range(len(first) + 1) if first[:n] > last))
    return found


def tree(files: list[File]) -> dict[bytes, bytes]:
    """The nodes of the tree of ``files`` by id, the root last."""
    parts = sorted((path.encode(), size, len(entry), entry) for path, size, entry in files)
    stored: dict[bytes, bytes] = {}
    level = 0
    while True:
        nodes = cut(level, parts) or [[]]
        above = []
        for key, items in zip(separators(level, nodes), nodes, strict=True):
            data = node(level, items)
            stored[sha256(data).digest()] = data
            count = sum(tail for _, _, tail, _ in items) if level else len(items)
            above.append((key, sum(part[1] for part in items), count, sha256(data).digest()))
        if len(nodes) == 1:
            return stored
        parts, level = above, level + 1
