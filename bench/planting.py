"""Many files of one bucket by SQL: nothing is uploaded, announced or recorded of them."""

from collections.abc import Sequence
from uuid import UUID

from libs.chassis.database import Database
from libs.contracts.ids import new_id

AT_ONCE = 20_000


async def plant(database_url: str, bucket: str, paths: Sequence[str], tag_every: int = 0) -> UUID:
    """Make files at ``paths``, each with a blob of its own; return the bucket's id.

    Every ``tag_every``-th one has the tag ``every: <that number>``.
    """
    async with Database(database_url, pool_size=2, statement_timeout_s=120.0) as database:
        async with database.connection() as conn:
            bucket_id: UUID = await conn.fetchval(
                "SELECT bucket_id FROM bucket WHERE name = $1 AND state = 'open'", bucket
            )
        for first in range(0, len(paths), AT_ONCE):
            part = paths[first : first + AT_ONCE]
            tagged = [tag_every > 0 and at % tag_every == 0 for at in range(len(part))]
            await _plant_part(database, bucket_id, part, tagged, tag_every)
        async with database.connection() as conn:
            await conn.execute("ANALYZE file, file_tag, blob, bucket_blob")
    return bucket_id


async def _plant_part(
    database: Database,
    bucket_id: UUID,
    paths: Sequence[str],
    tagged: Sequence[bool],
    tag_every: int,
) -> None:
    async with database.transaction() as tx:
        await tx.execute(
            """
            WITH wanted AS MATERIALIZED (
                SELECT path, blob_id, tagged, sha256(blob_id::text::bytea) AS sha256
                FROM unnest($2::text[], $3::uuid[], $4::boolean[]) AS w (path, blob_id, tagged)
            ), made AS (
                INSERT INTO blob (blob_id, key, sha256, size, stored_size)
                SELECT blob_id, 'planted/' || blob_id, sha256, 4096, 4096
                FROM wanted
            ), held AS (
                INSERT INTO bucket_blob (bucket_id, blob_id)
                SELECT $1, blob_id
                FROM wanted
            )
            INSERT INTO file (
                bucket_id, path, revision, blob_id, sha256, size, content_type, metadata, tags,
                modified_at, modified_by
            )
            SELECT $1, path, 1, blob_id, sha256, 4096, 'application/octet-stream', '{}',
                CASE WHEN tagged THEN jsonb_build_object('every', $5::text) ELSE '{}' END,
                now(), 'service:bench'
            FROM wanted
            """,
            bucket_id,
            paths,
            [new_id() for _ in paths],
            tagged,
            str(tag_every),
        )
