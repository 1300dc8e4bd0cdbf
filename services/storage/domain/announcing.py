"""What is announced of changed files: one event for each of a few, few events for many."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from libs.contracts.storage import ChangedFile, FileDeleted, FilesChanged, FileStored
from libs.contracts.values import Operation
from services.storage.domain.buckets import Bucket
from services.storage.domain.changes import Write
from services.storage.domain.files import File

FEW = 100
"""Up to so many files that change together are each announced by themselves."""

MOST_FILES = 1_000
MOST_BYTES = 400_000
"""What one event tells at most; a message may hold 1 MiB."""

Announced = FileStored | FileDeleted | FilesChanged


class Together(Struct, frozen=True, kw_only=True):
    """What files that changed in one moment have in common."""

    bucket: Bucket
    operation: Operation
    actor: str
    at: datetime
    message: str = ""
    commit_id: str | None = None


def changed_file(file: File) -> ChangedFile:
    """Return what an event tells of the new state of ``file``."""
    if file.content is None:
        return ChangedFile(path=file.path, revision=file.revision)
    return ChangedFile(
        path=file.path,
        revision=file.revision,
        sha256=file.content.sha256,
        size=file.content.size,
        content_type=file.content.content_type,
        metadata=file.content.metadata,
        tags=file.content.tags,
    )


def announce(
    bucket: Bucket,
    writes: Sequence[Write],
    files: Sequence[File],
    *,
    message: str = "",
    commit_id: str | None = None,
) -> list[Announced]:
    """Return the events for ``files``, which ``writes`` made in the same order."""
    if not files:
        return []
    together = Together(
        bucket=bucket,
        operation=writes[0].operation,
        actor=files[0].modified_by,
        at=max(file.modified_at for file in files),
        message=message,
        commit_id=commit_id,
    )
    told = [
        (write.operation, changed_file(file)) for write, file in zip(writes, files, strict=True)
    ]
    if len(told) <= FEW:
        return [
            event
            for operation, file in told
            for event in one_by_one(replace(together, operation=operation), [file])
        ]
    by_operation: dict[Operation, list[ChangedFile]] = {}
    for operation, file in told:
        by_operation.setdefault(operation, []).append(file)
    return [
        event
        for operation, changed in by_operation.items()
        for event in packed(replace(together, operation=operation), changed)
    ]


def one_by_one(together: Together, changed: Sequence[ChangedFile]) -> Iterator[Announced]:
    """Yield an event for each path, and one more for each that a moved file left."""
    for file in changed:
        yield (
            _stored(together, file) if file.sha256 else _deleted(together, file.path, file.revision)
        )
        if file.source is not None and file.source_revision is not None:
            yield _deleted(together, file.source, file.source_revision)


def packed(together: Together, changed: Sequence[ChangedFile]) -> Iterator[Announced]:
    """Yield events that each tell as much as one may, or half of it where that is too long."""
    for first in range(0, len(changed), MOST_FILES):
        yield from _fitting(together, changed[first : first + MOST_FILES])


def _fitting(together: Together, changed: Sequence[ChangedFile]) -> Iterator[Announced]:
    # Weighed all at once: to encode each by itself takes ten times as long.
    if len(changed) > 1 and len(msgspec.json.encode(changed)) > MOST_BYTES:
        middle = len(changed) // 2
        yield from _fitting(together, changed[:middle])
        yield from _fitting(together, changed[middle:])
    else:
        yield _many(together, list(changed))


def _stored(together: Together, file: ChangedFile) -> FileStored:
    if file.sha256 is None:
        raise ValueError(f"{file.path!r} was deleted at revision {file.revision}")
    return FileStored(
        occurred_at=together.at,
        bucket=together.bucket.name,
        bucket_id=together.bucket.bucket_id,
        path=file.path,
        revision=file.revision,
        sha256=file.sha256,
        size=file.size,
        content_type=file.content_type,
        metadata=file.metadata,
        tags=file.tags,
        operation=together.operation,
        actor=together.actor,
        versioning=together.bucket.versioning,
        message=together.message,
        commit_id=together.commit_id,
    )


def _deleted(together: Together, path: str, revision: int) -> FileDeleted:
    return FileDeleted(
        occurred_at=together.at,
        bucket=together.bucket.name,
        bucket_id=together.bucket.bucket_id,
        path=path,
        revision=revision,
        operation=together.operation,
        actor=together.actor,
        versioning=together.bucket.versioning,
        message=together.message,
        commit_id=together.commit_id,
    )


def _many(together: Together, changed: list[ChangedFile]) -> FilesChanged:
    return FilesChanged(
        occurred_at=together.at,
        bucket=together.bucket.name,
        bucket_id=together.bucket.bucket_id,
        operation=together.operation,
        actor=together.actor,
        versioning=together.bucket.versioning,
        changed=changed,
        files=len(changed),
        message=together.message,
        commit_id=together.commit_id,
    )
