"""The state of a bucket at one instant, as storage wrote it into the object store."""

from collections.abc import AsyncIterator
from uuid import UUID

from libs.blobs import BlobNotFound, BlobStore, BlobTruncated
from libs.chassis.bus import Bus
from libs.contracts.storage import ExportedFile, ExportFiles
from services.backup.domain import manifest
from services.backup.domain.errors import ExportDamaged
from services.backup.domain.lines import LineTooLong
from services.backup.domain.snapshots import Export
from services.backup.streams import LineUnfinished, lines_of


async def ask_for_export(bus: Bus, bucket: str, export_id: UUID, *, timeout_s: float) -> Export:
    """Let storage write an export; a large bucket takes its time."""
    made = await bus.ask(ExportFiles(bucket=bucket, export_id=export_id), timeout_s=timeout_s)
    return Export(
        key=made.key,
        bucket_id=made.bucket_id,
        exported_at=made.exported_at,
        files=made.files,
        bytes=made.bytes,
    )


async def is_there(store: BlobStore, export: Export) -> bool:
    """Tell whether an export was not thrown away yet."""
    try:
        await store.head(export.key)
    except BlobNotFound:
        return False
    return True


async def read_export(store: BlobStore, export: Export) -> AsyncIterator[ExportedFile]:
    """Yield the exported files; raises ``ExportDamaged`` unless all of them came."""
    files = bytes_ = 0
    try:
        body = await store.get(export.key)
        async with body:
            async for line in lines_of(body):
                file = manifest.decode_exported(line)
                files += 1
                bytes_ += file.size
                yield file
    except (BlobNotFound, BlobTruncated, LineUnfinished, LineTooLong) as error:
        raise ExportDamaged(str(error), retry_after_s=1.0) from error
    if (files, bytes_) != (export.files, export.bytes):
        raise ExportDamaged(
            f"{files} files with {bytes_} bytes came, "
            f"{export.files} with {export.bytes} were exported",
            retry_after_s=1.0,
        )
