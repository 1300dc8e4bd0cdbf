"""Trees in memory: a store that counts its queries, and small ways to make entries."""

from collections.abc import Generator, Mapping
from hashlib import sha256
from typing import TypeVar

from services.versioning.domain import tree
from services.versioning.domain.tree import Entry, Node, NodeId

T = TypeVar("T")


def an_entry(
    content: int = 0, content_type: str = "text/plain", **described: dict[str, str]
) -> Entry:
    digest = sha256(str(content).encode()).digest()
    return Entry(digest, 100 + content, content_type, **described)


class Store:
    """Nodes by id, as PostgreSQL keeps them: nothing but bytes."""

    def __init__(self) -> None:
        self.nodes: dict[NodeId, bytes] = {}
        self.queries: list[int] = []

    def read(self, node_ids: frozenset[NodeId]) -> Mapping[NodeId, Node]:
        self.queries.append(len(node_ids))
        return {i: tree.decode(i, self.nodes[i]) for i in node_ids if i in self.nodes}

    def run(self, walk: Generator[frozenset[NodeId], Mapping[NodeId, Node], T]) -> T:
        self.queries = []
        return tree.drive(walk, self.read)

    def build(self, entries: Mapping[str, Entry]) -> NodeId:
        root = tree.EMPTY.node_id
        for new in tree.build(sorted(entries.items())):
            self.nodes[new.node_id] = new.data
            root = new.node_id
        return root

    def edit(self, root: NodeId, changes: Mapping[str, Entry | None]) -> NodeId:
        edited = self.run(tree.edit(root, changes))
        self.nodes |= {node_id: new.data for node_id, new in edited.nodes.items()}
        return edited.root

    def entries(self, root: NodeId) -> dict[str, Entry]:
        return dict(self.run(tree.scan(root, limit=1_000_000)).entries)

    def reachable(self, root: NodeId) -> dict[NodeId, Node]:
        """Every node of a tree, the root first."""
        node = tree.decode(root, self.nodes[root])
        found = {root: node}
        for item in node.items if node.level else ():
            found |= self.reachable(NodeId(item.body))
        return found

    def depth(self, root: NodeId) -> int:
        """How many nodes lie between a tree's root and an entry, both ends counted."""
        return tree.decode(root, self.nodes[root]).level + 1


def applied(entries: Mapping[str, Entry], changes: Mapping[str, Entry | None]) -> dict[str, Entry]:
    """What a dict says after ``changes``."""
    after: dict[str, Entry | None] = {**entries, **changes}
    return {path: entry for path, entry in after.items() if entry is not None}
