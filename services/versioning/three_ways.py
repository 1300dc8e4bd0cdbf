"""Three-way merges of stored trees, and how their conflicts are told."""

from collections.abc import Sequence

from libs.chassis.database import Connection
from libs.contracts.pages import fitting
from libs.contracts.versioning import Conflict as ToldConflict
from libs.contracts.versioning import FileState
from services.versioning.domain import merging, tree
from services.versioning.domain.errors import MergeConflict
from services.versioning.domain.merging import Conflict, ThreeWay
from services.versioning.domain.tree import Delta, Entry, NodeId
from services.versioning.repository import nodes
from services.versioning.repository.nodes import NodeCache

CONFLICTS_TOLD = 1_000


async def merge_trees(
    conn: Connection, cache: NodeCache, *, base: NodeId, ours: NodeId, theirs: NodeId
) -> ThreeWay:
    """Bring what ``theirs`` changed to ``ours``; only what differs from ``base`` is read."""
    our_changes = await nodes.drive(conn, cache, tree.diff(base, ours))
    their_changes = await nodes.drive(conn, cache, tree.diff(base, theirs))
    return merging.merge(our_changes.deltas, their_changes.deltas)


async def merge_over(
    conn: Connection, cache: NodeCache, *, bases: Sequence[NodeId], ours: NodeId, theirs: NodeId
) -> ThreeWay:
    """Bring ``theirs`` to ``ours`` where both have several best common ancestors, the newest first.

    A path of which these lead to different results was settled before, on each side in its own
    way: that is a conflict.
    """
    merged = await merge_trees(conn, cache, base=bases[0], ours=ours, theirs=theirs)
    disputed: set[str] = set()
    for base in bases[1:]:
        other = await merge_trees(conn, cache, base=base, ours=ours, theirs=theirs)
        disputed |= merging.disputed(merged, other)
    if not disputed:
        return merged
    paths = sorted(disputed)
    before, our, their = [
        await nodes.drive(conn, cache, tree.get(root, paths)) for root in (bases[0], ours, theirs)
    ]
    return merging.with_conflicts(
        merged,
        [Conflict(path, before.get(path), our.get(path), their.get(path)) for path in paths],
    )


async def merge_deltas(
    conn: Connection, cache: NodeCache, *, ours: NodeId, theirs: Sequence[Delta]
) -> ThreeWay:
    """Bring single changes to ``ours``; only the paths that they are about are read."""
    now = await nodes.drive(conn, cache, tree.get(ours, [delta.path for delta in theirs]))
    ours_since = [
        Delta(delta.path, delta.before, now.get(delta.path))
        for delta in theirs
        if now.get(delta.path) != delta.before
    ]
    return merging.merge(ours_since, theirs)


def refusal(conflicts: Sequence[Conflict]) -> MergeConflict:
    """Return the problem that tells of conflicts."""
    more = f" and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
    return MergeConflict(
        f"both sides changed {conflicts[0].path!r}{more}",
        conflicts=told(conflicts),
        conflicts_total=len(conflicts),
    )


def told(conflicts: Sequence[Conflict]) -> list[ToldConflict]:
    """Return the first conflicts, as many as an answer holds."""
    first = [
        ToldConflict(
            path=conflict.path,
            base=_file_state(conflict.base),
            ours=_file_state(conflict.ours),
            theirs=_file_state(conflict.theirs),
        )
        for conflict in conflicts[:CONFLICTS_TOLD]
    ]
    return list(fitting(first))


def _file_state(entry: Entry | None) -> FileState | None:
    if entry is None:
        return None
    return FileState(sha256=entry.sha256.hex(), size=entry.size, content_type=entry.content_type)
