"""Writing history: one commit on the head of a repository, in the caller's transaction."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from msgspec import Struct

from libs.chassis import outbox
from libs.chassis.database import Connection
from libs.contracts.versioning import EntryChange, RefMoved, VersionCreated
from services.versioning.domain import tree
from services.versioning.domain.commits import Commit, CommitId
from services.versioning.domain.tree import EMPTY, Edited, Entry, NodeId
from services.versioning.repository import commits, nodes, repositories
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import MAIN, Repository

CHANGES_TOLD = 100

EDITED_AT_ONCE = 5_000
"""Paths of one edit of a tree; between two of them others get their turn."""


class Head(Struct, frozen=True):
    """The newest commit of main, if there is one, and its tree."""

    commit_id: CommitId | None
    tree: NodeId


class Draft(Struct, frozen=True):
    """A commit before it is written, and what it changes."""

    commit: Commit
    edited: Edited
    changed: int
    changes: list[EntryChange]
    """The first of them."""


async def read_head(tx: Connection, repository: Repository) -> Head:
    """Return where main stands; the caller holds the repository's lock."""
    commit_id = await repositories.find_head(tx, repository.bucket_id)
    if commit_id is None:
        return Head(None, EMPTY.node_id)
    stored = await commits.get_commit(tx, repository.bucket_id, commit_id)
    return Head(commit_id, stored.commit.tree)


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
) -> Draft:
    """Prepare a commit on ``head`` that sets ``states``."""
    edited = Edited(head.tree, 0, 0, {})
    changes: list[EntryChange] = []
    for part in _parts(states):
        before = await nodes.drive(tx, cache, tree.get(edited.root, part), edited.nodes)
        step = await nodes.drive(tx, cache, tree.edit(edited.root, part), edited.nodes)
        edited = Edited(step.root, step.count, step.size, edited.nodes | step.nodes)
        changes += _changes(before, dict(islice(part.items(), CHANGES_TOLD - len(changes))))
    commit = Commit(
        tree=edited.root,
        parents=() if head.commit_id is None else (head.commit_id,),
        author=author,
        committed_at=committed_at,
        operation=operation,
        message=message,
    )
    return Draft(commit, edited, len(states), changes)


async def write(
    tx: Connection, cache: NodeCache, repository: Repository, drafted: Draft
) -> CommitId:
    """Store a commit with its nodes, move main to it, and announce it."""
    edited, commit = drafted.edited, drafted.commit
    await nodes.insert_nodes(tx, edited.nodes)
    commit_id = await commits.insert_commit(
        tx, repository.bucket_id, commit, files=edited.count, size=edited.size
    )
    await repositories.move_ref(tx, repository.bucket_id, commit_id)
    cache.keep({new.node_id: new.node for new in edited.nodes.values()})
    await outbox.add(tx, *_news(repository, commit_id, drafted))
    return commit_id


def _parts(states: Mapping[str, Entry | None]) -> Iterator[dict[str, Entry | None]]:
    """Yield ``states`` in the order of paths, a part at a time; at least one, maybe empty."""
    ordered = iter(sorted(states.items()))
    yield dict(islice(ordered, EDITED_AT_ONCE))
    while part := dict(islice(ordered, EDITED_AT_ONCE)):
        yield part


def _changes(before: Mapping[str, Entry], after: Mapping[str, Entry | None]) -> list[EntryChange]:
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
        changed=drafted.changed,
        changes=drafted.changes,
    )
    moved = RefMoved(
        bucket=repository.bucket,
        bucket_id=bucket_id,
        ref=MAIN,
        before=commit.parents[0].hex() if commit.parents else None,
        after=commit_id.hex(),
        actor=commit.author,
    )
    return created, moved
