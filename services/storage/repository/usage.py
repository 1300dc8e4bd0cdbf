"""What is used and may be used: sums of striped counters, and quotas."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from libs.chassis.database import Connection
from libs.contracts.storage import Amount, PrincipalUsage
from services.storage.domain.usage import Limit, Present

FileKey = tuple[UUID, str]


async def get_totals(conn: Connection, bucket_id: UUID) -> Mapping[str, Amount]:
    """Return what the bucket uses, by ``live``, ``version``, ``trash``, ``held``, ``stored``."""
    rows = await conn.fetch(
        """
        SELECT what, sum(number)::bigint AS number, sum(bytes)::bigint AS bytes
        FROM usage
        WHERE bucket_id = $1
        GROUP BY what
        """,
        bucket_id,
    )
    return {row["what"]: Amount(number=row["number"], bytes=row["bytes"]) for row in rows}


async def get_totals_of_all(conn: Connection) -> tuple[int, Mapping[str, Amount]]:
    """Return how many buckets there are, and what they use together."""
    rows = await conn.fetch(
        """
        SELECT what, sum(number)::bigint AS number, sum(bytes)::bigint AS bytes
        FROM usage
        GROUP BY what
        """
    )
    buckets: int = await conn.fetchval("SELECT count(*) FROM bucket WHERE state <> 'deleted'")
    totals = {row["what"]: Amount(number=row["number"], bytes=row["bytes"]) for row in rows}
    return buckets, totals


async def lock_buckets(tx: Connection, bucket_ids: Collection[UUID]) -> None:
    """Let nobody else add bytes to these buckets, if they have quotas, until this ends.

    Writers hold their bucket in a weaker lock that this one does not wait for.
    """
    await tx.execute(
        """
        SELECT
        FROM bucket
        WHERE bucket_id = ANY ($1::uuid[])
        ORDER BY bucket_id
        FOR NO KEY UPDATE
        """,
        list(bucket_ids),
    )


async def lock_principals(tx: Connection, principals: Collection[str]) -> None:
    """Let nobody else add bytes for those of ``principals`` that have quotas until this ends."""
    await tx.execute(
        """
        SELECT
        FROM principal_quota
        WHERE principal = ANY ($1::text[])
        ORDER BY principal
        FOR UPDATE
        """,
        list(principals),
    )


async def list_bucket_limits(conn: Connection, bucket_ids: Collection[UUID]) -> dict[UUID, Limit]:
    """Return the limits of those buckets that have a quota."""
    rows = await conn.fetch(
        """
        SELECT bucket_id, name, (settings ->> 'quota_bytes')::bigint AS quota_bytes, used_bytes,
            held_bytes
        FROM bucket
        CROSS JOIN LATERAL (
            SELECT coalesce(
                    sum(bytes) FILTER (WHERE what IN ('live', 'version', 'trash')), 0
                )::bigint AS used_bytes,
                coalesce(sum(bytes) FILTER (WHERE what = 'held'), 0)::bigint AS held_bytes
            FROM usage
            WHERE usage.bucket_id = bucket.bucket_id
        ) AS used
        WHERE bucket_id = ANY ($1::uuid[])
            AND settings ->> 'quota_bytes' IS NOT NULL
        """,
        list(bucket_ids),
    )
    return {
        row["bucket_id"]: Limit(
            kind="bucket",
            whose=row["name"],
            quota_bytes=row["quota_bytes"],
            used_bytes=row["used_bytes"],
            held_bytes=row["held_bytes"],
        )
        for row in rows
    }


async def list_principal_limits(conn: Connection, principals: Collection[str]) -> dict[str, Limit]:
    """Return the limits of those principals that have a quota."""
    rows = await conn.fetch(
        """
        SELECT principal, quota_bytes, (
            SELECT coalesce(sum(bytes), 0)::bigint
            FROM principal_usage AS u
            WHERE u.principal = q.principal
        ) AS used_bytes
        FROM principal_quota AS q
        WHERE principal = ANY ($1::text[])
        """,
        list(principals),
    )
    return {
        row["principal"]: Limit(
            kind="principal",
            whose=row["principal"],
            quota_bytes=row["quota_bytes"],
            used_bytes=row["used_bytes"],
        )
        for row in rows
    }


async def list_present_for_update(
    tx: Connection, files: Sequence[FileKey]
) -> dict[FileKey, Present]:
    """Return what those of ``files`` hold that are there, and let nobody change them."""
    rows = await tx.fetch(
        """
        SELECT bucket_id, path, blob_id, size, modified_by
        FROM file
        JOIN unnest($1::uuid[], $2::text[]) AS wanted (bucket_id, path) USING (bucket_id, path)
        ORDER BY bucket_id, path
        FOR UPDATE OF file
        """,
        [bucket_id for bucket_id, _ in files],
        [path for _, path in files],
    )
    return {
        (row["bucket_id"], row["path"]): Present(
            blob_id=row["blob_id"], size=row["size"], author=row["modified_by"]
        )
        for row in rows
        if row["blob_id"] is not None
    }


async def list_new_contents(
    tx: Connection, contents: Collection[tuple[UUID, UUID]]
) -> set[tuple[UUID, UUID]]:
    """Return those of ``contents``, buckets with blobs, that the bucket does not hold yet."""
    rows = await tx.fetch(
        """
        SELECT bucket_id, blob_id
        FROM unnest($1::uuid[], $2::uuid[]) AS wanted (bucket_id, blob_id)
        WHERE NOT EXISTS (
            SELECT FROM bucket_blob
            WHERE bucket_blob.bucket_id = wanted.bucket_id
                AND bucket_blob.blob_id = wanted.blob_id
        )
        """,
        [bucket_id for bucket_id, _ in contents],
        [blob_id for _, blob_id in contents],
    )
    return {(row["bucket_id"], row["blob_id"]) for row in rows}


async def find_present(conn: Connection, bucket_id: UUID, path: str) -> Present | None:
    """Return what a file holds at this moment, if it is there."""
    row = await conn.fetchrow(
        """
        SELECT blob_id, size, modified_by
        FROM file
        WHERE bucket_id = $1
            AND path = $2
            AND deleted_at IS NULL
        """,
        bucket_id,
        path,
    )
    if row is None:
        return None
    return Present(blob_id=row["blob_id"], size=row["size"], author=row["modified_by"])


async def get_of_principal(conn: Connection, principal: str) -> PrincipalUsage:
    """Return what a principal uses and may use; one that nobody knows uses nothing."""
    row = await conn.fetchrow(
        """
        SELECT q.quota_bytes, q.set_at, q.set_by, (
            SELECT coalesce(sum(bytes), 0)::bigint
            FROM principal_usage AS u
            WHERE u.principal = asked.principal
        ) AS used_bytes
        FROM (VALUES ($1::text)) AS asked (principal)
        LEFT JOIN principal_quota AS q USING (principal)
        """,
        principal,
    )
    return PrincipalUsage(principal=principal, **dict(row or {}))


async def list_quotas(conn: Connection, *, start_after: str, limit: int) -> list[PrincipalUsage]:
    """Return up to ``limit`` principals that have quotas, behind ``start_after``."""
    rows = await conn.fetch(
        """
        SELECT principal, quota_bytes, set_at, set_by, (
            SELECT coalesce(sum(bytes), 0)::bigint
            FROM principal_usage AS u
            WHERE u.principal = q.principal
        ) AS used_bytes
        FROM principal_quota AS q
        WHERE principal > $1
        ORDER BY principal
        LIMIT $2
        """,
        start_after,
        limit,
    )
    return [PrincipalUsage(**row) for row in rows]


async def upsert_quota(tx: Connection, principal: str, quota_bytes: int, actor: str) -> None:
    """Set a principal's quota."""
    await tx.execute(
        """
        INSERT INTO principal_quota (principal, quota_bytes, set_by)
        VALUES ($1, $2, $3)
        ON CONFLICT (principal) DO UPDATE
        SET quota_bytes = excluded.quota_bytes,
            set_at = now(),
            set_by = excluded.set_by
        """,
        principal,
        quota_bytes,
        actor,
    )


async def delete_quota(tx: Connection, principal: str) -> None:
    """Take a principal's quota away."""
    await tx.execute("DELETE FROM principal_quota WHERE principal = $1", principal)
