"""Everything below a prefix is moved, copied or removed here, in the caller's transaction.

A slice at a time: no statement takes long, and other requests get their turn in between.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

from libs.chassis import outbox
from libs.chassis.database import Connection, Undone
from libs.contracts.storage import (
    ApplyChanges,
    CopyPrefix,
    MovePrefix,
    PrefixChange,
    RemovePrefix,
)
from services.storage.domain.announcing import FEW, Together, one_by_one, packed
from services.storage.domain.buckets import Bucket
from services.storage.domain.changes import Write
from services.storage.domain.prefixes import operation_of, placed, placing, source_of
from services.storage.recording import record
from services.storage.repository import files, prefixes
from services.storage.repository.prefixes import Changed
from services.storage.restraints import obeyed

SLICE = 5_000

T = TypeVar("T")


async def apply(
    tx: Connection,
    bucket: Bucket,
    change: PrefixChange,
    sources: Sequence[str],
    request: ApplyChanges,
) -> int:
    """Do to the files at ``sources`` what ``change`` says; return how many it was done to.

    Nobody has to have them locked: each statement takes what it finds then. Raises ``FileExists``,
    ``PathChangedTwice``, ``InvalidPath``, ``BranchProtected``, ``FileLocked`` and
    ``QuotaExceeded``, and ``Undone`` when others took all of them away meanwhile.
    """
    bucket.check_unprotected(commit_id=request.commit_id)
    unmade = [] if isinstance(change, CopyPrefix) else sources
    grows = not isinstance(change, RemovePrefix)
    async with obeyed(tx, bucket, unmade, request.actor, grows=grows):
        found = await _apply(tx, bucket, change, sources, request)
    if sources and not found:
        raise Undone(f"everything below {source_of(change)!r} went elsewhere", retry_after_s=1)
    return found


async def _apply(
    tx: Connection,
    bucket: Bucket,
    change: PrefixChange,
    sources: Sequence[str],
    request: ApplyChanges,
) -> int:
    if isinstance(change, RemovePrefix):
        found = 0
        for paths in _slices(sources):
            removed = await prefixes.remove(tx, bucket.bucket_id, paths, request.actor)
            found += await _announce(tx, bucket, change, removed, request, len(sources))
        return found
    wanted = placed(change, sources)
    standing = await prefixes.find_standing(tx, bucket.bucket_id, change.prefix, list(wanted))
    way = placing(change, wanted, standing)
    found = await _replace(tx, bucket, change, way.taken, request)
    ended = set(way.ended)
    for paths in _slices(list(way.free)):
        part = {path: way.free[path] for path in paths}
        if isinstance(change, MovePrefix):
            over = [path for path in paths if path in ended]
            placed_now = await prefixes.move(tx, bucket.bucket_id, part, over, request.actor)
        else:
            placed_now = await prefixes.copy(tx, bucket.bucket_id, part, request.actor)
        found += await _announce(tx, bucket, change, placed_now, request, len(sources))
    return found


async def _replace(
    tx: Connection,
    bucket: Bucket,
    change: CopyPrefix | MovePrefix,
    taken: Mapping[str, str],
    request: ApplyChanges,
) -> int:
    """Put sources where other files are; those are states that end, as with any single change."""
    found = 0
    for paths in _slices(sorted(taken)):
        part = {path: taken[path] for path in paths}
        both = sorted({*part, *part.values()})
        locked = await files.list_for_update(tx, bucket.bucket_id, both)
        contents = {file.path: file.content for file in locked if file.content}
        writes = []
        for path, source in part.items():
            if (content := contents.get(source)) is None:
                continue
            found += 1
            operation = operation_of(change, request)
            if content != contents.get(path):
                writes.append(Write(path=path, content=content, operation=operation))
            if isinstance(change, MovePrefix):
                writes.append(Write(path=source, content=None, operation=operation))
        writes.sort(key=lambda write: write.path)
        await record(
            tx, bucket, writes, request.actor, message=request.message, commit_id=request.commit_id
        )
    return found


async def _announce(
    tx: Connection,
    bucket: Bucket,
    change: PrefixChange,
    changed: Changed,
    request: ApplyChanges,
    in_all: int,
) -> int:
    """Announce a slice like the whole change: each file by itself only if they are few in all."""
    if changed.at is None:
        return 0
    together = Together(
        bucket=bucket,
        operation=operation_of(change, request),
        actor=request.actor,
        at=changed.at,
        message=request.message,
        commit_id=request.commit_id,
    )
    told = sorted(changed.files, key=attrgetter("path"))
    tell = one_by_one if in_all <= FEW else packed
    await outbox.add(tx, *tell(together, told))
    return len(told)


def _slices(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(things), SLICE):
        yield things[first : first + SLICE]
