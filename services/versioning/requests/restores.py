"""Making files as they were: storage points at bytes that it has, history gets one new commit."""

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.versioning import Restore, Restored
from services.versioning.applying import Applier, Change, Planned
from services.versioning.catching_up import catch_up_if_named
from services.versioning.domain import tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.refs import MAIN
from services.versioning.domain.titles import many_files
from services.versioning.domain.tree import Entry, NodeId
from services.versioning.history import Head
from services.versioning.repository import commits, nodes, refs, repositories
from services.versioning.repository.nodes import NodeCache
from services.versioning.settings import Settings


@serves(Restore)
async def restore(
    request: Restore, db: Database, bus: Bus, cache: NodeCache, settings: Settings, applier: Applier
) -> Restored:
    """Commit the state that a branch had, or that anything else had, of the files asked for."""
    # What is not to be there any more has to be known, and what `main` is.
    seen = MAIN if request.branch == MAIN else request.to
    await catch_up_if_named(seen, request.bucket, db, bus, settings.mark_timeout_s)
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)

    async def plan(tx: Connection, head: Head) -> Planned:
        target_id = await refs.get_commit_id(tx, repository.bucket_id, request.to)
        target = await commits.get_commit(tx, repository.bucket_id, target_id)
        states = await _wanted(tx, cache, head, target.commit.tree, request)
        change = Change(
            author=request.actor,
            message=request.message or f"restore {many_files(len(states))} to {_named(request.to)}",
            operation="restore",
            even_empty=head.commit_id is None,  # there is a commit to answer with
        )
        return Planned(states=states, change=change)

    expected = request.expect_head
    applied = await applier.commit(
        repository,
        request.branch,
        plan,
        expect_head=CommitId(bytes.fromhex(expected)) if expected else None,
        fresh=False,  # it has just caught up
        may_write_protected=request.also_protected,
    )
    if applied.head.commit_id is None:
        raise TypeError("a restore makes a first commit, or finds one")
    return Restored(commit_id=applied.head.commit_id.hex(), changed=applied.changed)


async def _wanted(
    tx: Connection, cache: NodeCache, head: Head, target: NodeId, request: Restore
) -> dict[str, Entry | None]:
    """Return the paths that differ from how they were, each with the entry it had."""
    if request.paths is None:
        walk = tree.diff(head.tree, target, prefix=request.prefix)
        difference = await nodes.drive(tx, cache, walk)
        return {delta.path: delta.after for delta in difference.deltas}
    now = await nodes.drive(tx, cache, tree.get(head.tree, request.paths))
    then = await nodes.drive(tx, cache, tree.get(target, request.paths))
    return {path: then.get(path) for path in request.paths if now.get(path) != then.get(path)}


def _named(ref: str) -> str:
    """Return a ref as a title shows it: of a commit's id the beginning is enough."""
    return ref[:12] if len(ref) == 64 else ref
