"""Paths whose content was given up, as far as one commit may need it."""

from collections.abc import Sequence
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.repository.lines import Segment

MOST_SUSPECTS = 1000


async def list_suspects(
    conn: Connection, bucket_id: UUID, segments: Sequence[Segment], seen_of_main: int
) -> list[str]:
    """Return paths, the first of them, that had content in a history that was given up since.

    States of main that ended before do not matter; on other lines the tree has to tell.
    """
    rows = await conn.fetch(
        """
        (
            SELECT path
            FROM version
            WHERE bucket_id = $1
                AND until_position > $2
                AND position <= $2
            -- Few rows have one: in this order PostgreSQL finds them by their index, whatever it
            -- knows of the table.
            ORDER BY until_position
            LIMIT $6
        )
        UNION
        (
            SELECT path
            FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]) AS s (line_id, first, last)
            JOIN branch_change AS change ON change.line_id = s.line_id
                AND change.position BETWEEN s.first AND s.last
            WHERE expired_at IS NOT NULL
            LIMIT $6
        )
        """,
        bucket_id,
        seen_of_main,
        *(list(column) for column in zip(*segments, strict=True)),
        MOST_SUSPECTS,
    )
    return [row["path"] for row in rows]
