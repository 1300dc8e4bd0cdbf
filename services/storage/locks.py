"""Which state of a file is to be locked, and whether a bucket may go."""

from uuid import UUID

from libs.chassis.database import Connection
from services.storage.domain.buckets import Bucket
from services.storage.domain.errors import FileNotFound, VersionNotFound
from services.storage.repository import blobs, files, locks


async def find_state_for_update(
    tx: Connection, bucket: Bucket, path: str, revision: int | None, sha256: str | None = None
) -> tuple[int, UUID]:
    """Return revision and bytes of a state that do not go until this transaction ends.

    ``sha256`` tells what history says of a revision that storage keeps no row of. Raises
    ``FileNotFound``, or ``VersionNotFound`` for a revision that is not kept.
    """
    file = await files.find_for_update(tx, bucket.bucket_id, path)
    present = None if file is None or file.content is None else file
    if present is not None and present.content is not None and revision in (None, present.revision):
        return present.revision, present.content.blob_id
    if revision is None:
        raise FileNotFound(path, bucket=bucket.name, path=path)
    blob_id = await locks.find_kept_blob_for_update(tx, bucket.bucket_id, path, revision)
    if blob_id is None and sha256 is not None:
        held = await blobs.list_held_for_share(tx, bucket.bucket_id, [sha256])
        blob_id = held[0].blob_id if held else None
    if blob_id is None:
        raise VersionNotFound(
            f"{path!r} has no kept version {revision}", path=path, version=revision
        )
    return revision, blob_id


async def check_nothing_locked(tx: Connection, bucket: Bucket) -> None:
    """Raise ``FileLocked`` when a state of some file of the bucket is locked."""
    found = await locks.find_any(tx, bucket.bucket_id)
    if found is not None:
        raise found.lock.refusal(found.path)
