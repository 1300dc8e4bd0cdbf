"""Trees of commits that come in parts: only whoever brought one may go on from it."""

from datetime import datetime
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.domain.tree import NodeId


async def insert_tree(tx: Connection, bucket_id: UUID, tree: NodeId, held_until: datetime) -> None:
    """Remember a tree for a day from now, and how long storage holds what its parts named."""
    await tx.execute(
        """
        INSERT INTO imported_tree AS t (bucket_id, tree, held_until)
        VALUES ($1, $2, $3)
        ON CONFLICT (bucket_id, tree) DO UPDATE
        SET added_at = now(),
            held_until = greatest(t.held_until, excluded.held_until)
        """,
        bucket_id,
        tree,
        held_until,
    )


async def find_held_until(conn: Connection, bucket_id: UUID, tree: NodeId) -> datetime | None:
    """Return how long what is in a tree is held; None: the bucket was not brought this tree."""
    until: datetime | None = await conn.fetchval(
        "SELECT held_until FROM imported_tree WHERE bucket_id = $1 AND tree = $2", bucket_id, tree
    )
    return until


async def delete_old(conn: Connection) -> None:
    """Forget trees whose last part never came."""
    await conn.execute("DELETE FROM imported_tree WHERE added_at < now() - interval '1 day'")
