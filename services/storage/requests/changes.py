"""Changes of many files: all in one transaction, or none."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from uuid import UUID

from libs.chassis.database import Connection, Database, Undone
from libs.chassis.rpc import serves
from libs.contracts.storage import (
    MOST_PATHS,
    ApplyChanges,
    BlobPlace,
    ChangesApplied,
    FileChange,
    PrefixChange,
)
from services.storage import moving
from services.storage.domain.buckets import Bucket
from services.storage.domain.changes import check_changes, digests_of, paths_of, plan
from services.storage.domain.files import File
from services.storage.domain.prefixes import check_found, prefix_changes, source_of
from services.storage.recording import record
from services.storage.repository import blobs, buckets, files, prefixes

TRIES = 5
LONGEST_PAUSE_S = 0.2


@serves(ApplyChanges)
async def apply_changes(request: ApplyChanges, db: Database) -> ChangesApplied:
    """Apply all, or nothing; two that meet in opposite orders are made one after the other."""
    check_changes(request)
    for _ in range(TRIES - 1):
        try:
            return await _apply(request, db)
        except Undone:
            await asyncio.sleep(random.uniform(0, LONGEST_PAUSE_S))
    return await _apply(request, db)


async def _apply(request: ApplyChanges, db: Database) -> ChangesApplied:
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, request.bucket)
        found = await _sources(tx, bucket, request)
        written = await _apply_paths(tx, bucket, request)
        moved = 0
        for change, sources in found.items():
            moved += await moving.apply(tx, bucket, change, sources, request)
        applied_at = written[0].modified_at if written else await files.database_time(tx)
    changed = [
        FileChange(path=file.path, revision=file.revision, sha256=file.sha256) for file in written
    ]
    return ChangesApplied(changed=changed, applied_at=applied_at, files=moved)


async def _sources(
    tx: Connection, bucket: Bucket, request: ApplyChanges
) -> Mapping[PrefixChange, Sequence[str]]:
    """Return for each change of a prefix the files that it is about."""
    found: dict[PrefixChange, Sequence[str]] = {}
    left = MOST_PATHS
    for change in prefix_changes(request):
        found[change] = await prefixes.list_paths(tx, bucket.bucket_id, source_of(change), left + 1)
        left -= len(found[change])
        check_found(change, len(found[change]), left, lenient=request.lenient)
    return found


async def _apply_paths(tx: Connection, bucket: Bucket, request: ApplyChanges) -> list[File]:
    """Lock every single path that matters, decide once, write what changes. No bytes move."""
    paths = paths_of(request)
    if not paths:
        return []
    held = await _blobs(tx, bucket.bucket_id, digests_of(request))
    await files.reserve(tx, bucket.bucket_id, paths, request.actor)
    locked = await files.list_for_update(tx, bucket.bucket_id, paths)
    writes = plan(request, {file.path: file for file in locked}, held)
    written = await record(
        tx, bucket, writes, request.actor, message=request.message, commit_id=request.commit_id
    )
    await files.release(tx, bucket.bucket_id, _unused(locked))
    return written


async def _blobs(tx: Connection, bucket_id: UUID, digests: Sequence[str]) -> dict[str, BlobPlace]:
    if not digests:
        return {}
    held = await blobs.list_held_for_share(tx, bucket_id, digests)
    # Where the same bytes are held in clear and encrypted, the encrypted ones serve from now on.
    return {blob.sha256: blob for blob in sorted(held, key=lambda blob: blob.sealed is not None)}


def _unused(locked: Sequence[File]) -> list[str]:
    """Return the paths that were reserved; the statement leaves those alone that were written."""
    return [file.path for file in locked if file.revision == 0]
