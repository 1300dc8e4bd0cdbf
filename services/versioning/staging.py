"""What is staged on a branch: a tree of its own, the branch's last commit with the writes in it.

A path is staged as long as it differs from the branch's commit; so the tree of a branch with
nothing staged is that of its commit. All of it happens under the branch's lock.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from libs.chassis import outbox
from libs.chassis.database import Connection
from libs.contracts.versioning import VersionsExpired
from services.versioning import history
from services.versioning.domain import tree
from services.versioning.domain.tree import Entry, NodeId
from services.versioning.history import Head
from services.versioning.repository import content, nodes, staged
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository

DIGESTS_AT_ONCE = 1000
"""Of what is not needed any more, in one event."""


def shown_tree(head: Head) -> NodeId:
    """Return the tree that readers of a branch see."""
    return head.tree if head.ref.staged_tree is None else head.ref.staged_tree


async def stage(
    tx: Connection,
    cache: NodeCache,
    repository: Repository,
    head: Head,
    states: Mapping[str, Entry | None],
    *,
    actor: str,
) -> None:
    """Set ``states`` in what the branch shows; what is as committed then is not staged any more."""
    bucket_id, branch = repository.bucket_id, head.ref.name
    committed = await nodes.drive(tx, cache, tree.get(head.tree, states))
    different = {path: entry for path, entry in states.items() if committed.get(path) != entry}
    replaced = await staged.delete_paths(tx, bucket_id, branch, states)
    await staged.insert_paths(tx, bucket_id, branch, different, actor=actor)
    await _show(tx, cache, bucket_id, head, shown_tree(head), states)
    await _let_go(tx, repository, replaced)


async def read_staged(
    tx: Connection, cache: NodeCache, repository: Repository, head: Head
) -> dict[str, Entry | None]:
    """Return what each staged path is to become.

    Whoever commits it restages then, which finds it committed.
    """
    paths = await staged.list_paths(tx, repository.bucket_id, head.ref.name)
    entries = await nodes.drive(tx, cache, tree.get(shown_tree(head), paths))
    return {path: entries.get(path) for path in paths}


async def restage(
    tx: Connection,
    cache: NodeCache,
    repository: Repository,
    head: Head,
    *,
    without: Collection[str] = (),
) -> None:
    """Apply what is staged anew, ``without`` these paths, to the commit that the branch got.

    ``head`` is the new one; what it has already is not staged any more.
    """
    if head.ref.staged_tree is None:
        return
    bucket_id, branch = repository.bucket_id, head.ref.name
    states = await read_staged(tx, cache, repository, head)
    committed = await nodes.drive(tx, cache, tree.get(head.tree, states))
    gone = {path for path, entry in states.items() if committed.get(path) == entry}
    gone.update(states.keys() & without)
    dropped = await staged.delete_paths(tx, bucket_id, branch, gone)
    left = {path: entry for path, entry in states.items() if path not in gone}
    await _show(tx, cache, bucket_id, head, head.tree, left)
    await _let_go(tx, repository, dropped)


async def discard(
    tx: Connection, cache: NodeCache, repository: Repository, head: Head, paths: Collection[str]
) -> None:
    """Let these paths of a branch be as committed again."""
    committed = await nodes.drive(tx, cache, tree.get(head.tree, paths))
    dropped = await staged.delete_paths(tx, repository.bucket_id, head.ref.name, paths)
    states = {path: committed.get(path) for path in paths}
    await _show(tx, cache, repository.bucket_id, head, shown_tree(head), states)
    await _let_go(tx, repository, dropped)


async def discard_all(tx: Connection, repository: Repository, branch: str) -> None:
    """Let all of a branch be as committed again."""
    dropped = await staged.delete_all(tx, repository.bucket_id, branch)
    await staged.set_tree(tx, repository.bucket_id, branch, None)
    await _let_go(tx, repository, dropped)


async def _let_go(tx: Connection, repository: Repository, dropped: Collection[str]) -> None:
    """Announce those of ``dropped`` that history does not name any more."""
    digests = sorted(dropped)
    for start in range(0, len(digests), DIGESTS_AT_ONCE):
        part = digests[start : start + DIGESTS_AT_ONCE]
        used = set(await content.list_in_use(tx, repository.bucket_id, part))
        if unnamed := [digest for digest in part if digest not in used]:
            expired = VersionsExpired(
                bucket=repository.bucket, bucket_id=repository.bucket_id, digests=unnamed
            )
            await outbox.add(tx, expired)


async def _show(
    tx: Connection,
    cache: NodeCache,
    bucket_id: UUID,
    head: Head,
    base: NodeId,
    states: Mapping[str, Entry | None],
) -> None:
    """Let the branch show ``base`` with ``states`` in it."""
    edited, _ = await history.edit(tx, cache, base, states)
    await nodes.insert_nodes(tx, edited.nodes)
    shown = None if edited.root == head.tree else edited.root
    await staged.set_tree(tx, bucket_id, head.ref.name, shown)
