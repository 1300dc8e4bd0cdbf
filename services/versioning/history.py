"""Writing history: one commit on the head of a branch, in the caller's transaction.

Commits to ``main`` hold its repository's lock, those to another branch that branch's: they never
wait for each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from libs.chassis import outbox
from libs.chassis.database import Connection
from libs.contracts.versioning import EntryChange, RefMoved, VersionCreated
from services.versioning.domain import tree
from services.versioning.domain.commits import Commit, CommitId, encode, id_of
from services.versioning.domain.refs import MAIN
from services.versioning.domain.tree import EMPTY, Edited, Entry, NodeId
from services.versioning.repository import (
    branch_changes,
    commits,
    content,
    lines,
    nodes,
    refs,
    repositories,
)
from services.versioning.repository.lines import Place
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.refs import Ref
from services.versioning.repository.repositories import Repository

CHANGES_TOLD = 100

EDITED_AT_ONCE = 5_000
"""Paths of one edit of a tree; between two of them others get their turn."""


class Head(Struct, frozen=True, kw_only=True):
    """Where a branch stands."""

    ref: Ref
    tree: NodeId
    commit_id: CommitId | None = None
    place: Place | None = None
    committed_at: datetime | None = None
    """None, all three: nothing was committed yet."""


class Draft(Struct, frozen=True, kw_only=True):
    """A commit before it is written, and what it changes."""

    head: Head
    commit: Commit
    edited: Edited
    states: Mapping[str, Entry | None]
    """What every path of the commit becomes that it is about."""
    changes: list[EntryChange]
    """The first of them."""

    @property
    def commit_id(self) -> CommitId:
        """What the commit will be called."""
        return id_of(encode(self.commit))


async def read_head(conn: Connection, bucket_id: UUID, ref: Ref) -> Head:
    """Return where a branch stands; whoever goes on from there holds its lock."""
    if ref.commit_id is None:
        return Head(ref=ref, tree=EMPTY.node_id)
    stored = await commits.get_commit(conn, bucket_id, ref.commit_id)
    return Head(
        ref=ref,
        tree=stored.commit.tree,
        commit_id=ref.commit_id,
        place=stored.place,
        committed_at=stored.commit.committed_at,
    )


async def lock_main(tx: Connection, repository: Repository) -> Head:
    """Return where main stands, and let nobody else commit to it before this transaction ends."""
    await repositories.lock_for_update(tx, repository.bucket_id, repository.bucket)
    ref = await refs.get_branch(tx, repository.bucket_id, MAIN)
    return await read_head(tx, repository.bucket_id, ref)


async def lock_branch(tx: Connection, repository: Repository, name: str) -> Head:
    """Return where a branch stands; nobody else can change it before this transaction ends."""
    if name == MAIN:
        return await lock_main(tx, repository)
    # A commit names content that history has, so that must not be given up meanwhile.
    await content.lock_for_naming(tx, repository.bucket_id)
    ref = await refs.get_branch_for_update(tx, repository.bucket_id, name)
    return await read_head(tx, repository.bucket_id, ref)


async def draft(
    tx: Connection,
    cache: NodeCache,
    head: Head,
    states: Mapping[str, Entry | None],
    *,
    author: str,
    message: str,
    operation: str,
    committed_at: datetime,
    metadata: Mapping[str, str] = MappingProxyType({}),
    merges: Sequence[CommitId] = (),
) -> Draft:
    """Prepare a commit on ``head`` that sets ``states``, and has ``merges`` as further parents.

    A commit is never older than the one before it, so that a time finds one on each branch.
    """
    edited, changes = await edit(tx, cache, head.tree, states)
    parents = () if head.commit_id is None else (head.commit_id,)
    commit = Commit(
        tree=edited.root,
        parents=(*parents, *merges),
        author=author,
        committed_at=max(committed_at, head.committed_at or committed_at),
        operation=operation,
        message=message,
        metadata=dict(metadata),
    )
    return Draft(head=head, commit=commit, edited=edited, states=states, changes=changes)


async def edit(
    tx: Connection, cache: NodeCache, root: NodeId, states: Mapping[str, Entry | None]
) -> tuple[Edited, list[EntryChange]]:
    """Set ``states`` in a tree; return the new one, not stored yet, and the first changes."""
    edited = Edited(root, 0, 0, {})
    changes: list[EntryChange] = []
    for part in _parts(states):
        told = dict(islice(part.items(), CHANGES_TOLD - len(changes)))
        before = await nodes.drive(tx, cache, tree.get(edited.root, told), edited.nodes)
        changes += entry_changes(before, told)
        step = await nodes.drive(tx, cache, tree.edit(edited.root, part), edited.nodes)
        edited = Edited(step.root, step.count, step.size, edited.nodes | step.nodes)
    return edited, changes


async def write(tx: Connection, cache: NodeCache, repository: Repository, drafted: Draft) -> Head:
    """Store a commit with its nodes, move its branch to it, and announce it.

    Versions of main's files are the caller's to record: only storage knows their revisions.
    """
    head = drafted.head
    place = await store(
        tx, cache, repository, drafted.commit, drafted.edited, line_id=head.ref.line_id
    )
    commit_id = drafted.commit_id
    await cache.signer.sign(tx, repository.bucket_id, "commit", commit_id)
    await refs.move_branch(tx, repository.bucket_id, head.ref.name, commit_id, place.line_id)
    if not head.ref.is_main:
        await branch_changes.insert_changes(tx, repository.bucket_id, place, drafted.states)
    await outbox.add(tx, *_news(repository, commit_id, drafted))
    return Head(
        ref=replace(head.ref, commit_id=commit_id, line_id=place.line_id),
        tree=drafted.commit.tree,
        commit_id=commit_id,
        place=place,
        committed_at=drafted.commit.committed_at,
    )


async def store(
    tx: Connection,
    cache: NodeCache,
    repository: Repository,
    commit: Commit,
    edited: Edited,
    *,
    line_id: int | None,
) -> Place:
    """Store a commit with its nodes behind its first parent, on ``line_id`` if that ends there."""
    bucket_id = repository.bucket_id
    places = await lines.get_places(tx, bucket_id, commit.parents) if commit.parents else {}
    first = places[commit.parents[0]] if commit.parents else None
    place = await _place_behind(tx, bucket_id, first, line_id)
    await nodes.insert_nodes(tx, edited.nodes)
    await commits.insert_commit(tx, bucket_id, place, commit, files=edited.count, size=edited.size)
    if len(commit.parents) > 1:
        merged = [places[parent] for parent in commit.parents[1:]]
        await lines.insert_merge_parents(tx, place, merged)
    cache.keep({new.node_id: new.node for new in edited.nodes.values()})
    return place


async def _place_behind(
    tx: Connection, bucket_id: UUID, first: Place | None, line_id: int | None
) -> Place:
    if first is not None and first.line_id == line_id and await lines.is_last(tx, first):
        return Place(first.line_id, first.position + 1)
    began = await lines.insert_line(tx, bucket_id, first)
    return Place(began, first.position + 1 if first else 0)


def _parts(states: Mapping[str, Entry | None]) -> Iterator[dict[str, Entry | None]]:
    """Yield ``states`` in the order of paths, a part at a time; at least one, maybe empty."""
    ordered = iter(sorted(states.items()))
    yield dict(islice(ordered, EDITED_AT_ONCE))
    while part := dict(islice(ordered, EDITED_AT_ONCE)):
        yield part


def entry_changes(
    before: Mapping[str, Entry], after: Mapping[str, Entry | None]
) -> list[EntryChange]:
    """Return what became of each path of ``after``, as it crosses the wire."""
    return [
        EntryChange(
            path=path,
            before=before[path].sha256.hex() if path in before else None,
            after=entry.sha256.hex() if entry else None,
            size=entry.size if entry else 0,
        )
        for path, entry in after.items()
    ]


def _news(
    repository: Repository, commit_id: CommitId, drafted: Draft
) -> Sequence[VersionCreated | RefMoved]:
    commit = drafted.commit
    bucket_id: UUID = repository.bucket_id
    created = VersionCreated(
        bucket=repository.bucket,
        bucket_id=bucket_id,
        commit_id=commit_id.hex(),
        author=commit.author,
        message=commit.message,
        operation=commit.operation,
        changed=len(drafted.states),
        changes=drafted.changes,
        branch=drafted.head.ref.name,
    )
    moved = RefMoved(
        bucket=repository.bucket,
        bucket_id=bucket_id,
        ref=drafted.head.ref.name,
        before=drafted.head.commit_id.hex() if drafted.head.commit_id else None,
        after=commit_id.hex(),
        actor=commit.author,
    )
    return created, moved
