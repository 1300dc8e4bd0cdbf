"""What happened: versions of a file, commits of a bucket."""

from collections.abc import Set
from uuid import UUID

from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.versioning import (
    CommitDetail,
    CommitInfo,
    CommitList,
    EntryChange,
    GetCommit,
    ListCommits,
    ListVersions,
    VersionInfo,
    VersionList,
)
from services.versioning.domain import tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import FileNotFound
from services.versioning.domain.tree import EMPTY, Delta
from services.versioning.repository import (
    commits,
    lines,
    nodes,
    refs,
    repositories,
    touches,
    versions,
)
from services.versioning.repository.commits import Sought, StoredCommit
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository
from services.versioning.repository.versions import RecordedVersion
from services.versioning.states import find_commit_id


@serves(ListVersions)
async def list_versions(request: ListVersions, db: Database) -> VersionList:
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        found = await versions.list_versions(
            conn,
            repository.bucket_id,
            request.path,
            below=request.below,
            limit=request.limit + 1,
        )
        gone = await versions.list_given_up(conn, repository.bucket_id, found)
    if not found and request.below is None:
        raise FileNotFound(request.path, bucket=request.bucket, path=request.path)
    page = fitting([_version_info(recorded, gone) for recorded in found[: request.limit]])
    more = len(found) > len(page)
    return VersionList(items=list(page), next=page[-1].version if more else None)


@serves(ListCommits)
async def list_commits(request: ListCommits, db: Database) -> CommitList:
    async with db.transaction() as tx:
        bucket_id = (await repositories.get_repository(tx, request)).bucket_id
        start = await find_commit_id(tx, bucket_id, request.ref)
        if start is None:
            return CommitList(items=[])
        found = await _sought(tx, bucket_id, start, request)
    page = fitting([commit_info(stored) for stored in found[: request.limit]])
    more = len(found) > len(page)
    return CommitList(items=list(page), next=found[len(page)].commit_id.hex() if more else None)


async def _sought(
    tx: Connection, bucket_id: UUID, start: CommitId, request: ListCommits
) -> list[StoredCommit]:
    """Return one commit more than was asked for: where the next page begins."""
    place = await lines.get_place(tx, bucket_id, start)
    segments = await lines.list_segments(tx, place)
    sought = Sought(
        author=request.author, since=request.since, until=request.until, message=request.message
    )
    limit = request.limit + 1
    if request.path is None:
        return await commits.list_commits(tx, segments, sought, limit=limit)
    runs = await touches.split(tx, bucket_id, segments)
    return await touches.list_commits_of_path(
        tx, bucket_id, request.path, runs, sought, limit=limit
    )


@serves(GetCommit)
async def get_commit(request: GetCommit, db: Database, cache: NodeCache) -> CommitDetail:
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        commit_id = await refs.get_commit_id(conn, repository.bucket_id, request.ref)
        stored = await commits.get_commit(conn, repository.bucket_id, commit_id)
        before = await _parent_tree(conn, repository, stored)
        walk = tree.diff(before, stored.commit.tree, limit=request.limit)
        difference = await nodes.drive(conn, cache, walk)
    changes = fitting([_entry_change(delta) for delta in difference.deltas])
    return CommitDetail(
        commit=commit_info(stored),
        changes=list(changes),
        truncated=difference.next is not None or len(changes) < len(difference.deltas),
    )


async def _parent_tree(
    conn: Connection, repository: Repository, stored: StoredCommit
) -> tree.NodeId:
    if not stored.commit.parents:
        return EMPTY.node_id
    parent = await commits.get_commit(conn, repository.bucket_id, stored.commit.parents[0])
    return parent.commit.tree


def commit_info(stored: StoredCommit) -> CommitInfo:
    """Return a commit as it crosses the wire."""
    commit = stored.commit
    return CommitInfo(
        commit_id=stored.commit_id.hex(),
        parents=[parent.hex() for parent in commit.parents],
        tree=commit.tree.hex(),
        author=commit.author,
        message=commit.message,
        operation=commit.operation,
        created_at=commit.committed_at,
        files=stored.files,
        bytes=stored.bytes,
        metadata=commit.metadata,
    )


def _version_info(recorded: RecordedVersion, gone: Set[bytes]) -> VersionInfo:
    version, entry = recorded.version, recorded.version.entry
    return VersionInfo(
        path=version.path,
        version=version.revision,
        operation=version.operation,
        commit_id=recorded.commit_id.hex(),
        author=version.author,
        created_at=version.created_at,
        message=version.message,
        sha256=entry.sha256.hex() if entry else None,
        size=entry.size if entry else 0,
        content_type=entry.content_type if entry else None,
        expired=recorded.expired and entry is not None and entry.sha256 in gone,
    )


def _entry_change(delta: Delta) -> EntryChange:
    return EntryChange(
        path=delta.path,
        before=delta.before.sha256.hex() if delta.before else None,
        after=delta.after.sha256.hex() if delta.after else None,
        size=delta.after.size if delta.after else 0,
    )
