"""Ancestry: what a commit has behind it over all its parents, and what two have in common.

On a line each commit is the first parent of the next, so what lies behind a commit is a beginning
of each line: one position a line says it all, however many commits there are.
"""

from collections.abc import Mapping
from typing import TypeAlias
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.domain.commits import CommitId
from services.versioning.repository.lines import Place

Ancestors: TypeAlias = Mapping[int, int]
"""By line: the position of the last commit on it; all before it on the line belong to them."""


def contains(ancestors: Ancestors, place: Place) -> bool:
    """Tell whether the commit at ``place`` is among ``ancestors``."""
    return place.position <= ancestors.get(place.line_id, -1)


async def list_ancestors(conn: Connection, place: Place) -> Ancestors:
    """Return what a commit has behind it over all its parents, itself included.

    Two queries for each time that merged branches had merged others themselves; what they cost
    grows with the lines and the merges, not with the commits.
    """
    return await list_behind(conn, {place.line_id: place.position})


async def list_behind(conn: Connection, places: Ancestors) -> Ancestors:
    """Return what several commits have behind them over all their parents, themselves included."""
    reached: dict[int, int] = {}
    wanted = dict(places)
    while wanted:
        runs = await _with_forks(conn, wanted)
        new = {line: last for line, last in runs.items() if last > reached.get(line, -1)}
        wanted = await _merged(conn, new, reached)
        reached |= new
        wanted = {line: last for line, last in wanted.items() if last > reached.get(line, -1)}
    return reached


async def list_merge_bases(
    conn: Connection, bucket_id: UUID, ours: Ancestors, theirs: Ancestors
) -> list[CommitId]:
    """Return the best common ancestors, those behind no other, the newest first.

    There are none where nothing is in common, and several where branches merged each other
    crosswise.
    """
    common = {line: min(ours[line], theirs[line]) for line in ours.keys() & theirs.keys()}
    rows = await conn.fetch(
        """
        WITH common AS (
            SELECT *
            FROM unnest($2::bigint[], $3::bigint[]) AS common (line_id, position)
        )
        SELECT commit.commit_id
        FROM common
        JOIN commit USING (line_id, position)
        WHERE commit.bucket_id = $1
            AND NOT EXISTS (
                SELECT
                FROM line
                JOIN common AS other USING (line_id)
                WHERE line.fork_line_id = common.line_id
                    AND line.fork_position = common.position
            )
            AND NOT EXISTS (
                SELECT
                FROM merge_parent
                JOIN common AS other USING (line_id)
                WHERE merge_parent.position <= other.position
                    AND merge_parent.parent_line_id = common.line_id
                    AND merge_parent.parent_position = common.position
            )
        ORDER BY commit.committed_at DESC, commit.commit_id
        """,
        bucket_id,
        *_columns(common),
    )
    return [CommitId(row["commit_id"]) for row in rows]


async def _with_forks(conn: Connection, runs: Ancestors) -> dict[int, int]:
    """Add what lies behind the beginnings of these lines."""
    rows = await conn.fetch(
        """
        WITH RECURSIVE run AS (
            SELECT *
            FROM unnest($1::bigint[], $2::bigint[]) AS wanted (line_id, last)
            UNION
            SELECT line.fork_line_id, line.fork_position
            FROM run
            JOIN line USING (line_id)
            WHERE line.fork_line_id IS NOT NULL
        )
        SELECT line_id, max(last) AS last
        FROM run
        GROUP BY line_id
        """,
        *_columns(runs),
    )
    return {row["line_id"]: row["last"] for row in rows}


async def _merged(conn: Connection, new: Ancestors, reached: Ancestors) -> dict[int, int]:
    """Return what was merged on lines, up to where they are new, and behind what was reached."""
    rows = await conn.fetch(
        """
        SELECT parent_line_id AS line_id, max(parent_position) AS last
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS run (line_id, last, before)
        JOIN merge_parent USING (line_id)
        WHERE merge_parent.position > run.before
            AND merge_parent.position <= run.last
        GROUP BY parent_line_id
        """,
        *_columns(new),
        [reached.get(line, -1) for line in new],
    )
    return {row["line_id"]: row["last"] for row in rows}


def _columns(positions: Ancestors) -> tuple[list[int], list[int]]:
    return list(positions.keys()), list(positions.values())
