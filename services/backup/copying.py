"""Bytes from the platform's store into a target, hashed on the way."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from prometheus_client import Counter

from libs.blobs import BlobBody, BlobDamaged, BlobNotFound, BlobTruncated, BodySizeMismatch
from libs.blobs.depot import Depot
from libs.chassis.bus import Bus
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Database
from libs.contracts.storage import ExportedFile, FindBlobs
from services.backup.concurrency import for_each
from services.backup.digests import BytesDamaged
from services.backup.domain.copying import BlobToCopy, blobs_to_copy
from services.backup.domain.damage import first_of
from services.backup.domain.errors import SourceDamaged
from services.backup.domain.snapshots import Snapshot
from services.backup.repository import blob_copies, snapshots
from services.backup.vault import Vault
from services.backup.watch import Watch

# What a crash makes us copy again, at most: the copies that were not noted yet.
NOTE_AFTER_BLOBS = 64
NOTE_AFTER_BYTES = 32 * 1024 * 1024

COPIED = Counter("strongroom_backup_copied_bytes_total", "Bytes copied into targets.")


class _SourceBroken(Exception):
    """The platform's store does not have all of the bytes."""


class Copier:
    """Copies what a target lacks, and notes it; a damaged source does not stop the others."""

    def __init__(
        self,
        db: Database,
        bus: Bus,
        source: Depot,
        vault: Vault,
        snapshot: Snapshot,
        watch: Watch,
        *,
        at_once: int,
    ) -> None:
        self._db = db
        self._bus = bus
        self._source = source
        self._vault = vault
        self._snapshot = snapshot
        self._watch = watch
        self._at_once = at_once
        self._not_noted: list[BlobToCopy] = []
        self._noting = asyncio.Lock()
        self._damaged: list[BlobToCopy] = []

    async def copy(self, files: Sequence[ExportedFile]) -> None:
        """Copy the bytes of ``files`` that are not in the target."""
        async with self._db.connection() as conn:
            present = await blob_copies.find_present(
                conn, self._snapshot.target_id, (file.sha256 for file in files)
            )
        known_bad = {blob.sha256 for blob in self._damaged}
        blobs = blobs_to_copy(files, present | known_bad)
        self._watch.saw(sum(file.size for file in files) - sum(blob.size for blob in blobs))
        try:
            await for_each(blobs, self._copy_one, at_once=self._at_once)
        finally:
            await self._note()

    def raise_if_damaged(self) -> None:
        """Raise ``SourceDamaged``, naming the files, when not all bytes could be copied."""
        if not self._damaged:
            return
        paths = sorted(blob.path for blob in self._damaged)
        raise SourceDamaged(
            f"{len(paths)} files are damaged in the object store, the first is {paths[0]!r}",
            damaged=len(paths),
            paths=first_of(paths),
        )

    async def _copy_one(self, blob: BlobToCopy) -> None:
        try:
            await self._vault.put_blob(blob.sha256, blob.size, self._read(blob))
        except (BytesDamaged, BodySizeMismatch, _SourceBroken):
            self._damaged.append(blob)
            return
        COPIED.inc(blob.size)
        self._not_noted.append(blob)
        crashpoint("after_copy")
        if (
            len(self._not_noted) >= NOTE_AFTER_BLOBS
            or sum(blob.size for blob in self._not_noted) >= NOTE_AFTER_BYTES
        ):
            await self._note()

    async def _read(self, blob: BlobToCopy) -> AsyncIterator[bytes]:
        try:
            async with await self._open(blob) as body:
                async for piece in body:
                    self._watch.saw(len(piece))
                    yield piece
        except (BlobDamaged, BlobNotFound, BlobTruncated) as error:
            raise _SourceBroken from error

    async def _open(self, blob: BlobToCopy) -> BlobBody:
        """Open the bytes where they lie; since the export they may have moved to another object."""
        try:
            return await self._source.read(blob.source)
        except BlobNotFound:
            question = FindBlobs(bucket=self._snapshot.bucket, digests=[blob.sha256])
            for place in (await self._bus.ask(question)).items:
                if place.key != blob.source.key:
                    return await self._source.read(place)
            raise

    async def _note(self) -> None:
        """Remember what was copied, in one transaction with the snapshot's counts."""
        async with self._noting:
            copied, self._not_noted = self._not_noted, []
            if not copied:
                return
            async with self._db.transaction() as tx:
                blobs, bytes_ = await blob_copies.upsert_copies(
                    tx, self._snapshot.target_id, copied
                )
                await snapshots.add_copied(
                    tx, self._snapshot.snapshot_id, blobs=blobs, bytes_=bytes_
                )
