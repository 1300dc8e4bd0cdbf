"""What ``fsck`` asks the tables."""

from libs.chassis.database import Connection


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
            OR EXISTS (SELECT FROM doomed_object WHERE key = $1)
        """,
        key,
    )
    return named
