"""Blobs that move to another object: their bytes stay, their place changes."""

from collections.abc import Sequence
from typing import NamedTuple

from libs.chassis.database import Connection
from libs.contracts.storage import Backend, BlobPlace
from services.storage.domain.files import place_of


class InFallback(NamedTuple):
    """What has to go home."""

    objects: int
    bytes: int


async def list_in_object(conn: Connection, key: str) -> list[BlobPlace]:
    """Return the blobs that lie in an object, in the order in which they lie there."""
    rows = await conn.fetch(
        """
        SELECT *
        FROM blob
        WHERE key = $1
        ORDER BY object_offset, blob_id
        """,
        key,
    )
    return list(map(place_of, rows))


async def move(
    tx: Connection, source: str, target: str, backend: Backend, places: Sequence[BlobPlace]
) -> int:
    """Let blobs lie one behind the other in ``target``; return how many did not move meanwhile.

    ``places`` are those of ``source`` that were copied, in the order of the copy.
    """
    await tx.execute(
        """
        SELECT
        FROM blob
        WHERE blob_id = ANY ($1::uuid[])
        ORDER BY blob_id
        FOR NO KEY UPDATE
        """,
        [place.blob_id for place in places],
    )
    status = await tx.execute(
        """
        UPDATE blob
        SET key = $2,
            object_offset = copied.lies_at,
            backend = $3
        FROM (
            SELECT blob_id, lay_at,
                sum(stored_size) OVER (ORDER BY position) - stored_size AS lies_at
            FROM unnest($4::uuid[], $5::bigint[], $6::bigint[])
                WITH ORDINALITY AS c (blob_id, lay_at, stored_size, position)
        ) AS copied
        WHERE blob.blob_id = copied.blob_id
            AND blob.key = $1
            AND blob.object_offset = copied.lay_at
        """,
        source,
        target,
        backend,
        [place.blob_id for place in places],
        [place.offset for place in places],
        [place.stored_bytes for place in places],
    )
    return int(status.rpartition(" ")[2])


async def list_worn(conn: Connection, *, grace_s: float, limit: int) -> list[str]:
    """Return objects that some of their blobs left as long ago as the grace, the first first."""
    rows = await conn.fetch(
        """
        SELECT key
        FROM worn_object
        WHERE worn_at <= now() - make_interval(secs => $1)
        ORDER BY worn_at
        LIMIT $2
        """,
        grace_s,
        limit,
    )
    return [row["key"] for row in rows]


async def forget_worn(conn: Connection, key: str) -> None:
    """Leave an object as it is, until another of its blobs leaves it."""
    await conn.execute("DELETE FROM worn_object WHERE key = $1", key)


async def count_in_fallback(conn: Connection) -> InFallback:
    """Return how much lies in the fallback."""
    row = await conn.fetchrow(
        """
        SELECT count(DISTINCT key) AS objects, coalesce(sum(stored_size), 0)::bigint AS bytes
        FROM blob
        WHERE backend = 'fallback'
        """
    )
    return InFallback(**dict(row or {}))


async def find_in_fallback(conn: Connection, behind: str) -> str | None:
    """Return the next object behind ``behind`` whose blobs lie in the fallback."""
    key: str | None = await conn.fetchval(
        """
        SELECT key
        FROM blob
        WHERE backend = 'fallback'
            AND key > $1
        ORDER BY key
        LIMIT 1
        """,
        behind,
    )
    return key
