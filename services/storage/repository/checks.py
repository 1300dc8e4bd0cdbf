"""What ``fsck`` asks the tables."""

from collections.abc import AsyncIterator

from msgspec import Struct

from libs.chassis.database import Connection


class StoredObject(Struct, frozen=True):
    """What blobs say about the object that they lie in."""

    key: str
    size: int
    """Where the last of them ends; behind it may lie bytes that a blob was spared."""


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
    """Return bucket and path of files whose blob is missing, or has other bytes than they say."""
    rows = await conn.fetch(
        """
        SELECT bucket.name, f.path
        FROM file AS f
        JOIN bucket USING (bucket_id)
        LEFT JOIN blob USING (blob_id)
        WHERE f.deleted_at IS NULL
            AND (blob.sha256, blob.size) IS DISTINCT FROM (f.sha256, f.size)
        LIMIT $1
        """,
        limit,
    )
    return [(row["name"], row["path"]) for row in rows]


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


async def walk_objects(tx: Connection) -> AsyncIterator[StoredObject]:
    """Yield every object that blobs name, in the order of keys; needs a transaction."""
    async for row in tx.cursor(
        """
        SELECT key, max(object_offset + stored_size) AS size
        FROM blob
        GROUP BY key
        ORDER BY key
        """
    ):
        yield StoredObject(row["key"], row["size"])
