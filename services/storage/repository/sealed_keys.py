"""The wrapped data keys of encrypted blobs."""

from collections.abc import Mapping
from uuid import UUID

from libs.chassis.database import Connection
from libs.contracts.storage import SealedKey


async def list_wrapped_by_others(
    tx: Connection, master: str, *, after: UUID, limit: int
) -> dict[UUID, SealedKey]:
    """Return the keys of up to ``limit`` blobs behind ``after`` that ``master`` does not wrap.

    Nobody else changes them until this transaction ends; who reads or adopts the blobs goes on.
    """
    rows = await tx.fetch(
        """
        SELECT blob_id, master_key_id, wrapped_key, sealed_as
        FROM blob
        WHERE master_key_id <> $1
            AND blob_id > $2
        ORDER BY blob_id
        LIMIT $3
        FOR NO KEY UPDATE
        """,
        master,
        after,
        limit,
    )
    return {
        row["blob_id"]: SealedKey(
            master=row["master_key_id"], wrapped=row["wrapped_key"], blob_id=row["sealed_as"]
        )
        for row in rows
    }


async def update(tx: Connection, keys: Mapping[UUID, SealedKey]) -> None:
    """Put other wrappings of the same data keys in the place of those that were."""
    await tx.execute(
        """
        UPDATE blob
        SET master_key_id = wrapped.master,
            wrapped_key = wrapped.key
        FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS wrapped (blob_id, master, key)
        WHERE blob.blob_id = wrapped.blob_id
        """,
        list(keys),
        [key.master for key in keys.values()],
        [key.wrapped for key in keys.values()],
    )


async def count_by_master(conn: Connection) -> dict[str, int]:
    """Return how many blobs each master key wraps the data keys of."""
    rows = await conn.fetch(
        """
        SELECT master_key_id, count(*) AS blobs
        FROM blob
        WHERE master_key_id IS NOT NULL
        GROUP BY master_key_id
        ORDER BY master_key_id
        """
    )
    return {row["master_key_id"]: row["blobs"] for row in rows}
