"""What ``fsck`` asks the tables."""

from collections.abc import AsyncIterator
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from libs.contracts.storage import Backend, BlobPlace
from services.storage.domain.files import place_of


class StoredObject(Struct, frozen=True):
    """What blobs say about the object that they lie in."""

    key: str
    size: int
    """Where the last of them ends; behind it may lie bytes that a blob was spared."""
    overlap: bool
    """Whether two of them lie at the same bytes."""


async def count_files(conn: Connection) -> tuple[int, int]:
    """Return how many files there are, and the sum of their sizes."""
    row = await conn.fetchrow(
        """
        SELECT count(*) AS files, coalesce(sum(size), 0)::bigint AS bytes
        FROM file
        WHERE deleted_at IS NULL
        """
    )
    return (0, 0) if row is None else (row["files"], row["bytes"])


async def list_unlike_their_blob(conn: Connection, *, limit: int) -> list[tuple[str, str]]:
    """Return bucket and path of files, also in the trash, that say other than their blob."""
    rows = await conn.fetch(
        """
        SELECT bucket.name, path
        FROM (
            SELECT bucket_id, path, blob_id, sha256, size
            FROM file
            WHERE deleted_at IS NULL
            UNION ALL
            SELECT bucket_id, path, trashed_blob, sha256, size
            FROM past_state
            WHERE trashed_blob IS NOT NULL
        ) AS f
        JOIN bucket USING (bucket_id)
        LEFT JOIN blob USING (blob_id)
        WHERE (blob.sha256, blob.size) IS DISTINCT FROM (f.sha256, f.size)
        LIMIT $1
        """,
        limit,
    )
    return [(row["name"], row["path"]) for row in rows]


async def list_held_by_nobody(conn: Connection, *, limit: int) -> list[tuple[str, str]]:
    """Return bucket and digest of content that is held, and that its bucket does not know by it."""
    rows = await conn.fetch(
        """
        SELECT bucket.name, encode(blob.sha256, 'hex') AS sha256
        FROM held_content
        JOIN bucket USING (bucket_id)
        JOIN blob USING (blob_id)
        LEFT JOIN bucket_blob USING (bucket_id, blob_id)
        WHERE bucket_blob.blob_id IS NULL
        LIMIT $1
        """,
        limit,
    )
    return [(row["name"], row["sha256"]) for row in rows]


async def list_not_held(conn: Connection, *, limit: int) -> list[tuple[str, str]]:
    """Return bucket and path of files whose bytes their bucket does not know by their digest."""
    rows = await conn.fetch(
        """
        SELECT bucket.name, path
        FROM file
        JOIN bucket USING (bucket_id)
        LEFT JOIN bucket_blob USING (bucket_id, blob_id)
        WHERE file.deleted_at IS NULL
            AND bucket_blob.blob_id IS NULL
        LIMIT $1
        """,
        limit,
    )
    return [(row["name"], row["path"]) for row in rows]


async def list_endangered(conn: Connection, *, limit: int) -> list[str]:
    """Return objects that a sweeper will delete although blobs lie in them."""
    rows = await conn.fetch(
        """
        SELECT key
        FROM doomed_object
        WHERE EXISTS (SELECT FROM blob WHERE blob.key = doomed_object.key)
        UNION
        SELECT key
        FROM promised_object
        WHERE EXISTS (SELECT FROM blob WHERE blob.key = promised_object.key)
        LIMIT $1
        """,
        limit,
    )
    return [row["key"] for row in rows]


async def list_damaged(conn: Connection, *, limit: int) -> list[tuple[str, str]]:
    """Return key and damage of quarantined blobs."""
    rows = await conn.fetch(
        """
        SELECT key, damage
        FROM blob
        WHERE quarantined_at IS NOT NULL
        LIMIT $1
        """,
        limit,
    )
    return [(row["key"], row["damage"]) for row in rows]


async def is_named(conn: Connection, key: str) -> bool:
    """Tell whether a blob, an upload or a sweeper knows the object."""
    named: bool = await conn.fetchval(
        """
        SELECT EXISTS (SELECT FROM blob WHERE key = $1)
            OR EXISTS (SELECT FROM upload WHERE key = $1)
            OR EXISTS (SELECT FROM promised_object WHERE key = $1)
            OR EXISTS (SELECT FROM doomed_object WHERE key = $1)
        """,
        key,
    )
    return named


async def holds_blobs(conn: Connection, key: str, backend: Backend) -> bool:
    """Tell whether blobs lie in the object now."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM blob WHERE key = $1 AND backend = $2)", key, backend
    )
    return found


async def walk_objects(tx: Connection, backend: Backend) -> AsyncIterator[StoredObject]:
    """Yield every object that blobs name, in the order of keys; needs a transaction."""
    async for row in tx.cursor(
        """
        SELECT key, max(ends_at) AS size, bool_or(object_offset < ended_at) AS overlap
        FROM (
            SELECT key, object_offset, object_offset + stored_size AS ends_at,
                max(object_offset + stored_size) OVER (
                    PARTITION BY key
                    ORDER BY object_offset, stored_size
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS ended_at
            FROM blob
            WHERE backend = $1
        )
        GROUP BY key
        ORDER BY key
        """,
        backend,
    ):
        yield StoredObject(row["key"], row["size"], bool(row["overlap"]))


async def list_places(conn: Connection, *, after: UUID, limit: int) -> list[BlobPlace]:
    """Return blobs by their id, without those that are known to be damaged."""
    rows = await conn.fetch(
        """
        SELECT *
        FROM blob
        WHERE blob_id > $1
            AND quarantined_at IS NULL
        ORDER BY blob_id
        LIMIT $2
        """,
        after,
        limit,
    )
    return list(map(place_of, rows))
