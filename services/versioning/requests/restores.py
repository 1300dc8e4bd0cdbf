"""Making files as they were: storage points at bytes that it has, history gets one new commit."""

from collections.abc import Mapping
from datetime import UTC, datetime

from libs.chassis.bus import Bus
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.storage import ApplyChanges, FileChange
from libs.contracts.versioning import Restore, Restored
from services.versioning import history
from services.versioning.catching_up import catch_up
from services.versioning.domain import tree
from services.versioning.domain.recording import Version
from services.versioning.domain.restoring import parts_of, wanted_changes
from services.versioning.domain.tree import Entry, NodeId
from services.versioning.history import Draft, Head
from services.versioning.repository import commits, nodes, refs, repositories, versions
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository
from services.versioning.settings import Settings


@serves(Restore)
async def restore(
    request: Restore, db: Database, bus: Bus, cache: NodeCache, settings: Settings
) -> Restored:
    """Catch up with storage, then change storage and history while nobody else commits here.

    When this process dies in between, storage's events carry the commit's operation and message,
    and become the commit instead.
    """
    await catch_up(request.bucket, db, bus, settings.mark_timeout_s)
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        head = await history.lock_main(tx, repository)
        states = await _wanted(tx, cache, repository, head, request)
        drafted = await _draft(tx, cache, head, states, request)
        if not drafted.changes:
            return Restored(commit_id=head.commit_id.hex() if head.commit_id else "", changed=0)
        changed = await _apply(bus, request, drafted, states, settings.apply_timeout_s)
        crashpoint("after_apply")
        head = await history.write(tx, cache, repository, drafted)
        if head.commit_id is None or head.place is None:
            raise TypeError("a commit was written")
        await versions.insert_versions(
            tx,
            repository.bucket_id,
            head.commit_id,
            head.place.position,
            _versions(changed, states, drafted),
            states,
        )
    return Restored(commit_id=head.commit_id.hex(), changed=len(changed))


async def _wanted(
    tx: Connection, cache: NodeCache, repository: Repository, head: Head, request: Restore
) -> dict[str, Entry | None]:
    """Return the paths that differ from how they were, each with the entry it had."""
    target_id = await refs.get_commit_id(tx, repository.bucket_id, request.to)
    target: NodeId = (await commits.get_commit(tx, repository.bucket_id, target_id)).commit.tree
    if request.paths is None:
        walk = tree.diff(head.tree, target, prefix=request.prefix)
        difference = await nodes.drive(tx, cache, walk)
        return {delta.path: delta.after for delta in difference.deltas}
    now = await nodes.drive(tx, cache, tree.get(head.tree, request.paths))
    then = await nodes.drive(tx, cache, tree.get(target, request.paths))
    return {path: then.get(path) for path in request.paths if now.get(path) != then.get(path)}


async def _draft(
    tx: Connection,
    cache: NodeCache,
    head: Head,
    states: Mapping[str, Entry | None],
    request: Restore,
) -> Draft:
    return await history.draft(
        tx,
        cache,
        head,
        states,
        author=request.actor,
        message=request.message or f"restore {len(states)} files to {request.to[:12]}",
        operation="restore",
        committed_at=datetime.now(UTC),
    )


async def _apply(
    bus: Bus,
    request: Restore,
    drafted: Draft,
    states: Mapping[str, Entry | None],
    timeout_s: float,
) -> list[FileChange]:
    """Let storage make it so; each part is one transaction there."""
    commit_id = drafted.commit_id.hex()
    changed: list[FileChange] = []
    for part in parts_of(wanted_changes(states)):
        answer = await bus.ask(
            ApplyChanges(
                bucket=request.bucket,
                actor=request.actor,
                changes=part,
                message=drafted.commit.message,
                operation="restore",
                commit_id=commit_id,
                lenient=True,
            ),
            timeout_s=timeout_s,
        )
        changed += answer.changed
    return changed


def _versions(
    changed: list[FileChange], states: Mapping[str, Entry | None], drafted: Draft
) -> list[Version]:
    commit = drafted.commit
    return [
        Version(
            path=change.path,
            revision=change.revision,
            operation="restore",
            author=commit.author,
            message=commit.message,
            created_at=commit.committed_at,
            entry=states[change.path],
        )
        for change in changed
    ]
