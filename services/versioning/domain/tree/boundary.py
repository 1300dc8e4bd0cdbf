"""Where nodes end. Only keys decide, so a changed file never moves a boundary.

Reading a level from its first item on, a node ends behind its n-th item when n is ``MAX_ITEMS``,
or n is at least ``MIN_ITEMS`` and the item's key hashes below ``THRESHOLD``. The rule looks at
nothing but the items since the last boundary: so a level is a pure function of its keys, whatever
the order of the edits that led there, and an edit is over at the first boundary that old and new
have in common.
"""

from collections.abc import Iterable
from hashlib import sha256

from services.versioning.domain.tree.node import Item, shared_prefix

MIN_ITEMS = 8
MAX_ITEMS = 24
THRESHOLD = 51
"""Out of 256: one key in five ends a node that has its minimum, so a node has 12 on average."""


def ends_node(level: int, key: bytes, position: int) -> bool:
    """Return whether a node ends behind its ``position``-th item (from 1), which has ``key``."""
    if position < MIN_ITEMS:
        return False
    return position == MAX_ITEMS or sha256(bytes((level,)) + key).digest()[0] < THRESHOLD


def split(level: int, items: Iterable[Item]) -> tuple[list[list[Item]], list[Item]]:
    """Cut ``items``, the first of which starts a node, into whole nodes and an unfinished rest."""
    nodes: list[list[Item]] = []
    rest: list[Item] = []
    for item in items:
        rest.append(item)
        if ends_node(level, item.key, len(rest)):
            nodes.append(rest)
            rest = []
    return nodes, rest


def separator(before: bytes, first: bytes) -> bytes:
    """Return the shortest prefix of ``first`` that is greater than ``before``.

    It stands for a leaf in the node above (Bayer and Unterauer, Prefix B-trees, 1977): long names
    cost a few bytes there.
    """
    return first[: shared_prefix(before, first) + 1]


def renewed_separator(old: bytes, first: bytes) -> bytes:
    """Return the separator of a leaf that starts with ``first`` now and had ``old`` until now.

    The key before the leaf did not change, and ``old`` holds all that matters of it: everything
    but the last byte of ``old`` is what the two have in common.
    """
    return first[: min(shared_prefix(old, first), len(old) - 1) + 1]
