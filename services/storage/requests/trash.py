"""The trash: listing it, bringing files back, and emptying it."""

from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.paths import check_path, check_search_text
from libs.contracts.storage import (
    EmptyTrash,
    FileChange,
    ListTrash,
    RestoreTrash,
    TrashEmptied,
    TrashList,
    TrashRestored,
)
from services.storage.domain.listing import end_of
from services.storage.domain.positions import parse_position, position_of
from services.storage.domain.trash import check_found, check_selection, placed, plan
from services.storage.recording import record
from services.storage.repository import buckets, files, locks, trash

MOST_TOLD = 1000


@serves(ListTrash)
async def list_trash(request: ListTrash, db: Database) -> TrashList:
    check_search_text(request.prefix, "prefix")
    behind = parse_position(request.start_after)
    async with db.connection() as conn:
        bucket = await buckets.get_bucket(conn, request.bucket)
        found = await trash.list_trash(
            conn, bucket.bucket_id, prefix=request.prefix, behind=behind, limit=request.limit + 1
        )
    shown = list(fitting(found[: request.limit]))
    more = len(found) > len(shown)
    return TrashList(
        items=shown, next=position_of(shown[-1].path, shown[-1].revision) if more else None
    )


@serves(RestoreTrash)
async def restore_trash(request: RestoreTrash, db: Database) -> TrashRestored:
    """Make what was deleted last the state of its path again, or of one below ``into``."""
    check_selection(request.paths, request.prefix, "paths")
    for path in request.paths or ():
        check_path(path, "paths")
    for field in ("prefix", "into"):
        check_search_text(getattr(request, field) or "", field)
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, request.bucket)
        entries = await trash.list_newest_for_update(
            tx, bucket.bucket_id, paths=request.paths, prefix=request.prefix or ""
        )
        check_found(request.paths, entries)
        wanted = placed(entries, request.into)
        await files.reserve(tx, bucket.bucket_id, list(wanted), request.actor)
        locked = await files.list_for_update(tx, bucket.bucket_id, list(wanted))
        writes = plan(wanted, {file.path: file for file in locked}, overwrite=request.overwrite)
        # First, so that they need no room twice.
        await trash.end_entries(tx, bucket.bucket_id, entries)
        written = await record(tx, bucket, writes, request.actor, message=request.message)
    return TrashRestored(
        restored=len(written),
        changed=[
            FileChange(path=file.path, revision=file.revision, sha256=file.sha256)
            for file in written[:MOST_TOLD]
        ],
    )


@serves(EmptyTrash)
async def empty_trash(request: EmptyTrash, db: Database) -> TrashEmptied:
    """Forget what is chosen; history keeps its versions."""
    check_selection(request.path, request.prefix, "path")
    check_search_text(request.prefix or "", "prefix")
    if request.path is not None:
        check_path(request.path)
        # No path contains control characters: between the two there is this one only.
        low, high = request.path, request.path + "\x01"
    else:
        low, high = request.prefix or "", end_of(request.prefix or "")
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, request.bucket)
        locked = await locks.find_locked_trash(tx, bucket.bucket_id, low, high)
        if locked is not None:
            raise locked.lock.refusal(locked.path)
        return await trash.end_between(tx, bucket.bucket_id, low, high)
