"""Planned writes become rows and events together, in the caller's transaction."""

from collections.abc import Sequence

from libs.chassis import outbox
from libs.chassis.database import Connection
from services.storage.domain.announcing import announce
from services.storage.domain.buckets import Bucket
from services.storage.domain.changes import Write
from services.storage.domain.files import File
from services.storage.repository import files
from services.storage.restraints import obeyed


async def record(
    tx: Connection,
    bucket: Bucket,
    writes: Sequence[Write],
    actor: str,
    *,
    message: str = "",
    commit_id: str | None = None,
    as_set: bool = False,
) -> list[File]:
    """Write, announce and return the new states; rows are locked, and ``writes`` in path order.

    ``as_set`` is for what the bucket's owner has set up, a rule or its end: protection of ``main``
    does not stop that. Raises ``BranchProtected``, ``FileLocked`` and ``QuotaExceeded``.
    """
    if not writes:
        return []
    if not as_set:
        bucket.check_unprotected(commit_id=commit_id)
    grows = any(write.content is not None for write in writes)
    async with obeyed(tx, bucket, [write.path for write in writes], actor, grows=grows):
        written = await files.write(tx, bucket.bucket_id, writes, actor)
    events = announce(bucket, writes, written, message=message, commit_id=commit_id)
    await outbox.add(tx, *events)
    return written
