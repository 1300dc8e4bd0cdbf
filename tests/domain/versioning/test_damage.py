"""Damaged or foreign bytes are named, whatever they are; nothing else is ever raised."""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.versioning.domain import commits, tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import (
    CorruptCommit,
    CorruptNode,
    NodeNotFound,
    UnsupportedFormat,
)
from services.versioning.domain.tree import NewNode, NodeId
from services.versioning.domain.tree.entry import to_entry
from services.versioning.domain.tree.node import Item, encode
from tests.domain.versioning.test_commits import a_commit
from tests.domain.versioning.trees import Store, an_entry

pytestmark = pytest.mark.domain


A_LEAF = next(tree.build([("q", an_entry())]))


def a_described_tree() -> list[NewNode]:
    entry = an_entry(content_type="x/y", metadata={"a": "1"}, tags={"b": "2"})
    return list(tree.build((f"{i:03d}é", entry) for i in range(60)))


def named(data: bytes) -> NodeId:
    return NodeId(sha256(data).digest())


edits = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=3)


@settings(max_examples=120)
@given(st.sampled_from(a_described_tree()), edits, st.integers(0, 2000))
def test_a_damaged_node_is_named_even_if_its_digest_was_made_to_fit(
    new: NewNode, damage: list[tuple[int, int]], keep: int
) -> None:
    data = bytearray(new.data[:keep])
    for at, byte in damage:
        if data:
            data[at % len(data)] = byte
    damaged = bytes(data)

    with suppress(CorruptNode, UnsupportedFormat):
        node = tree.decode(named(damaged), damaged)
        assert encode(node.level, node.items).data == damaged
        for item in node.items if node.level == 0 else ():
            to_entry(item)


@settings(max_examples=100)
@given(st.binary(max_size=80).map(lambda tail: b"\x11" + tail))
def test_any_bytes_are_a_node_in_its_only_encoding_or_named(data: bytes) -> None:
    with suppress(CorruptNode):
        node = tree.decode(named(data), data)
        assert encode(node.level, node.items).data == data


@settings(max_examples=100)
@given(edits, st.integers(0, 300))
def test_a_damaged_commit_is_named_even_if_its_digest_was_made_to_fit(
    damage: list[tuple[int, int]], keep: int
) -> None:
    data = bytearray(commits.encode(a_commit())[:keep])
    for at, byte in damage:
        if data:
            data[at % len(data)] = byte
    damaged = bytes(data)

    with suppress(CorruptCommit, UnsupportedFormat):
        assert commits.encode(commits.decode(commits.id_of(damaged), damaged)) == damaged


def test_bytes_that_do_not_hash_to_the_name_are_refused() -> None:
    data = tree.EMPTY.data
    with pytest.raises(CorruptNode, match="does not match its digest"):
        tree.decode(NodeId(bytes(32)), data)
    with pytest.raises(CorruptCommit, match="does not match its digest"):
        commits.decode(CommitId(bytes(32)), commits.encode(a_commit()))


def test_a_later_format_is_told_from_damage() -> None:
    node, commit = b"\x12" + tree.EMPTY.data[1:], b"\xc2" + commits.encode(a_commit())[1:]
    with pytest.raises(UnsupportedFormat):
        tree.decode(named(node), node)
    with pytest.raises(UnsupportedFormat):
        commits.decode(commits.id_of(commit), commit)


@pytest.mark.parametrize(
    "walk",
    [
        lambda root: tree.get(root, ["a", "c"]),
        lambda root: tree.scan(root, limit=10),
        lambda root: tree.usage(root, "a"),
        lambda root: tree.edit(root, {"a": an_entry(), "c": None}),
        lambda root: tree.diff(root, A_LEAF.node_id),
    ],
    ids=["get", "scan", "usage", "edit", "diff"],
)
@pytest.mark.parametrize(
    "children",
    [
        [Item(b"", b"\0" * 32, 1, 1)],
        [Item(b"x", tree.EMPTY.node_id, 1, 1)],
        [Item(b"", tree.EMPTY.node_id, 1, 0)],
        [Item(b"", encode(0, [Item(b"z", b"", 1, 0)]).node_id, 1, 0), Item(b"b", b"1" * 32, 1, 0)],
        [Item(b"", encode(1, [Item(b"", b"2" * 32, 1, 0)]).node_id, 1, 0)],
    ],
    ids=["missing", "first-key", "empty-child", "child-beyond-its-range", "child-of-wrong-level"],
)
def test_nodes_put_together_wrongly_are_named_by_every_walk(
    walk: Callable[[NodeId], tree.Walk[object]], children: list[Item]
) -> None:
    store = Store()
    root = encode(1, children)
    for new in (
        root,
        A_LEAF,
        encode(0, [Item(b"z", b"", 1, 0)]),
        encode(1, [Item(b"", b"2" * 32, 1, 0)]),
    ):
        store.nodes[new.node_id] = new.data

    with pytest.raises((CorruptNode, NodeNotFound)):
        store.run(walk(root.node_id))
