"""Tree nodes: written once, read in one query a level, kept decoded in memory."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeVar

from prometheus_client import Counter

from libs.chassis.database import Connection
from services.versioning.domain.tree import NewNode, Node, NodeId, Walk, decode
from services.versioning.repository.signing import Signer

T = TypeVar("T")

HITS = Counter("strongroom_versioning_node_cache_hits_total", "Tree nodes found in memory.")
MISSES = Counter("strongroom_versioning_node_cache_misses_total", "Tree nodes read from SQL.")


class NodeCache:
    """The least recently used nodes go first; a node never changes, so none is ever stale.

    Whoever writes history has it, and so has the signer of this process with it.
    """

    def __init__(self, capacity: int, signer: Signer | None = None) -> None:
        self.signer = signer or Signer()
        self._capacity = capacity
        self._nodes: OrderedDict[NodeId, Node] = OrderedDict()

    def pick(self, node_ids: frozenset[NodeId]) -> dict[NodeId, Node]:
        """Return those of ``node_ids`` that are here."""
        found = {}
        for node_id in node_ids:
            node = self._nodes.get(node_id)
            if node is not None:
                self._nodes.move_to_end(node_id)
                found[node_id] = node
        HITS.inc(len(found))
        MISSES.inc(len(node_ids) - len(found))
        return found

    def keep(self, nodes: Mapping[NodeId, Node]) -> None:
        """Remember ``nodes``, which are stored."""
        self._nodes.update(nodes)
        while len(self._nodes) > self._capacity:
            self._nodes.popitem(last=False)


async def drive(
    conn: Connection,
    cache: NodeCache,
    walk: Walk[T],
    made: Mapping[NodeId, NewNode] | None = None,
) -> T:
    """Run ``walk`` to its result, one query for each set of nodes that it asks for.

    Nodes that are not stored yet are taken from ``made``.
    """
    new = made or {}
    try:
        wanted = next(walk)
        while True:
            nodes = {node_id: new[node_id].node for node_id in wanted if node_id in new}
            nodes |= cache.pick(wanted - nodes.keys())
            missing = [node_id for node_id in wanted if node_id not in nodes]
            if missing:
                read = await _read(conn, missing)
                cache.keep(read)
                nodes |= read
            wanted = walk.send(nodes)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def insert_nodes(tx: Connection, nodes: Mapping[NodeId, NewNode]) -> None:
    """Store what is not stored yet."""
    if not nodes:
        return
    # In one order everywhere: two transactions with equal nodes wait, they never deadlock.
    ordered = sorted(nodes.values(), key=lambda node: node.node_id)
    await tx.execute(
        """
        INSERT INTO node (node_id, data)
        SELECT *
        FROM unnest($1::bytea[], $2::bytea[])
        ON CONFLICT DO NOTHING
        """,
        [node.node_id for node in ordered],
        [node.data for node in ordered],
    )


async def _read(conn: Connection, node_ids: list[NodeId]) -> dict[NodeId, Node]:
    rows = await conn.fetch(
        "SELECT node_id, data FROM node WHERE node_id = ANY($1::bytea[])", node_ids
    )
    return {NodeId(row["node_id"]): decode(NodeId(row["node_id"]), row["data"]) for row in rows}
