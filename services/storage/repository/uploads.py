"""Uploads, from the intent to the repeated answer."""

from datetime import datetime
from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.storage import BeginUpload, HeldContent
from services.storage.domain.arrivals import Committed
from services.storage.domain.checks import PendingFile
from services.storage.domain.errors import UploadNotFound
from services.storage.domain.uploads import Upload, blob_key


async def insert_upload(
    conn: Connection, upload_id: UUID, wish: BeginUpload, *, lease_s: float
) -> datetime | None:
    """Record the intent and return when it expires; None when the bucket takes no changes.

    Runs as its own transaction and does not wait for the disk: if a power loss takes this row,
    nothing was acknowledged but the permission to send bytes. Their commit then finds no upload
    and refuses, and the object is an orphan like any other. (A commit does wait, and thereby for
    all that was written before it, this row included.)
    """
    expires_at: datetime | None = await conn.fetchval(
        """
        WITH unsynced AS (
            SELECT set_config('synchronous_commit', 'off', true)
        )
        INSERT INTO upload (
            upload_id, bucket_id, path, key, actor, content_type, metadata, tags, expect,
            operation, message, session_id, expires_at, hold
        )
        SELECT $1, bucket_id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
            now() + make_interval(secs => $13), $14
        FROM bucket, unsynced
        WHERE name = $2
            AND state = 'open'
        RETURNING expires_at
        """,
        upload_id,
        wish.bucket,
        wish.path,
        blob_key(upload_id),
        wish.actor,
        wish.content_type,
        wish.metadata,
        wish.tags,
        msgspec.to_builtins(wish.expect),
        wish.operation,
        wish.message,
        wish.session_id,
        lease_s,
        wish.hold,
    )
    return expires_at


async def get_for_update(tx: Connection, upload_id: UUID) -> Upload:
    """Return the upload, which nobody else commits, aborts or sweeps until this transaction ends.

    Its bucket cannot be deleted as long, either. Raises ``UploadNotFound``.
    """
    row = await tx.fetchrow(
        """
        SELECT u.*, u.expires_at <= now() AS expired,
            b.name, b.versioning, b.settings, b.state, b.closing_task_id, b.created_at, b.created_by
        FROM upload AS u
        JOIN bucket AS b USING (bucket_id)
        WHERE upload_id = $1
        FOR UPDATE OF u
        FOR KEY SHARE OF b
        """,
        upload_id,
    )
    if row is None:
        raise UploadNotFound(str(upload_id), upload_id=str(upload_id))
    return Upload.of(row)


async def update_committed(
    tx: Connection, upload: Upload, committed: Committed, *, kept_s: float
) -> None:
    """Keep the answer for ``kept_s``."""
    await tx.execute(
        """
        UPDATE upload
        SET committed_at = $2,
            revision = $3,
            sha256 = $4,
            size = $5,
            created = $6,
            expires_at = now() + make_interval(secs => $7)
        WHERE upload_id = $1
        """,
        upload.upload_id,
        committed.at,
        committed.revision,
        bytes.fromhex(committed.sha256),
        committed.size,
        committed.created,
        kept_s,
    )


async def update_waiting(
    tx: Connection, upload: Upload, waiting: PendingFile, *, kept_s: float
) -> None:
    """Keep for ``kept_s`` that its content waits for checks."""
    await tx.execute(
        """
        UPDATE upload
        SET committed_at = $2,
            check_id = $3,
            sha256 = $4,
            size = $5,
            expires_at = now() + make_interval(secs => $6)
        WHERE upload_id = $1
        """,
        upload.upload_id,
        waiting.arrived_at,
        waiting.check_id,
        bytes.fromhex(waiting.sha256),
        waiting.size,
        kept_s,
    )


async def update_held(tx: Connection, upload: Upload, held: HeldContent, *, kept_s: float) -> None:
    """Keep for ``kept_s`` until when its content is held."""
    await tx.execute(
        """
        UPDATE upload
        SET committed_at = now(),
            held_until = $2,
            sha256 = $3,
            size = $4,
            expires_at = now() + make_interval(secs => $5)
        WHERE upload_id = $1
        """,
        upload.upload_id,
        held.held_until,
        bytes.fromhex(held.sha256),
        held.size,
        kept_s,
    )


async def delete_upload(tx: Connection, upload: Upload) -> None:
    """Forget the upload and doom its object; the caller has it locked."""
    await tx.execute(
        """
        WITH forgotten AS (
            DELETE FROM upload
            WHERE upload_id = $1
            RETURNING key
        )
        INSERT INTO doomed_object (key)
        SELECT key
        FROM forgotten
        """,
        upload.upload_id,
    )


async def delete_expired(tx: Connection, limit: int) -> int:
    """Forget up to ``limit`` uploads that expired; return how many.

    An expired upload that was not committed dooms its object. Whether it still is so is decided
    here, on rows that this transaction has locked: a commit is either done or comes too late.
    """
    forgotten: int = await tx.fetchval(
        """
        WITH expired AS (
            SELECT upload_id
            FROM upload
            WHERE expires_at <= now()
            ORDER BY expires_at
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        ), forgotten AS (
            DELETE FROM upload
            USING expired
            WHERE upload.upload_id = expired.upload_id
            RETURNING upload.key, upload.committed_at
        ), doomed AS (
            INSERT INTO doomed_object (key)
            SELECT key
            FROM forgotten
            WHERE committed_at IS NULL
        )
        SELECT count(*)
        FROM forgotten
        """,
        limit,
    )
    return forgotten


async def expire_of_deleted_buckets(conn: Connection) -> None:
    """Let uploads end now whose bucket is gone.

    A statement of its own: whoever commits such an upload may wait for the bucket's lock.
    """
    await conn.execute(
        """
        UPDATE upload
        SET expires_at = now()
        FROM bucket
        WHERE bucket.bucket_id = upload.bucket_id
            AND bucket.state = 'deleted'
            AND expires_at > now()
        """
    )
