"""Commits of another history, brought along with their own authors, times and parents."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.versioning import CommitMade, ImportCommit
from services.versioning import contents, history, holding
from services.versioning.domain import tree
from services.versioning.domain.commits import Commit, CommitId, encode, id_of
from services.versioning.domain.committing import digests_of, wanted_states
from services.versioning.domain.errors import TreeNotFound
from services.versioning.domain.tree import EMPTY, Edited, Entry, NodeId
from services.versioning.holding import Held
from services.versioning.repository import (
    branch_changes,
    commits,
    imported_trees,
    lines,
    nodes,
    repositories,
    unreached,
)
from services.versioning.repository.commits import StoredCommit
from services.versioning.repository.lines import Place
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository
from services.versioning.requests.log import commit_info


class Imported(Struct, frozen=True):
    """A commit that is to be written, and what it changes against its first parent."""

    commit: Commit
    edited: Edited
    states: Mapping[str, Entry | None]

    @property
    def commit_id(self) -> CommitId:
        """What it is called."""
        return id_of(encode(self.commit))

    def at(self, place: Place) -> StoredCommit:
        """Return it as it is stored there."""
        return StoredCommit(self.commit_id, self.commit, place, self.edited.count, self.edited.size)


class Begun(NamedTuple):
    """What the changes of a request are made to."""

    tree: NodeId
    held_until: datetime
    """Until when storage holds what former parts put into it."""


@serves(ImportCommit)
async def import_commit(
    request: ImportCommit, db: Database, bus: Bus, cache: NodeCache
) -> CommitMade:
    """Store a commit that no branch names, or a part of its tree; whatever is there stays so."""
    held = await _hold(request, db, bus, cache)
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        # One after the other: each may go on where the one before ended.
        await repositories.lock_for_update(tx, repository.bucket_id, repository.bucket)
        imported = await _read(tx, cache, repository, request, held.sizes)
        if request.partial:
            await nodes.insert_nodes(tx, imported.edited.nodes)
            await imported_trees.insert_tree(
                tx, repository.bucket_id, imported.commit.tree, held.until
            )
            stored = imported.at(Place(0, 0))  # it is nowhere yet
        elif await commits.exists(tx, repository.bucket_id, imported.commit_id):
            known = await commits.get_commit(tx, repository.bucket_id, imported.commit_id)
            await _keep(tx, repository, known.place, imported)
            return CommitMade(commit=commit_info(known), changed=0)
        else:
            stored = await _write(tx, cache, repository, imported)
            await _keep(tx, repository, stored.place, imported)
    return CommitMade(commit=commit_info(stored), changed=len(imported.states))


async def _hold(request: ImportCommit, db: Database, bus: Bus, cache: NodeCache) -> Held:
    """Have storage hold what the request names, and what former parts did unless it still does."""
    digests = set(digests_of(request.changes))
    until = holding.LATEST
    if request.tree is not None:
        async with db.connection() as conn:
            repository = await repositories.get_repository(conn, request)
            before = await _parent_tree(conn, repository, request)
            begun = await _begun(conn, repository, request, before)
            if begun.held_until >= datetime.now(UTC) + contents.AHEAD:
                until = begun.held_until
            else:
                walk = tree.diff(before, begun.tree)
                deltas = (await nodes.drive(conn, cache, walk)).deltas
                digests |= {delta.after.sha256.hex() for delta in deltas if delta.after}
    held = await holding.hold_for_long(bus, request.bucket, sorted(digests))
    return Held(held.sizes, min(held.until, until))


async def _read(
    tx: Connection,
    cache: NodeCache,
    repository: Repository,
    request: ImportCommit,
    sizes: Mapping[str, int],
) -> Imported:
    """Return the commit as it is meant, or as it would be if this were the last part."""
    before = await _parent_tree(tx, repository, request)
    begun = await _begun(tx, repository, request, before)
    states = wanted_states(request.changes, {}, sizes, lenient=True)
    edited, _ = await history.edit(tx, cache, begun.tree, states)
    if request.tree is not None and not request.partial:
        walk = tree.diff(before, edited.root)
        found = await nodes.drive(tx, cache, walk, edited.nodes)
        states = {delta.path: delta.after for delta in found.deltas}
    commit = Commit(
        tree=edited.root,
        parents=_parents(request),
        author=request.author,
        committed_at=request.committed_at,
        operation="import",
        message=request.message,
        metadata=request.metadata,
    )
    return Imported(commit, edited, states)


async def _write(
    tx: Connection, cache: NodeCache, repository: Repository, imported: Imported
) -> StoredCommit:
    """Write the commit behind its first parent, on the same line unless that is a branch's."""
    bucket_id, commit = repository.bucket_id, imported.commit
    line_id = None
    if commit.parents:
        place = await lines.get_place(tx, bucket_id, commit.parents[0])
        line_id = None if await lines.is_a_branch_s(tx, place.line_id) else place.line_id
    place = await history.store(tx, cache, repository, commit, imported.edited, line_id=line_id)
    await branch_changes.insert_changes(tx, bucket_id, place, imported.states)
    return imported.at(place)


async def _keep(tx: Connection, repository: Repository, place: Place, imported: Imported) -> None:
    """Let nothing of an import be given up before its branch is made, however old its first part.

    Who brings a commit again after its content was given up brought that as well.
    """
    digests = {entry.sha256 for entry in imported.states.values() if entry is not None}
    await unreached.begin_anew(tx, repository.bucket_id, place, digests)


async def _parent_tree(conn: Connection, repository: Repository, request: ImportCommit) -> NodeId:
    """Return what the changes are against; raises ``RefNotFound`` for unknown parents."""
    parents = _parents(request)
    if not parents:
        return EMPTY.node_id
    await lines.get_places(conn, repository.bucket_id, parents)
    return (await commits.get_commit(conn, repository.bucket_id, parents[0])).commit.tree


async def _begun(
    conn: Connection, repository: Repository, request: ImportCommit, before: NodeId
) -> Begun:
    """Return the tree that the changes are made to; raises ``TreeNotFound``."""
    if request.tree is None:
        return Begun(before, holding.LATEST)
    begun = NodeId(bytes.fromhex(request.tree))
    until = await imported_trees.find_held_until(conn, repository.bucket_id, begun)
    if until is None:
        raise TreeNotFound(f"no part of an import ended with {request.tree}", tree=request.tree)
    return Begun(begun, until)


def _parents(request: ImportCommit) -> tuple[CommitId, ...]:
    return tuple(CommitId(bytes.fromhex(parent)) for parent in request.parents)
