"""Change sets: changes that come in parts and are applied together."""

from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.storage import AddChanges
from services.storage.domain.changes import Part
from services.storage.domain.errors import ChangeSetNotFound

_DECODER = msgspec.json.Decoder(Part)


async def insert_part(tx: Connection, bucket_id: UUID, part: AddChanges) -> None:
    """Keep a part; one that is there already stays as it is."""
    await tx.execute(
        """
        INSERT INTO change_set_part (change_set_id, part, bucket_id, data)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
        """,
        part.change_set_id,
        part.part,
        bucket_id,
        msgspec.json.encode(Part(part.changes, part.expect, part.expect_states)).decode(),
    )


async def take_parts(tx: Connection, change_set_id: UUID, bucket_id: UUID) -> list[Part]:
    """Return all parts in their order, which are used up by this; of two who ask, one waits.

    Raises ``ChangeSetNotFound`` unless all up to the last one are there.
    """
    rows = await tx.fetch(
        """
        DELETE FROM change_set_part
        WHERE change_set_id = $1
            AND bucket_id = $2
        RETURNING part, data
        """,
        change_set_id,
        bucket_id,
    )
    parts = {row["part"]: row["data"] for row in rows}
    if not parts or sorted(parts) != list(range(len(parts))):
        raise ChangeSetNotFound(
            f"change set {change_set_id} is not complete, or was used",
            change_set=str(change_set_id),
        )
    return [_DECODER.decode(parts[number]) for number in sorted(parts)]


async def delete_old(tx: Connection, limit: int) -> int:
    """Forget some parts that nobody applied within an hour; return how many."""
    deleted: int = await tx.fetchval(
        """
        WITH old AS (
            SELECT change_set_id, part
            FROM change_set_part
            WHERE added_at < now() - interval '1 hour'
            LIMIT $1
            FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM change_set_part AS there
            USING old
            WHERE there.change_set_id = old.change_set_id
                AND there.part = old.part
            RETURNING 1
        )
        SELECT count(*)
        FROM gone
        """,
        limit,
    )
    return deleted
