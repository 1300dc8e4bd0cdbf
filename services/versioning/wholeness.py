"""Whether all content of a commit is still there, before somebody builds on it."""

from collections.abc import Mapping
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.domain import tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import VersionExpired
from services.versioning.domain.refs import MAIN
from services.versioning.domain.tree import Entry
from services.versioning.repository import commits, content, lines, nodes, refs, wholeness
from services.versioning.repository.lines import Segment
from services.versioning.repository.nodes import NodeCache

MOST_TOLD = 100


async def check_whole(
    tx: Connection, cache: NodeCache, bucket_id: UUID, commit_id: CommitId
) -> None:
    """Raise ``VersionExpired`` when content of a commit was given up; it names the first paths.

    Content stays as it is until ``tx`` ends, and longer if a ref names the commit by then.
    """
    await content.lock_for_naming(tx, bucket_id)
    stored = await commits.get_commit(tx, bucket_id, commit_id)
    segments = await lines.list_segments(tx, stored.place)
    seen = await _seen_of_main(tx, bucket_id, segments)
    paths = await wholeness.list_suspects(tx, bucket_id, segments, seen)
    found = await nodes.drive(tx, cache, tree.get(stored.commit.tree, paths))
    await check_kept(tx, bucket_id, found)


async def check_kept(tx: Connection, bucket_id: UUID, found: Mapping[str, Entry]) -> None:
    """Raise ``VersionExpired`` when content that these paths have was given up."""
    if not found or not await content.has_given_up(tx, bucket_id):
        return
    gone = await content.list_given_up(tx, bucket_id, {entry.sha256 for entry in found.values()})
    paths = sorted(path for path, entry in found.items() if entry.sha256 in gone)
    if paths:
        raise VersionExpired(
            f"the content of {paths[0]} was given up", paths=paths[:MOST_TOLD], total=len(paths)
        )


async def _seen_of_main(tx: Connection, bucket_id: UUID, segments: list[Segment]) -> int:
    """Return the last position of main that a history has; -1: none."""
    head = (await refs.get_branch(tx, bucket_id, MAIN)).commit_id
    if head is None:
        return -1
    of_main = await lines.list_segments(tx, await lines.get_place(tx, bucket_id, head))
    last = {segment.line_id: segment.last for segment in of_main}
    return max((min(s.last, last[s.line_id]) for s in segments if s.line_id in last), default=-1)
