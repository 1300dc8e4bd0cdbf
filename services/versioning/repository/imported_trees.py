"""Trees of commits that come in parts: only whoever brought one may go on from it."""

from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.domain.tree import NodeId


async def insert_tree(tx: Connection, bucket_id: UUID, tree: NodeId) -> None:
    """Remember a tree for a day from now."""
    await tx.execute(
        """
        INSERT INTO imported_tree (bucket_id, tree)
        VALUES ($1, $2)
        ON CONFLICT (bucket_id, tree) DO UPDATE
        SET added_at = now()
        """,
        bucket_id,
        tree,
    )


async def exists(conn: Connection, bucket_id: UUID, tree: NodeId) -> bool:
    """Tell whether the bucket was brought this tree."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM imported_tree WHERE bucket_id = $1 AND tree = $2)",
        bucket_id,
        tree,
    )
    return found


async def delete_old(conn: Connection) -> None:
    """Forget trees whose last part never came."""
    await conn.execute("DELETE FROM imported_tree WHERE added_at < now() - interval '1 day'")
