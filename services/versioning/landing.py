"""Commits that storage applied to main become part of its history, once and whole.

Whoever asked storage does it, or the first event that tells of it, whichever is first to have the
lock of main: so it does not matter whether the asker lives.
"""

from msgspec import Struct
from msgspec.structs import replace

from libs.chassis.database import Connection
from libs.contracts.storage import ChangesApplied, FileChange
from libs.contracts.values import Operation
from libs.contracts.versioning import EntryChange
from services.versioning import history
from services.versioning.domain import tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.recording import Version
from services.versioning.domain.tree import EMPTY, Delta, Edited, Entry, NodeId
from services.versioning.history import CHANGES_TOLD, Draft, Head, entry_changes
from services.versioning.repository import commits, lines, nodes, pending, versions
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.pending import Pending
from services.versioning.repository.repositories import Repository


class Landed(Struct, frozen=True):
    """What a commit became."""

    main: Head
    """Where main stands now: there, or further on."""
    made: Head
    """Where main stood when it was written."""


class Base(Struct, frozen=True):
    """What a pending commit was meant to be put on."""

    tree: NodeId
    merges: tuple[CommitId, ...]


async def keep(tx: Connection, repository: Repository, drafted: Draft) -> None:
    """Store a commit as pending, with its nodes; storage is asked when this is committed."""
    await nodes.insert_nodes(tx, drafted.edited.nodes)
    await pending.insert_pending(
        tx,
        repository.bucket_id,
        drafted.commit,
        files=drafted.edited.count,
        size=drafted.edited.size,
    )


async def finish(
    tx: Connection,
    cache: NodeCache,
    repository: Repository,
    drafted: Draft,
    answer: ChangesApplied,
) -> Head:
    """Write what storage applied a moment ago; return the commit that it became.

    Versions are recorded as well, if the answer tells them all; otherwise events do.
    """
    main = await history.lock_main(tx, repository)
    if main.commit_id == drafted.head.commit_id:
        edited = replace(drafted.edited, nodes={})  # they are stored
        drafted = replace(drafted, head=main, edited=edited)
        made = await history.write(tx, cache, repository, drafted)
        await pending.delete_pending(tx, repository.bucket_id, drafted.commit_id)
    else:
        landed = await land(tx, cache, repository, main, drafted.commit_id)
        if landed is None:
            raise TypeError("a pending commit is kept for longer than storage may take")
        made = landed.made
    if not answer.truncated:
        await _record(tx, cache, repository, made, drafted, answer)
    return made


async def _record(
    tx: Connection,
    cache: NodeCache,
    repository: Repository,
    made: Head,
    drafted: Draft,
    answer: ChangesApplied,
) -> None:
    """Record the versions of what the commit holds; its other paths changed again since."""
    if made.commit_id is None or made.place is None:
        raise TypeError("a commit was written")
    paths = [change.path for change in answer.changed]
    held = await nodes.drive(tx, cache, tree.get(made.tree, paths))
    recorded = [
        _version(change, drafted)
        for change in answer.changed
        if held.get(change.path) == drafted.states[change.path]
    ]
    await versions.insert_versions(
        tx,
        repository.bucket_id,
        made.commit_id,
        made.place.position,
        recorded,
        drafted.states,
    )


async def land(
    tx: Connection, cache: NodeCache, repository: Repository, main: Head, commit_id: CommitId
) -> Landed | None:
    """Write a commit that storage applied, unless that was done; None: nobody knows it.

    It is exactly the commit that was meant if main is where it was then. If main moved on, it is
    one on the present head, with the same author, message and further parents; of its paths those
    are left out that changed since, which events tell. The caller holds main's lock.
    """
    bucket_id = repository.bucket_id
    meant = await pending.find_pending(tx, bucket_id, commit_id)
    if meant is None or meant.recorded_as is not None:
        return await _written(tx, repository, main, meant.recorded_as if meant else commit_id)
    if main.commit_id is None or main.commit_id in meant.commit.parents[:1]:
        made = await _write_as_meant(tx, cache, repository, main, meant)
        await pending.delete_pending(tx, bucket_id, commit_id)
    else:
        made = await _write_on(tx, cache, repository, main, meant)
        if made.commit_id is not None:
            await pending.set_recorded_as(tx, bucket_id, commit_id, made.commit_id)
    return Landed(main=made, made=made)


async def _written(
    tx: Connection, repository: Repository, main: Head, commit_id: CommitId | None
) -> Landed | None:
    if commit_id is None or not await commits.exists(tx, repository.bucket_id, commit_id):
        return None
    made = await history.read_head(tx, repository.bucket_id, replace(main.ref, commit_id=commit_id))
    return Landed(main=main, made=made)


async def _write_as_meant(
    tx: Connection, cache: NodeCache, repository: Repository, main: Head, meant: Pending
) -> Head:
    walk = tree.diff(main.tree, meant.commit.tree)
    deltas = (await nodes.drive(tx, cache, walk)).deltas
    drafted = Draft(
        head=main,
        commit=meant.commit,
        edited=Edited(meant.commit.tree, meant.files, meant.bytes, {}),
        states={delta.path: delta.after for delta in deltas},
        changes=_told(deltas),
    )
    return await history.write(tx, cache, repository, drafted)


async def _write_on(
    tx: Connection, cache: NodeCache, repository: Repository, main: Head, meant: Pending
) -> Head:
    base = await _base(tx, repository, main, meant)
    walk = tree.diff(base.tree, meant.commit.tree)
    deltas = (await nodes.drive(tx, cache, walk)).deltas
    now = await nodes.drive(tx, cache, tree.get(main.tree, [delta.path for delta in deltas]))
    states: dict[str, Entry | None] = {
        delta.path: delta.after for delta in deltas if now.get(delta.path) == delta.before
    }
    drafted = await history.draft(
        tx,
        cache,
        main,
        states,
        author=meant.commit.author,
        message=meant.commit.message,
        operation=meant.commit.operation,
        committed_at=meant.commit.committed_at,
        metadata=meant.commit.metadata,
        merges=base.merges,
    )
    return await history.write(tx, cache, repository, drafted)


async def _base(tx: Connection, repository: Repository, main: Head, meant: Pending) -> Base:
    """Return what it was meant to be put on: a commit of main, or nothing while main had none."""
    parents = meant.commit.parents
    if parents and main.place is not None:
        stored = await commits.get_commit(tx, repository.bucket_id, parents[0])
        for line_id, first, last in await lines.list_segments(tx, main.place):
            if line_id == stored.place.line_id and first <= stored.place.position <= last:
                return Base(stored.commit.tree, parents[1:])
    return Base(EMPTY.node_id, parents)


def _told(deltas: list[Delta]) -> list[EntryChange]:
    before = {delta.path: delta.before for delta in deltas[:CHANGES_TOLD] if delta.before}
    after = {delta.path: delta.after for delta in deltas[:CHANGES_TOLD]}
    return entry_changes(before, after)


def _version(change: FileChange, drafted: Draft) -> Version:
    """Return what storage's event will tell of a path."""
    commit, entry = drafted.commit, drafted.states[change.path]
    operation: Operation = "delete" if entry is None else "put"
    return Version(
        path=change.path,
        revision=change.revision,
        operation="restore" if commit.operation == "restore" else operation,
        author=commit.author,
        message=commit.message,
        created_at=commit.committed_at,
        entry=entry,
    )
