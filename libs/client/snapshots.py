"""Backups: targets, and snapshots of buckets in them. What takes long answers with a task."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from libs.client.paging import Page, items
from libs.client.transport import Transport, segment
from libs.contracts.backup import SnapshotAccepted, SnapshotInfo, TargetInfo
from libs.contracts.progress import TaskAccepted

SNAPSHOTS = "/backups/snapshots"
TARGETS = "/backups/targets"


class Snapshots:
    """Snapshots of buckets."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def take(self, bucket: str, *, target: str) -> SnapshotAccepted:
        """Begin a snapshot of a bucket as it is now."""
        body = {"bucket": bucket, "target": target}
        return await self._transport.post(SNAPSHOTS, SnapshotAccepted, body)

    async def get(self, snapshot_id: UUID) -> SnapshotInfo:
        """Return a snapshot; raises ``ApiProblem`` 404."""
        return await self._transport.get(f"{SNAPSHOTS}/{snapshot_id}", SnapshotInfo)

    def list(
        self, *, bucket: str | None = None, limit: int | None = None
    ) -> AsyncIterator[SnapshotInfo]:
        """Yield snapshots, newest first."""
        return items(
            self._transport, SNAPSHOTS, Page[SnapshotInfo], {"bucket": bucket}, limit=limit
        )

    async def verify(self, snapshot_id: UUID) -> TaskAccepted:
        """Begin to read a snapshot back from its target and hash it again."""
        return await self._transport.post(
            f"{SNAPSHOTS}/{snapshot_id}/verifications", TaskAccepted, {}
        )

    async def restore(
        self,
        snapshot_id: UUID,
        *,
        into: str | None = None,
        paths: Sequence[str] | None = None,
        prefix: str | None = None,
    ) -> TaskAccepted:
        """Begin to bring files back, into their own bucket or ``into`` another."""
        wanted = {"snapshot": snapshot_id, "into": into, "paths": paths, "prefix": prefix}
        body = {name: value for name, value in wanted.items() if value is not None}
        return await self._transport.post("/backups/restores", TaskAccepted, body)


class Targets:
    """The places that snapshots are written to."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(self, name: str, url: str) -> TargetInfo:
        """Register a target, e.g. ``file:///backups``; the platform tries it first."""
        return await self._transport.post(TARGETS, TargetInfo, {"name": name, "url": url})

    async def list(self) -> AsyncIterator[TargetInfo]:
        """Yield the targets by name; they are few, so they come in one piece."""
        targets = await self._transport.get(TARGETS, Page[TargetInfo])
        for target in targets.items:
            yield target

    async def delete(self, name: str) -> None:
        """Forget a target; its snapshots stay where they are."""
        await self._transport.delete(f"{TARGETS}/{segment(name)}")
