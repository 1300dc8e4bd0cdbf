"""What is staged: paths whose state on a branch waits for a commit, beside the branch's tree."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from services.versioning.domain.tree import Entry, NodeId

AT_ONCE = 10_000


class StagedPath(Struct, frozen=True):
    """Who wrote a path last, and when."""

    path: str
    actor: str
    staged_at: datetime


async def set_tree(tx: Connection, bucket_id: UUID, branch: str, tree: NodeId | None) -> None:
    """Let ``tree`` be what the branch shows; None: what is committed. The caller holds its lock."""
    await tx.execute(
        "UPDATE ref SET staged_tree = $3 WHERE bucket_id = $1 AND name = $2",
        bucket_id,
        branch,
        tree,
    )


async def insert_paths(
    tx: Connection,
    bucket_id: UUID,
    branch: str,
    states: Mapping[str, Entry | None],
    *,
    actor: str,
) -> None:
    """Note what each path is to become, and who said so; none of them is staged yet."""
    left = iter(states.items())
    while part := list(islice(left, AT_ONCE)):
        await tx.execute(
            """
            INSERT INTO staged (bucket_id, branch, path, sha256, actor)
            SELECT $1, $2, written.path, written.sha256, $5
            FROM unnest($3::text[], $4::bytea[]) AS written (path, sha256)
            """,
            bucket_id,
            branch,
            [path for path, _ in part],
            [entry.sha256 if entry else None for _, entry in part],
            actor,
        )


async def delete_paths(
    tx: Connection, bucket_id: UUID, branch: str, paths: Collection[str]
) -> set[str]:
    """Forget that these paths were staged, if they were; return the digests that they had."""
    rows = await tx.fetch(
        """
        DELETE FROM staged
        WHERE bucket_id = $1
            AND branch = $2
            AND path = ANY($3::text[])
        RETURNING encode(sha256, 'hex') AS sha256
        """,
        bucket_id,
        branch,
        list(paths),
    )
    return _digests(rows)


async def delete_all(tx: Connection, bucket_id: UUID, branch: str) -> set[str]:
    """Forget everything that is staged on a branch; return the digests of it."""
    rows = await tx.fetch(
        """
        DELETE FROM staged
        WHERE bucket_id = $1
            AND branch = $2
        RETURNING encode(sha256, 'hex') AS sha256
        """,
        bucket_id,
        branch,
    )
    return _digests(rows)


async def list_paths(
    conn: Connection, bucket_id: UUID, branch: str, *, prefix: str = ""
) -> list[str]:
    """Return all staged paths below ``prefix``, in byte order."""
    rows = await conn.fetch(
        """
        SELECT path
        FROM staged
        WHERE bucket_id = $1
            AND branch = $2
            AND starts_with(path, $3)
        ORDER BY path
        """,
        bucket_id,
        branch,
        prefix,
    )
    return [row["path"] for row in rows]


async def find_paths(
    conn: Connection, bucket_id: UUID, branch: str, paths: Sequence[str]
) -> dict[str, StagedPath]:
    """Return of those of ``paths`` that are staged who wrote them."""
    rows = await conn.fetch(
        """
        SELECT path, actor, staged_at
        FROM staged
        WHERE bucket_id = $1
            AND branch = $2
            AND path = ANY($3::text[])
        """,
        bucket_id,
        branch,
        list(paths),
    )
    return {row["path"]: StagedPath(**row) for row in rows}


async def count(conn: Connection, bucket_id: UUID, branch: str) -> int:
    """Return how many paths are staged on a branch."""
    number: int = await conn.fetchval(
        "SELECT count(*) FROM staged WHERE bucket_id = $1 AND branch = $2", bucket_id, branch
    )
    return number


def _digests(rows: Iterable[Any]) -> set[str]:
    return {row["sha256"] for row in rows if row["sha256"] is not None}
