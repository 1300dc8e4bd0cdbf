"""Changes of many files: all in one transaction, or none."""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from libs.chassis.database import Connection, Database, Undone
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.pages import fitting
from libs.contracts.storage import (
    MOST_PATHS,
    AddChanges,
    ApplyChanges,
    BlobPlace,
    ChangesApplied,
    FileChange,
    PrefixChange,
)
from services.storage import moving
from services.storage.domain.buckets import Bucket
from services.storage.domain.changes import (
    check_changes,
    check_size,
    digests_of,
    paths_of,
    plan,
    with_parts,
)
from services.storage.domain.files import File
from services.storage.domain.prefixes import check_found, prefix_changes, source_of
from services.storage.recording import record
from services.storage.repository import blobs, buckets, change_sets, files, prefixes

TRIES = 5
LONGEST_PAUSE_S = 0.2

AT_ONCE = 5_000
"""Paths of one statement, which so never takes long."""

T = TypeVar("T")


@serves(AddChanges)
async def add_changes(request: AddChanges, db: Database) -> Done:
    """Keep a part of a change set; what is wrong with it shows when all is applied."""
    async with db.transaction() as tx:
        bucket = await buckets.get_bucket(tx, request.bucket)
        await change_sets.insert_part(tx, bucket.bucket_id, request)
    return Done()


@serves(ApplyChanges)
async def apply_changes(request: ApplyChanges, db: Database) -> ChangesApplied:
    """Apply all, or nothing; two that meet in opposite orders are made one after the other."""
    if request.change_set_id is None:
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
        request = await _completed(tx, bucket, request)
        found = await _sources(tx, bucket, request)
        written = await _apply_paths(tx, bucket, request)
        moved = 0
        for change, sources in found.items():
            moved += await moving.apply(tx, bucket, change, sources, request)
        applied_at = written[0].modified_at if written else await files.database_time(tx)
    changed = [
        FileChange(path=file.path, revision=file.revision, sha256=file.sha256) for file in written
    ]
    told = changed if request.change_set_id is None else list(fitting(changed))
    return ChangesApplied(
        changed=told, applied_at=applied_at, files=moved, truncated=len(told) < len(changed)
    )


async def _completed(tx: Connection, bucket: Bucket, request: ApplyChanges) -> ApplyChanges:
    """Return the request with what was collected for it, if anything was."""
    if request.change_set_id is None:
        return request
    parts = await change_sets.take_parts(tx, request.change_set_id, bucket.bucket_id)
    completed = with_parts(request, parts)
    check_size(completed, MOST_PATHS)
    check_changes(completed)
    return completed


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
    locked: list[File] = []
    for part in _portions(paths):
        await files.reserve(tx, bucket.bucket_id, part, request.actor)
        locked += await files.list_for_update(tx, bucket.bucket_id, part)
    written: list[File] = []
    for writes in _portions(plan(request, {file.path: file for file in locked}, held)):
        written += await record(
            tx, bucket, writes, request.actor, message=request.message, commit_id=request.commit_id
        )
    await files.release(tx, bucket.bucket_id, _unused(locked))
    return written


async def _blobs(tx: Connection, bucket_id: UUID, digests: Sequence[str]) -> dict[str, BlobPlace]:
    held: list[BlobPlace] = []
    for part in _portions(digests):
        held += await blobs.list_held_for_share(tx, bucket_id, part)
    # Where the same bytes are held in clear and encrypted, the encrypted ones serve from now on.
    return {blob.sha256: blob for blob in sorted(held, key=lambda blob: blob.sealed is not None)}


def _unused(locked: Sequence[File]) -> list[str]:
    """Return the paths that were reserved; the statement leaves those alone that were written."""
    return [file.path for file in locked if file.revision == 0]


def _portions(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(things), AT_ONCE):
        yield things[first : first + AT_ONCE]
