"""When bytes were last proved, and which of them are damaged."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from libs.chassis.database import Connection
from libs.contracts.storage import BlobPlace, FileQuarantined, QuarantinedBlob
from services.storage.domain.files import place_of
from services.storage.repository.blobs import place_as_row

FILES_SHOWN = 20

_SAME_PLACE = "blob_id = $1 AND key = $2 AND object_offset = $3"
"""What was seen is true of these bytes only, not of those that took their place meanwhile."""


class Standing(NamedTuple):
    """How far the scrub is."""

    quarantined: int
    oldest_check_at: datetime | None


async def list_due(
    conn: Connection, *, period_s: float, again_s: float, limit: int
) -> list[BlobPlace]:
    """Return the blobs that were not proved for ``period_s``, those longest ago first.

    What is quarantined is looked at again every ``again_s``: it may have been mended in the store.
    """
    rows = await conn.fetch(
        """
        (
            SELECT *
            FROM blob
            WHERE quarantined_at IS NOT NULL
                AND checked_at <= now() - make_interval(secs => $2)
            ORDER BY checked_at
            LIMIT $3
        )
        UNION ALL
        (
            SELECT *
            FROM blob
            WHERE quarantined_at IS NULL
                AND checked_at <= now() - make_interval(secs => $1)
            ORDER BY checked_at
            LIMIT $3
        )
        """,
        period_s,
        again_s,
        limit,
    )
    return list(map(place_of, rows))


async def note_intact(conn: Connection, place: BlobPlace) -> bool:
    """Note that the bytes are proved, which ends a quarantine; tell whether it did."""
    lifted: bool | None = await conn.fetchval(
        f"""
        UPDATE blob
        SET checked_at = now(),
            quarantined_at = NULL,
            damage = NULL
        WHERE {_SAME_PLACE}
        RETURNING old.quarantined_at IS NOT NULL
        """,  # noqa: S608 - a constant
        place.blob_id,
        place.key,
        place.offset,
    )
    return bool(lifted)


async def quarantine(tx: Connection, place: BlobPlace, damage: str, *, proved: bool) -> bool:
    """Note that the bytes are damaged; tell whether that is new.

    What is only said, not proved, is due to be looked at.
    """
    new: bool | None = await tx.fetchval(
        f"""
        UPDATE blob
        SET checked_at = CASE WHEN $5 THEN now() ELSE 'epoch' END,
            quarantined_at = coalesce(quarantined_at, now()),
            damage = $4
        WHERE {_SAME_PLACE}
        RETURNING old.quarantined_at IS NULL
        """,  # noqa: S608 - a constant
        place.blob_id,
        place.key,
        place.offset,
        damage,
        proved,
    )
    return bool(new)


async def walk_files_of(
    tx: Connection, blob_id: UUID, damage: str
) -> AsyncIterator[FileQuarantined]:
    """Yield what is to be announced of each file that has the blob's bytes; needs a transaction."""
    async for row in tx.cursor(
        """
        SELECT bucket.name AS bucket, bucket_id, path, revision, encode(sha256, 'hex') AS sha256,
            size
        FROM file
        JOIN bucket USING (bucket_id)
        WHERE blob_id = $1
        """,
        blob_id,
    ):
        yield FileQuarantined(**dict(row), reason=damage)


async def list_quarantined(
    conn: Connection, *, after: UUID | None, limit: int
) -> list[QuarantinedBlob]:
    """Return damaged blobs by their id, each with some of the files that have its bytes."""
    rows = await conn.fetch(
        """
        SELECT blob_id, encode(sha256, 'hex') AS sha256, size, key, backend, damage,
            quarantined_at, named.number AS file_count, named.some AS files
        FROM blob
        CROSS JOIN LATERAL (
            SELECT count(*) AS number,
                coalesce(
                    (array_agg(bucket.name || '/' || path ORDER BY bucket.name, path))[:$3], '{}'
                ) AS some
            FROM file
            JOIN bucket USING (bucket_id)
            WHERE file.blob_id = blob.blob_id
        ) AS named
        WHERE quarantined_at IS NOT NULL
            AND ($1::uuid IS NULL OR blob_id > $1)
        ORDER BY blob_id
        LIMIT $2
        """,
        after,
        limit,
        FILES_SHOWN,
    )
    return [QuarantinedBlob(**dict(row)) for row in rows]


async def standing(conn: Connection) -> Standing:
    """Return how many blobs are quarantined, and when the one was proved that is due next."""
    row = await conn.fetchrow(
        """
        SELECT
            (SELECT count(*) FROM blob WHERE quarantined_at IS NOT NULL) AS quarantined,
            (
                SELECT checked_at
                FROM blob
                WHERE quarantined_at IS NULL
                ORDER BY checked_at
                LIMIT 1
            ) AS oldest_check_at
        """
    )
    return Standing(**dict(row or {}))


async def heal(tx: Connection, arrived: Sequence[BlobPlace]) -> list[tuple[BlobPlace, str]]:
    """Let damaged blobs take the places of what ``arrived``, the same bytes once more.

    Returns each blob as it is now, with the key of the object that it lay in before.
    """
    rows = await tx.fetch(
        """
        WITH arrived AS (
            SELECT *
            FROM jsonb_to_recordset($1) AS a (
                blob_id uuid, key text, sha256 text, size bigint, blake3 text,
                object_offset bigint, stored_size bigint, codec text, master_key_id text,
                wrapped_key text, backend text
            )
        )
        UPDATE blob
        SET key = arrived.key,
            object_offset = arrived.object_offset,
            stored_size = arrived.stored_size,
            codec = arrived.codec,
            backend = arrived.backend,
            master_key_id = arrived.master_key_id,
            wrapped_key = decode(arrived.wrapped_key, 'base64'),
            sealed_as = CASE WHEN arrived.master_key_id IS NOT NULL THEN arrived.blob_id END,
            checked_at = now(),
            quarantined_at = NULL,
            damage = NULL
        FROM arrived
        WHERE quarantined_at IS NOT NULL
            AND blob.sha256 = decode(arrived.sha256, 'hex')
            AND (blob.master_key_id IS NULL) = (arrived.master_key_id IS NULL)
        RETURNING new.*, old.key AS key_before, new.stored_size - old.stored_size AS grown
        """,
        [place_as_row(place) for place in arrived],
    )
    await tx.execute(
        """
        SELECT add_usage(array_agg((bucket_id, NULL, 'stored', 0, grown)::usage_change))
        FROM bucket_blob
        JOIN unnest($1::uuid[], $2::bigint[]) AS healed (blob_id, grown) USING (blob_id)
        WHERE grown <> 0
        """,
        [row["blob_id"] for row in rows],
        [row["grown"] for row in rows],
    )
    return [(place_of(row), row["key_before"]) for row in rows]
