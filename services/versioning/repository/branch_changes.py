"""What commits changed that are on other lines than main's."""

from collections.abc import Mapping
from itertools import islice
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.domain.tree import Entry
from services.versioning.repository.lines import Place

AT_ONCE = 10_000


async def insert_changes(
    tx: Connection, bucket_id: UUID, place: Place, states: Mapping[str, Entry | None]
) -> None:
    """Note what the commit at ``place`` made of each path."""
    left = iter(states.items())
    while part := list(islice(left, AT_ONCE)):
        await tx.execute(
            """
            INSERT INTO branch_change (bucket_id, line_id, position, path, sha256, size)
            SELECT $1, $2, $3, changed.*
            FROM unnest($4::text[], $5::bytea[], $6::bigint[]) AS changed
            """,
            bucket_id,
            *place,
            [path for path, _ in part],
            [entry.sha256 if entry else None for _, entry in part],
            [entry.size if entry else 0 for _, entry in part],
        )
