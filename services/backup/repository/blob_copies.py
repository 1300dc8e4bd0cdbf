"""Which bytes are in which target, as far as we know."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from libs.chassis.database import Connection
from libs.contracts.values import Sha256
from services.backup.domain.copying import BlobToCopy
from services.backup.domain.damage import DamageKind


async def find_present(
    tx: Connection, target_id: UUID, digests: Iterable[Sha256]
) -> frozenset[Sha256]:
    """Return those of ``digests`` that are in the target and were not found damaged."""
    rows = await tx.fetch(
        """
        SELECT encode(sha256, 'hex') AS digest
        FROM blob_copy
        WHERE target_id = $1
            AND sha256 = ANY($2::bytea[])
            AND damage IS NULL
        """,
        target_id,
        [bytes.fromhex(digest) for digest in set(digests)],
    )
    return frozenset(row["digest"] for row in rows)


async def upsert_copies(
    tx: Connection, target_id: UUID, blobs: Sequence[BlobToCopy]
) -> tuple[int, int]:
    """Note that ``blobs`` are in the target; return how many were new there, and their bytes.

    A copy that was damaged counts as new.
    """
    row = await tx.fetchrow(
        """
        WITH copied AS (
            INSERT INTO blob_copy (target_id, sha256, size)
            SELECT $1, sha256, size
            FROM unnest($2::bytea[], $3::bigint[]) AS blob (sha256, size)
            ORDER BY sha256
            ON CONFLICT (target_id, sha256) DO UPDATE
            SET size = excluded.size,
                copied_at = now(),
                checked_at = NULL,
                damage = NULL
            WHERE blob_copy.damage IS NOT NULL
            RETURNING size
        )
        SELECT count(*) AS blobs, coalesce(sum(size), 0)::bigint AS bytes
        FROM copied
        """,
        target_id,
        [bytes.fromhex(blob.sha256) for blob in blobs],
        [blob.size for blob in blobs],
    )
    return (0, 0) if row is None else (row["blobs"], row["bytes"])


async def find_checked(
    tx: Connection, target_id: UUID, digests: Iterable[Sha256], since: datetime
) -> dict[Sha256, DamageKind | None]:
    """Return what was found out about ``digests`` at or after ``since``; None: they are whole."""
    rows = await tx.fetch(
        """
        SELECT encode(sha256, 'hex') AS digest, damage
        FROM blob_copy
        WHERE target_id = $1
            AND sha256 = ANY($2::bytea[])
            AND checked_at >= $3
        """,
        target_id,
        [bytes.fromhex(digest) for digest in set(digests)],
        since,
    )
    return {row["digest"]: row["damage"] for row in rows}


async def upsert_checks(
    tx: Connection,
    target_id: UUID,
    checks: Sequence[tuple[Sha256, int, DamageKind | None]],
    at: datetime,
) -> None:
    """Note what was found of blobs (digest, size, damage) in the target."""
    await tx.execute(
        """
        INSERT INTO blob_copy (target_id, sha256, size, checked_at, damage)
        SELECT $1, sha256, size, $5, damage
        FROM unnest($2::bytea[], $3::bigint[], $4::text[]) AS checked (sha256, size, damage)
        ORDER BY sha256
        ON CONFLICT (target_id, sha256) DO UPDATE
        SET checked_at = excluded.checked_at,
            damage = excluded.damage
        """,
        target_id,
        [bytes.fromhex(digest) for digest, _, _ in checks],
        [size for _, size, _ in checks],
        [damage for _, _, damage in checks],
        at,
    )


async def insert_found(
    tx: Connection, target_id: UUID, found: Sequence[tuple[Sha256, int, datetime]]
) -> None:
    """Note blobs (digest, size, time of copy) that were seen in the target."""
    await tx.execute(
        """
        INSERT INTO blob_copy (target_id, sha256, size, copied_at)
        SELECT $1, sha256, size, copied_at
        FROM unnest($2::bytea[], $3::bigint[], $4::timestamptz[])
            AS blob (sha256, size, copied_at)
        ORDER BY sha256
        ON CONFLICT (target_id, sha256) DO NOTHING
        """,
        target_id,
        [bytes.fromhex(digest) for digest, _, _ in found],
        [size for _, size, _ in found],
        [copied_at for _, _, copied_at in found],
    )
