"""Content that no file names is held for a while, so that branches and commits can name it.

What history names by the end of a hold, it is asked for before the bytes may go: see
``collecting.py``. Nothing is announced: who wants the content held names it elsewhere.
"""

from libs.chassis.database import Connection
from libs.contracts.storage import HeldContent
from services.storage.domain.arrivals import Arrival
from services.storage.domain.buckets import Bucket
from services.storage.domain.errors import ChecksRequired
from services.storage.quarantine import heal
from services.storage.repository import blobs, held_contents, promises
from services.storage.restraints import check_new_content


def check_holdable(bucket: Bucket) -> None:
    """Raise ``ChecksRequired``: what comes by a branch would never meet the bucket's checks."""
    if bucket.settings.checks:
        raise ChecksRequired(
            f"{bucket.name} checks new content, which it does on main only",
            bucket=bucket.name,
            checks=bucket.settings.checks,
        )


async def keep(tx: Connection, arrival: Arrival, *, for_s: float) -> HeldContent:
    """Hold what arrived, in the caller's transaction; bytes stored before are not stored twice.

    Its bucket is locked by the caller. Raises ``ChecksRequired``, ``EncryptionRequired`` and
    ``QuotaExceeded``.
    """
    bucket = arrival.bucket
    check_holdable(bucket)
    if (refusal := arrival.refusal()) is not None:
        raise refusal
    arrived = [arrival.place]
    (blob,) = await heal(tx, arrived, await blobs.adopt(tx, arrived))
    await check_new_content(tx, bucket, blob, arrival.actor)
    await blobs.hold(tx, [(bucket.bucket_id, blob.blob_id)])
    held_until = await held_contents.upsert(tx, bucket.bucket_id, [blob.blob_id], for_s=for_s)
    if blob.key != arrival.place.key:
        await promises.doom(tx, [arrival.place.key])
    return HeldContent(
        sha256=blob.sha256,
        size=blob.size,
        content_type=arrival.content_type,
        held_until=held_until,
    )
