"""Blobs: which bytes there are, where they lie, and which buckets ever held them."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from libs.chassis.database import Connection
from services.storage.domain.files import Blob
from services.storage.domain.uploads import Upload


async def adopt(tx: Connection, upload: Upload, sha256: str, size: int, blake3: str | None) -> Blob:
    """Return the one blob with these bytes: the upload's own, or one that was there before.

    The blob cannot be deleted until this transaction ends. Two commits of the same new bytes meet
    on the index: the second waits for the first and gets its blob.
    """
    while True:
        row = await tx.fetchrow(
            """
            WITH known AS (
                SELECT blob_id, key, sha256, size, blake3
                FROM blob
                WHERE sha256 = $1
                FOR KEY SHARE
            ), made AS (
                INSERT INTO blob (blob_id, key, sha256, size, blake3)
                SELECT $2, $3, $1, $4, $5
                WHERE NOT EXISTS (SELECT FROM known)
                ON CONFLICT (sha256) DO NOTHING
                RETURNING blob_id, key, sha256, size, blake3
            )
            SELECT * FROM known
            UNION ALL
            SELECT * FROM made
            """,
            bytes.fromhex(sha256),
            upload.upload_id,
            upload.key,
            size,
            None if blake3 is None else bytes.fromhex(blake3),
        )
        if row is not None:
            return Blob.of(row)
        # Another commit made the blob after this statement began: the next one sees it.


async def list_held(conn: Connection, bucket_id: UUID, digests: Sequence[str]) -> list[Blob]:
    """Return those of ``digests`` that the bucket ever held."""
    rows = await conn.fetch(
        """
        SELECT blob_id, key, sha256, size, blake3
        FROM blob
        JOIN bucket_blob USING (blob_id)
        WHERE sha256 = ANY ($2::bytea[])
            AND bucket_id = $1
        """,
        bucket_id,
        [bytes.fromhex(sha256) for sha256 in digests],
    )
    return [Blob.of(row) for row in rows]


async def list_held_for_share(
    tx: Connection, bucket_id: UUID, digests: Sequence[str]
) -> list[Blob]:
    """Return the same; none of them can be deleted until this transaction ends."""
    rows = await tx.fetch(
        """
        SELECT blob_id, key, sha256, size, blake3
        FROM blob
        JOIN bucket_blob USING (blob_id)
        WHERE sha256 = ANY ($2::bytea[])
            AND bucket_id = $1
        ORDER BY blob_id
        FOR KEY SHARE OF blob
        """,
        bucket_id,
        [bytes.fromhex(sha256) for sha256 in digests],
    )
    return [Blob.of(row) for row in rows]


async def walk(tx: Connection) -> AsyncIterator[Blob]:
    """Yield every blob in the order of keys; needs a transaction."""
    async for row in tx.cursor(
        """
        SELECT blob_id, key, sha256, size, blake3
        FROM blob
        ORDER BY key
        """
    ):
        yield Blob.of(row)
