"""What may keep a change from happening: protection, retention locks and quotas.

They are looked at with rows locked. A bucket becomes protected behind all writers that began
before it.

Quotas are exact, as whoever adds bytes to a limited bucket, or for a limited principal, locks it
before it looks at the counters and until it has committed. It is the last lock that a transaction
takes. Where there is no quota, nobody waits for anybody.

A quota of a bucket limits two sums: that of all states of files that are or were on main, and that
of all different bytes that the bucket holds. The second has what only branches name, which is in no
state of a file; it is looked at where new bytes come to a bucket with versions, and to be held.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from libs.contracts.problems import Problem
from libs.contracts.storage import BlobPlace
from services.storage.domain.arrivals import Arrival
from services.storage.domain.buckets import Bucket
from services.storage.domain.errors import BranchProtected, QuotaExceeded
from services.storage.domain.usage import Limit, growth_of
from services.storage.repository import locks, usage
from services.storage.repository.restraints import find_restraints


class Limits(Struct, frozen=True):
    """The quotas that a change has to keep."""

    buckets: dict[UUID, Limit]
    principals: dict[str, Limit]


class Concerned(NamedTuple):
    """Which buckets and principals have quotas."""

    buckets: Collection[UUID]
    principals: Collection[str]


class Charge(NamedTuple):
    """How much of a limit something takes."""

    limit: Limit
    growth: int
    new_bytes: int


@asynccontextmanager
async def obeyed(
    tx: Connection, bucket: Bucket, paths: Sequence[str], actor: str, *, grows: bool
) -> AsyncIterator[None]:
    """Have the block change files at ``paths``; raise when it must not.

    Raises ``FileLocked`` before the block and, if it ``grows`` anything, ``QuotaExceeded`` behind.
    """
    found = await find_restraints(tx, [actor], [bucket.bucket_id])
    if found.locking:
        await check_unlocked(tx, bucket, paths)
    limited = grows and (bucket.settings.quota_bytes is not None or found.limited)
    if not limited:
        yield
        return
    concerned = Concerned([bucket.bucket_id], found.limited)
    before = await _lock(tx, concerned)
    yield
    after = await _look(tx, concerned)
    for bucket_id, limit in before.buckets.items():
        limit.check_outcome(after.buckets[bucket_id].used_bytes)
    for principal, limit in before.principals.items():
        limit.check_outcome(after.principals[principal].used_bytes)


async def check_unlocked(conn: Connection, bucket: Bucket, paths: Sequence[str]) -> None:
    """Raise ``FileLocked`` when one of ``paths`` is locked."""
    found = await locks.find_locked(conn, [(bucket.bucket_id, path) for path in paths])
    for (_, path), lock in found.items():
        raise lock.refusal(path)


async def refusals(
    tx: Connection, arrivals: Sequence[tuple[Arrival, BlobPlace]]
) -> dict[int, Problem]:
    """Return which of ``arrivals``, of different paths, must not be put, by position."""
    found = await find_restraints(
        tx,
        {arrival.actor for arrival, _ in arrivals},
        {arrival.bucket.bucket_id for arrival, _ in arrivals},
    )
    refused = _protected(arrivals)
    if found.locking:
        locked = await locks.find_locked(tx, [_key(arrival) for arrival, _ in arrivals])
        for at, (arrival, _) in enumerate(arrivals):
            if (lock := locked.get(_key(arrival))) is not None:
                refused[at] = lock.refusal(arrival.path)
    concerned = Concerned(
        {
            arrival.bucket.bucket_id
            for arrival, _ in arrivals
            if arrival.bucket.settings.quota_bytes is not None
        },
        found.limited,
    )
    if concerned.buckets or concerned.principals:
        left = {at: pair for at, pair in enumerate(arrivals) if at not in refused}
        refused |= await _too_much(tx, left, concerned)
    return refused


def _protected(arrivals: Sequence[tuple[Arrival, BlobPlace]]) -> dict[int, Problem]:
    refused: dict[int, Problem] = {}
    for at, (arrival, _) in enumerate(arrivals):
        try:
            arrival.bucket.check_unprotected()
        except BranchProtected as failure:
            refused[at] = failure
    return refused


async def check_room(
    conn: Connection, bucket: Bucket, path: str, size: int | None, actor: str
) -> None:
    """Raise early what is probably raised later: protection, locks, quotas that are too small."""
    bucket.check_unprotected()
    await check_unlocked(conn, bucket, [path])
    if size is None:
        return
    limits = await _look(conn, Concerned([bucket.bucket_id], [actor]))
    if not limits.buckets and not limits.principals:
        return
    present = await usage.find_present(conn, bucket.bucket_id, path)
    versioned = bucket.versioning == "auto"
    freed = 0 if present is None or versioned else present.size
    for limit in (*limits.buckets.values(), *limits.principals.values()):
        limit.check(size - freed)


async def check_room_to_hold(
    conn: Connection, bucket: Bucket, size: int | None, actor: str
) -> None:
    """Raise early what ``check_new_content`` would probably raise."""
    if size is not None:
        _check_new(await _look(conn, Concerned([bucket.bucket_id], [actor])), size)


async def check_new_content(tx: Connection, bucket: Bucket, blob: BlobPlace, actor: str) -> None:
    """Raise ``QuotaExceeded`` when bytes are new to the bucket and have no room in it."""
    if not await usage.list_new_contents(tx, [(bucket.bucket_id, blob.blob_id)]):
        return
    found = await find_restraints(tx, [actor], [])
    limited = [bucket.bucket_id] if bucket.settings.quota_bytes is not None else []
    if limited or found.limited:
        _check_new(await _lock(tx, Concerned(limited, found.limited)), blob.size)


def _check_new(limits: Limits, size: int) -> None:
    for limit in limits.buckets.values():
        limit.check(0, new_bytes=size)
    for limit in limits.principals.values():
        limit.check(size)


async def _too_much(
    tx: Connection, arrivals: dict[int, tuple[Arrival, BlobPlace]], concerned: Concerned
) -> dict[int, Problem]:
    """Return those of ``arrivals`` that do not fit any more, beside the others before them."""
    restrained = {
        at: (arrival, blob)
        for at, (arrival, blob) in arrivals.items()
        if arrival.bucket.bucket_id in concerned.buckets or arrival.actor in concerned.principals
    }
    present = await usage.list_present_for_update(
        tx, sorted(_key(arrival) for arrival, _ in restrained.values())
    )
    limits = await _lock(tx, concerned)
    new = await usage.list_new_contents(
        tx,
        [
            (arrival.bucket.bucket_id, blob.blob_id)
            for arrival, blob in restrained.values()
            if arrival.bucket.versioning == "auto"
        ],
    )
    refused: dict[int, Problem] = {}
    for at, (arrival, blob) in restrained.items():
        there = present.get(_key(arrival))
        if arrival.expect.absent and there is not None:
            continue  # is refused for that
        growth = growth_of(
            there,
            blob_id=blob.blob_id,
            size=blob.size,
            author=arrival.actor,
            versioned=arrival.bucket.versioning == "auto",
        )
        of_bucket = limits.buckets.get(arrival.bucket.bucket_id)
        of_author = limits.principals.get(arrival.actor)
        content = (arrival.bucket.bucket_id, blob.blob_id)
        new_bytes = blob.size if content in new else 0
        charges = []
        if of_bucket is not None:
            charges.append(Charge(of_bucket, growth.bucket, new_bytes))
        if of_author is not None:
            charges.append(Charge(of_author, growth.author, 0))
        try:
            _charge(charges)
        except QuotaExceeded as failure:
            refused[at] = failure
        else:
            new.discard(content)
    return refused


def _charge(charges: Sequence[Charge]) -> None:
    """Use so much of each limit, or raise ``QuotaExceeded`` and use nothing of any."""
    for limit, growth, new_bytes in charges:
        limit.check(growth, new_bytes=new_bytes)
    for limit, growth, new_bytes in charges:
        limit.charge(growth, new_bytes=new_bytes)


async def _lock(tx: Connection, concerned: Concerned) -> Limits:
    """Return the limits, which nobody else comes nearer to until this transaction ends."""
    if concerned.buckets:
        await usage.lock_buckets(tx, concerned.buckets)
    if concerned.principals:
        await usage.lock_principals(tx, concerned.principals)
    # A statement behind the locks sees what those committed who had them before.
    return await _look(tx, concerned)


async def _look(conn: Connection, concerned: Concerned) -> Limits:
    return Limits(
        await usage.list_bucket_limits(conn, concerned.buckets) if concerned.buckets else {},
        await usage.list_principal_limits(conn, concerned.principals)
        if concerned.principals
        else {},
    )


def _key(arrival: Arrival) -> tuple[UUID, str]:
    return arrival.bucket.bucket_id, arrival.path
