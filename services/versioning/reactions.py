"""What happens to files at storage becomes their history."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from libs.chassis import inbox
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Connection, Database
from libs.chassis.reactions import reacts
from libs.contracts.storage import (
    BucketCreated,
    BucketDeleted,
    BucketMarked,
    BucketRestored,
    FileDeleted,
    FilesChanged,
    FileStored,
)
from services.versioning import history, recording
from services.versioning.domain.recording import (
    FileEvent,
    Version,
    portions,
    rounds,
    versions_of,
)
from services.versioning.history import Head
from services.versioning.repository import marks, repositories, versions
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository

RECORD = "versioning-record-version"
Ending = BucketDeleted | BucketRestored
BucketEvent = BucketCreated | Ending | BucketMarked | FileEvent


@reacts(
    BucketCreated,
    BucketDeleted,
    BucketRestored,
    BucketMarked,
    FileStored,
    FileDeleted,
    FilesChanged,
    as_=RECORD,
    batch=200,
)
async def record_version(events: Sequence[BucketEvent], db: Database, cache: NodeCache) -> None:
    """Record every state of every file; one commit takes what a batch allows."""
    async with db.transaction() as tx:
        by_bucket: dict[UUID, list[BucketEvent]] = {}
        for event in await inbox.first_times(tx, RECORD, events):
            by_bucket.setdefault(event.bucket_id, []).append(event)
        # In one order everywhere: two replicas wait for each other, they never deadlock.
        for bucket_id in sorted(by_bucket):
            await _record_bucket(tx, cache, by_bucket[bucket_id])
        # Behind all that gave up a name.
        for bucket_id in sorted(by_bucket):
            if isinstance(_last_ending(by_bucket[bucket_id]), BucketRestored):
                await repositories.mark_restored(tx, bucket_id)
        crashpoint("before_record")
    crashpoint("after_record")


async def _record_bucket(tx: Connection, cache: NodeCache, events: Sequence[BucketEvent]) -> None:
    repository = Repository(events[0].bucket_id, events[0].bucket)
    head = await history.lock_main(tx, repository)
    for part in _between_marks(events):
        told = (
            version
            for event in part
            if event.versioning == "auto" or event.commit_id is not None
            for version in versions_of(event)
        )
        for portion in portions(told):
            head = await _record_versions(tx, cache, repository, head, portion)
    if seen := [event.mark_id for event in events if isinstance(event, BucketMarked)]:
        await marks.insert_marks(tx, seen)
    if isinstance(_last_ending(events), BucketDeleted):
        await repositories.mark_deleted(tx, repository.bucket_id)


def _between_marks(events: Sequence[BucketEvent]) -> Iterator[list[FileEvent]]:
    """Yield what happened to files, parted by marks: no commit has changes from both sides of one.

    So what a bucket was when it was closed is a commit, before those of its emptying.
    """
    part: list[FileEvent] = []
    for event in events:
        if isinstance(event, BucketMarked):
            yield part
            part = []
        elif isinstance(event, FileEvent):
            part.append(event)
    yield part


def _last_ending(events: Sequence[BucketEvent]) -> Ending | None:
    """Return what ended the bucket, or its end, last."""
    return next((event for event in reversed(events) if isinstance(event, Ending)), None)


async def _record_versions(
    tx: Connection, cache: NodeCache, repository: Repository, head: Head, told: Sequence[Version]
) -> Head:
    known = await versions.find_recorded(tx, repository.bucket_id, told)
    new = [version for version in told if (version.path, version.revision) not in known]
    if not new:
        return head
    latest = await versions.find_latest(tx, repository.bucket_id, {version.path for version in new})
    for round_ in rounds(new):
        head = await recording.record_round(tx, cache, repository, head, round_, latest)
        for version in round_.versions:
            latest[version.path] = max(version.revision, latest.get(version.path, 0))
    return head
