"""Reading a bucket as it was."""

from datetime import datetime

from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.versioning import EntryInfo, EntryList, GetEntry, GetVersion, ListEntries
from services.versioning.domain import tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import FileNotFound, VersionDeleted, VersionNotFound
from services.versioning.domain.tree import Entry, Listing
from services.versioning.repository import commits, nodes, refs, repositories, versions
from services.versioning.repository.commits import StoredCommit
from services.versioning.repository.nodes import NodeCache


@serves(GetVersion)
async def get_version(request: GetVersion, db: Database) -> EntryInfo:
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        recorded = await versions.find_version(
            conn, repository.bucket_id, request.path, request.version
        )
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
    return _entry_info(
        request.path, recorded.version.entry, recorded.commit_id, recorded.version.created_at
    )


@serves(GetEntry)
async def get_entry(request: GetEntry, db: Database, cache: NodeCache) -> EntryInfo:
    async with db.connection() as conn:
        stored = await _commit_at(conn, request)
        walk = tree.get(stored.commit.tree, [request.path])
        found = await nodes.drive(conn, cache, walk)
    if request.path not in found:
        raise FileNotFound(
            f"{request.path} is not in {request.ref}", path=request.path, ref=request.ref
        )
    return _entry_info(
        request.path, found[request.path], stored.commit_id, stored.commit.committed_at
    )


@serves(ListEntries)
async def list_entries(request: ListEntries, db: Database, cache: NodeCache) -> EntryList:
    async with db.connection() as conn:
        stored = await _commit_at(conn, request)
        walk = tree.scan(
            stored.commit.tree,
            prefix=request.prefix,
            delimiter=request.delimiter,
            start_after=request.start_after,
            limit=request.limit,
        )
        listing = await nodes.drive(conn, cache, walk)
    return _page(stored, listing)


def _page(stored: StoredCommit, listing: Listing) -> EntryList:
    """Cut ``listing`` where the message is full, in the byte order of paths and prefixes."""
    entries = [
        _entry_info(path, entry, stored.commit_id, stored.commit.committed_at)
        for path, entry in listing.entries
    ]
    names: list[EntryInfo | str] = [*entries, *listing.prefixes]
    names.sort(key=_name)
    page = fitting(names)
    return EntryList(
        commit_id=stored.commit_id.hex(),
        items=[name for name in page if isinstance(name, EntryInfo)],
        prefixes=[name for name in page if isinstance(name, str)],
        next=_name(page[-1]).decode() if len(page) < len(names) else listing.next,
    )


def _name(named: EntryInfo | str) -> bytes:
    return (named if isinstance(named, str) else named.path).encode()


async def _commit_at(conn: Connection, request: GetEntry | ListEntries) -> StoredCommit:
    repository = await repositories.get_repository(conn, request)
    commit_id = await refs.get_commit_id(conn, repository.bucket_id, request.ref)
    return await commits.get_commit(conn, repository.bucket_id, commit_id)


def _entry_info(path: str, entry: Entry, commit_id: CommitId, committed_at: datetime) -> EntryInfo:
    return EntryInfo(
        path=path,
        sha256=entry.sha256.hex(),
        size=entry.size,
        content_type=entry.content_type,
        metadata=entry.metadata,
        tags=entry.tags,
        commit_id=commit_id.hex(),
        committed_at=committed_at,
    )
