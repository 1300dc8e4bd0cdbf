"""Reading a bucket as it was."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.versioning import EntryInfo, EntryList, GetEntry, GetVersion, ListEntries
from services.versioning.domain import tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import FileNotFound, VersionDeleted, VersionNotFound
from services.versioning.domain.tree import EMPTY, Entry, Listing, NodeId
from services.versioning.repository import (
    commits,
    content,
    nodes,
    refs,
    repositories,
    staged,
    versions,
)
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.staged import StagedPath
from services.versioning.wholeness import check_kept


@serves(GetVersion)
async def get_version(request: GetVersion, db: Database) -> EntryInfo:
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        recorded = await versions.find_version(
            conn, repository.bucket_id, request.path, request.version
        )
        if recorded is not None and recorded.expired and recorded.version.entry is not None:
            await check_kept(conn, repository.bucket_id, {request.path: recorded.version.entry})
    if recorded is None:
        raise VersionNotFound(
            f"{request.path} has no version {request.version}",
            path=request.path,
            version=request.version,
        )
    if recorded.version.entry is None:
        raise VersionDeleted(
            f"version {request.version} deleted {request.path}",
            path=request.path,
            version=request.version,
        )
    return entry_info(
        request.path, recorded.version.entry, recorded.commit_id, recorded.version.created_at
    )


@serves(GetEntry)
async def get_entry(request: GetEntry, db: Database, cache: NodeCache) -> EntryInfo:
    async with db.transaction(isolation="repeatable_read", readonly=True) as tx:
        shown = await _shown_at(tx, request)
        found = await nodes.drive(tx, cache, tree.get(shown.tree, [request.path]))
        if request.path not in found:
            raise FileNotFound(
                f"{request.path} is not in {request.ref}", path=request.path, ref=request.ref
            )
        await check_kept(tx, shown.bucket_id, found)
        (info,) = await _entries(tx, shown, list(found.items()))
    return info


@serves(ListEntries)
async def list_entries(request: ListEntries, db: Database, cache: NodeCache) -> EntryList:
    async with db.transaction(isolation="repeatable_read", readonly=True) as tx:
        shown = await _shown_at(tx, request)
        walk = tree.scan(
            shown.tree,
            prefix=request.prefix,
            delimiter=request.delimiter,
            start_after=request.start_after,
            limit=request.limit,
        )
        listing = await nodes.drive(tx, cache, walk)
        entries = await _entries(tx, shown, listing.entries)
    return _page(shown, entries, listing)


class _Shown(Struct, frozen=True, kw_only=True):
    """What a ref shows: a commit's tree, or that of a branch with what is staged in it."""

    bucket_id: UUID
    tree: NodeId
    commit_id: CommitId | None
    shown_at: datetime
    staged_on: str | None = None
    """The branch, if something is staged on it."""


async def _shown_at(tx: Connection, request: GetEntry | ListEntries) -> _Shown:
    bucket_id = (await repositories.get_repository(tx, request)).bucket_id
    branch = await refs.find_ref(tx, bucket_id, request.ref)
    if branch is None or branch.commit_id is not None:
        commit_id = await refs.get_commit_id(tx, bucket_id, request.ref)
        stored = await commits.get_commit(tx, bucket_id, commit_id)
        root, shown_at = stored.commit.tree, stored.commit.committed_at
    else:
        commit_id, root, shown_at = None, EMPTY.node_id, branch.created_at
    staged_tree = branch.staged_tree if branch is not None else None
    return _Shown(
        bucket_id=bucket_id,
        tree=staged_tree or root,
        commit_id=commit_id,
        shown_at=shown_at,
        staged_on=branch.name if branch is not None and staged_tree is not None else None,
    )


async def _entries(
    tx: Connection, shown: _Shown, found: Sequence[tuple[str, Entry]]
) -> list[EntryInfo]:
    """Return what was found as it is told, each with the time of its commit or staged write."""
    told: Mapping[str, StagedPath] = {}
    if shown.staged_on is not None:
        paths = [path for path, _ in found]
        told = await staged.find_paths(tx, shown.bucket_id, shown.staged_on, paths)
    gone: Set[bytes] = set()
    if await content.has_given_up(tx, shown.bucket_id):
        digests = {entry.sha256 for _, entry in found}
        gone = await content.list_given_up(tx, shown.bucket_id, digests)
    return [
        entry_info(
            path,
            entry,
            shown.commit_id,
            told[path].staged_at if path in told else shown.shown_at,
            is_staged=path in told,
            is_expired=entry.sha256 in gone,
        )
        for path, entry in found
    ]


def _page(shown: _Shown, entries: Sequence[EntryInfo], listing: Listing) -> EntryList:
    """Cut ``listing`` where the message is full, in the byte order of paths and prefixes."""
    names: list[EntryInfo | str] = [*entries, *listing.prefixes]
    names.sort(key=_name)
    page = fitting(names)
    return EntryList(
        commit_id=shown.commit_id.hex() if shown.commit_id else None,
        items=[name for name in page if isinstance(name, EntryInfo)],
        prefixes=[name for name in page if isinstance(name, str)],
        next=_name(page[-1]).decode() if len(page) < len(names) else listing.next,
    )


def _name(named: EntryInfo | str) -> bytes:
    return (named if isinstance(named, str) else named.path).encode()


def entry_info(
    path: str,
    entry: Entry,
    commit_id: CommitId | None,
    shown_at: datetime,
    *,
    is_staged: bool = False,
    is_expired: bool = False,
) -> EntryInfo:
    """Return what a tree says about a file as it crosses the wire."""
    return EntryInfo(
        path=path,
        sha256=entry.sha256.hex(),
        size=entry.size,
        content_type=entry.content_type,
        metadata=entry.metadata,
        tags=entry.tags,
        commit_id=commit_id.hex() if commit_id else None,
        committed_at=shown_at,
        staged=is_staged,
        expired=is_expired,
    )
