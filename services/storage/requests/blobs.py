"""Blobs: where bytes lie, and a bucket's files as one object for whoever copies them all."""

from collections.abc import AsyncIterator
from uuid import UUID

import msgspec

from libs.blobs import BlobStore
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.storage import BlobList, ExportFiles, FilesExported, FindBlobs
from services.storage.repository import blobs, buckets, listings
from services.storage.store_failures import store_failures

EXPORTS = "exports"
"""The folder of the store that exports lie in."""

_PIECE_BYTES = 256 * 1024


@serves(FindBlobs)
async def find_blobs(request: FindBlobs, db: Database) -> BlobList:
    """Tell where bytes lie that the bucket ever held; those of other buckets stay unknown."""
    async with db.connection() as conn:
        bucket = await buckets.get_bucket(conn, request.bucket)
        found = await blobs.list_held(conn, bucket.bucket_id, request.digests)
    return BlobList(items=found)


@serves(ExportFiles)
async def export_files(request: ExportFiles, db: Database, store: BlobStore) -> FilesExported:
    """Stream one snapshot of the bucket into the store; memory does not grow with the bucket."""
    key = f"{EXPORTS}/{request.export_id}"
    async with db.transaction(isolation="repeatable_read", readonly=True) as tx:
        exported_at = await listings.snapshot_time(tx)
        bucket = await buckets.get_bucket(tx, request.bucket)
        export = _Export(tx, bucket.bucket_id)
        with store_failures():
            await store.put(key, export.pieces())
    return FilesExported(
        bucket_id=bucket.bucket_id,
        key=key,
        files=export.files,
        bytes=export.bytes,
        exported_at=exported_at,
    )


class _Export:
    """The lines of an export, and what was counted while they went by."""

    def __init__(self, tx: Connection, bucket_id: UUID) -> None:
        self._tx = tx
        self._bucket_id = bucket_id
        self.files = 0
        self.bytes = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        piece = bytearray()
        async for file in listings.walk_for_export(self._tx, self._bucket_id):
            self.files += 1
            self.bytes += file.size
            piece += msgspec.json.encode(file) + b"\n"
            if len(piece) >= _PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece)
