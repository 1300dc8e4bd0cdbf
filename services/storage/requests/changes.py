"""Changes of many files: all in one transaction, or none."""

from collections.abc import Sequence
from uuid import UUID

from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.storage import ApplyChanges, BlobPlace, ChangesApplied, FileChange
from services.storage.domain.changes import check_changes, digests_of, paths_of, plan
from services.storage.domain.files import File
from services.storage.recording import record
from services.storage.repository import blobs, buckets, files


@serves(ApplyChanges)
async def apply_changes(request: ApplyChanges, db: Database) -> ChangesApplied:
    """Lock every path that matters, decide once, write what changes. No bytes move."""
    check_changes(request)
    paths = paths_of(request)
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, request.bucket)
        found = await _blobs(tx, bucket.bucket_id, digests_of(request))
        await files.reserve(tx, bucket.bucket_id, paths, request.actor)
        locked = await files.list_for_update(tx, bucket.bucket_id, paths)
        writes = plan(request, {file.path: file for file in locked}, found)
        written = await record(
            tx,
            bucket,
            writes,
            request.actor,
            message=request.message,
            commit_id=request.commit_id,
        )
        await files.release(tx, bucket.bucket_id, _unused(locked))
        applied_at = written[0].modified_at if written else await files.database_time(tx)
    changed = [
        FileChange(path=file.path, revision=file.revision, sha256=file.sha256) for file in written
    ]
    return ChangesApplied(changed=changed, applied_at=applied_at)


async def _blobs(tx: Connection, bucket_id: UUID, digests: Sequence[str]) -> dict[str, BlobPlace]:
    if not digests:
        return {}
    held = await blobs.list_held_for_share(tx, bucket_id, digests)
    return {blob.sha256: blob for blob in held}


def _unused(locked: Sequence[File]) -> list[str]:
    """Return the paths that were reserved; the statement leaves those alone that were written."""
    return [file.path for file in locked if file.revision == 0]
