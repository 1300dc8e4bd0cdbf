"""A snapshot's record, the commit point: each one names the digest of the one before it.

So nobody can change, drop or slip in an older record without the next one telling.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.contracts.values import Actor, BucketName, ByteCount, Sha256
from services.backup.domain.errors import SnapshotDamaged
from services.backup.domain.layout import sealed_at_of, snapshot_key


class Link(Struct, frozen=True, kw_only=True):
    """A record's name and the digest of its bytes."""

    key: str
    sha256: Sha256


class SnapshotRecord(Struct, frozen=True, kw_only=True):
    """All that a restore needs to begin, and all that ``adopt`` needs to know it again."""

    format: Literal["plain-v0"] = "plain-v0"
    repository_id: UUID
    snapshot_id: UUID
    task_id: UUID
    bucket: BucketName
    bucket_id: UUID
    files: int
    bytes: ByteCount
    copied_blobs: int
    copied_bytes: ByteCount
    manifest_sha256: Sha256
    created_by: Actor
    created_at: datetime
    exported_at: datetime
    sealed_at: datetime
    previous: Link | None
    """The record before this one; None for the first of a repository."""

    @property
    def key(self) -> str:
        """Where this record lies."""
        return snapshot_key(self.sealed_at, self.snapshot_id)


class StoredRecord(Struct, frozen=True, kw_only=True):
    """A record as it was read from a target, or is about to be written there."""

    record: SnapshotRecord
    data: bytes

    @property
    def link(self) -> Link:
        """What the next record says of this one."""
        return link_to(self.record.key, self.data)


def link_to(key: str, data: bytes) -> Link:
    """Return the link to whatever lies at ``key``: a damaged record must not stop new ones."""
    return Link(key=key, sha256=hashlib.sha256(data).hexdigest())


def encode(record: SnapshotRecord) -> StoredRecord:
    data = msgspec.json.format(msgspec.json.encode(record)) + b"\n"
    return StoredRecord(record=record, data=data)


def decode(key: str, data: bytes) -> StoredRecord:
    """Return the record that lies at ``key``; raises ``SnapshotDamaged`` for anything else."""
    try:
        record = msgspec.json.decode(data, type=SnapshotRecord)
    except msgspec.DecodeError as error:
        raise SnapshotDamaged(f"{key} cannot be read: {error}", key=key) from error
    if record.key != key:
        raise SnapshotDamaged(f"{key} holds the record that belongs at {record.key}", key=key)
    return StoredRecord(record=record, data=data)


def seal_after(last: Link | None, now: datetime) -> datetime:
    """Return when a record that follows on ``last`` is sealed: later, whatever the clock says."""
    if last is None:
        return now
    return max(now, sealed_at_of(last.key) + timedelta(microseconds=1))


def first_break(chain: Iterable[StoredRecord]) -> str:
    """Return what is wrong with records in the order of their names, or nothing.

    Only the newest record has none behind it to vouch for it; its digest is kept in the database.
    """
    last: Link | None = None
    for stored in chain:
        previous = stored.record.previous
        if previous != last:
            expected = last.key if last else "no record"
            named = previous.key if previous else "no record"
            if last and previous and last.key == previous.key:
                return f"{last.key} was altered after {stored.record.key} was written"
            return f"{stored.record.key} follows on {named}, but {expected} lies before it"
        last = stored.link
    return ""
