"""Files that get new content."""

from collections.abc import Sequence
from uuid import UUID

from libs.chassis.database import Connection
from libs.contracts.storage import BlobPlace
from services.storage.domain.arrivals import Arrival, Committed

Adopted = tuple[Arrival, BlobPlace]
"""An arrival, and the blob that has its bytes."""

FileKey = tuple[UUID, str]
"""A bucket's id and a path."""


async def find_digests_for_update(
    tx: Connection, files: Sequence[FileKey]
) -> dict[FileKey, str | None]:
    """Return the digests of those of ``files`` that ever were, and let nobody change them."""
    rows = await tx.fetch(
        """
        SELECT bucket_id, path, sha256
        FROM file
        JOIN unnest($1::uuid[], $2::text[]) AS wanted (bucket_id, path) USING (bucket_id, path)
        ORDER BY bucket_id, path
        FOR UPDATE OF file
        """,
        [bucket_id for bucket_id, _ in files],
        [path for _, path in files],
    )
    return {
        (row["bucket_id"], row["path"]): row["sha256"].hex() if row["sha256"] else None
        for row in rows
    }


async def upsert(
    tx: Connection, adopted: Sequence[Adopted], *, absent: bool
) -> dict[FileKey, Committed]:
    """Make each blob the next revision of its path; every path comes once.

    Writers of one path wait here for each other, in the order of paths. With ``absent`` those
    that are there already are left alone, also when they were made a moment ago.
    """
    rows = await tx.fetch(
        """
        INSERT INTO file AS f (
            bucket_id, path, revision, blob_id, sha256, size, content_type, metadata, tags,
            modified_at, modified_by
        )
        SELECT bucket_id, path, 1, blob_id, sha256, size, content_type, metadata, tags,
            clock_timestamp(), modified_by
        FROM unnest(
            $1::uuid[], $2::text[], $3::uuid[], $4::bytea[], $5::bigint[], $6::text[], $7::jsonb[],
            $8::jsonb[], $9::text[]
        ) AS arrived (
            bucket_id, path, blob_id, sha256, size, content_type, metadata, tags, modified_by
        )
        ORDER BY bucket_id, path
        ON CONFLICT (bucket_id, path) DO UPDATE
        SET revision = f.revision + 1,
            blob_id = excluded.blob_id,
            sha256 = excluded.sha256,
            size = excluded.size,
            content_type = excluded.content_type,
            metadata = excluded.metadata,
            tags = excluded.tags,
            -- Taken after waiting for the row, and never before the revision it follows.
            modified_at = greatest(clock_timestamp(), f.modified_at),
            modified_by = excluded.modified_by,
            deleted_at = NULL
        WHERE NOT $10 OR f.deleted_at IS NOT NULL
        RETURNING f.bucket_id, f.path, new.sha256, new.size, new.revision, new.modified_at,
            old.revision IS NULL OR old.deleted_at IS NOT NULL AS created
        """,
        [arrival.bucket.bucket_id for arrival, _ in adopted],
        [arrival.path for arrival, _ in adopted],
        [blob.blob_id for _, blob in adopted],
        [bytes.fromhex(blob.sha256) for _, blob in adopted],
        [blob.size for _, blob in adopted],
        [arrival.content_type for arrival, _ in adopted],
        [arrival.metadata for arrival, _ in adopted],
        [arrival.tags for arrival, _ in adopted],
        [arrival.actor for arrival, _ in adopted],
        absent,
    )
    return {
        (row["bucket_id"], row["path"]): Committed(
            sha256=row["sha256"].hex(),
            size=row["size"],
            revision=row["revision"],
            created=row["created"],
            at=row["modified_at"],
        )
        for row in rows
    }
