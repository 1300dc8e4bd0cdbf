"""Lines: where commits stand, so that a history along first parents is a few runs of positions."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import RefNotFound


class Place(NamedTuple):
    """Where a commit stands; ``position`` counts the commits before it along first parents."""

    line_id: int
    position: int


class Segment(NamedTuple):
    """A run of commits on one line: positions from ``first`` to ``last``, both included."""

    line_id: int
    first: int
    last: int


async def insert_line(tx: Connection, bucket_id: UUID, fork: Place | None) -> int:
    """Begin a line behind ``fork``; None: with nothing before it."""
    line_id: int = await tx.fetchval(
        """
        INSERT INTO line (bucket_id, fork_line_id, fork_position)
        VALUES ($1, $2, $3)
        RETURNING line_id
        """,
        bucket_id,
        fork.line_id if fork else None,
        fork.position if fork else None,
    )
    return line_id


async def is_last(tx: Connection, place: Place) -> bool:
    """Tell whether nothing stands behind ``place`` on its line."""
    behind = await tx.fetchval(
        "SELECT 1 FROM commit WHERE line_id = $1 AND position > $2 LIMIT 1", *place
    )
    return behind is None


async def is_a_branch_s(conn: Connection, line_id: int) -> bool:
    """Tell whether a branch goes on along this line."""
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM ref WHERE line_id = $1)", line_id)
    return found


async def get_place(conn: Connection, bucket_id: UUID, commit_id: CommitId) -> Place:
    """Return where a commit stands; raises ``RefNotFound``."""
    return (await get_places(conn, bucket_id, [commit_id]))[commit_id]


async def get_places(
    conn: Connection, bucket_id: UUID, commit_ids: Sequence[CommitId]
) -> dict[CommitId, Place]:
    """Return where each commit stands; raises ``RefNotFound`` for the first that is not there."""
    rows = await conn.fetch(
        """
        SELECT found.commit_id, found.line_id, found.position
        FROM unnest($2::bytea[]) AS wanted (commit_id)
        CROSS JOIN LATERAL (
            SELECT commit_id, line_id, position
            FROM commit
            WHERE bucket_id = $1
                AND commit_id = wanted.commit_id
            LIMIT 1
        ) AS found
        """,
        bucket_id,
        list(commit_ids),
    )
    places = {CommitId(row["commit_id"]): Place(row["line_id"], row["position"]) for row in rows}
    for commit_id in commit_ids:
        if commit_id not in places:
            raise RefNotFound(commit_id.hex(), ref=commit_id.hex())
    return places


async def list_segments(conn: Connection, place: Place) -> list[Segment]:
    """Return the history of a commit along first parents, itself included, the newest run first.

    One for each branch that it came over; their number does not grow with the commits.
    """
    rows = await conn.fetch(
        """
        WITH RECURSIVE segment AS (
            SELECT line_id, $2::bigint AS last, fork_line_id, fork_position
            FROM line
            WHERE line_id = $1
            UNION ALL
            SELECT line.line_id, segment.fork_position, line.fork_line_id, line.fork_position
            FROM segment
            JOIN line ON line.line_id = segment.fork_line_id
        )
        SELECT line_id, coalesce(fork_position + 1, 0) AS first, last
        FROM segment
        ORDER BY last DESC
        """,
        *place,
    )
    return [Segment(**row) for row in rows]


async def insert_merge_parents(tx: Connection, place: Place, parents: Sequence[Place]) -> None:
    """Note what a commit merged: its parents behind the first."""
    await tx.execute(
        """
        INSERT INTO merge_parent (line_id, position, ordinal, parent_line_id, parent_position)
        SELECT $1, $2, parent.ordinal, parent.line_id, parent.position
        FROM unnest($3::bigint[], $4::bigint[]) WITH ORDINALITY
            AS parent (line_id, position, ordinal)
        ON CONFLICT DO NOTHING
        """,
        *place,
        [parent.line_id for parent in parents],
        [parent.position for parent in parents],
    )
