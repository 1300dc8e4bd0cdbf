"""Which commits touched a path, along first parents.

What the commits of main changed stands in ``version``, what all others did in ``branch_change``.
Each statement looks paths up one by one in their index, run by run of the history.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.domain.commits import CommitId
from services.versioning.domain.refs import MAIN
from services.versioning.repository.commits import MATCHES, Sought, StoredCommit, stored_commit
from services.versioning.repository.lines import Segment


class Runs(NamedTuple):
    """A history, by where its commits' changes stand."""

    of_main: list[Segment]
    of_others: list[Segment]

    def columns(self) -> list[list[int]]:
        """Return both as lists of lines, of first and of last positions."""
        return [
            [segment[column] for segment in segments]
            for segments in self
            for column in range(len(Segment._fields))
        ]


class Touching(NamedTuple):
    """The commit that touched a path last."""

    commit_id: CommitId
    author: str
    message: str
    committed_at: datetime


async def split(conn: Connection, bucket_id: UUID, segments: Sequence[Segment]) -> Runs:
    """Tell the runs of main's own line from those of others."""
    main_line = await conn.fetchval(
        "SELECT line_id FROM ref WHERE bucket_id = $1 AND name = $2", bucket_id, MAIN
    )
    return Runs(
        [segment for segment in segments if segment.line_id == main_line],
        [segment for segment in segments if segment.line_id != main_line],
    )


async def list_commits_of_path(
    tx: Connection, bucket_id: UUID, path: str, runs: Runs, sought: Sought, *, limit: int
) -> list[StoredCommit]:
    """Return the commits of a history that touched ``path`` and are looked for, newest first."""
    await _plan_anew(tx)
    rows = await tx.fetch(
        f"""
        SELECT found.*
        FROM (
            (
                SELECT touching.*
                FROM unnest($8::bigint[], $9::bigint[], $10::bigint[])
                    AS segment (line_id, first, last)
                CROSS JOIN LATERAL (
                    SELECT commit.commit_id, data, commit.line_id, commit.position, files, bytes
                    FROM version
                    CROSS JOIN LATERAL (
                        SELECT *
                        FROM commit
                        WHERE commit.line_id = segment.line_id
                            AND commit.position = version.position
                            AND {MATCHES}
                        LIMIT 1
                    ) AS commit
                    WHERE version.bucket_id = $6
                        AND version.path = $7::text COLLATE "C"
                        AND version.position BETWEEN segment.first AND segment.last
                    ORDER BY version.revision DESC
                    LIMIT $5
                ) AS touching
            )
            UNION ALL
            (
                SELECT touching.*
                FROM unnest($11::bigint[], $12::bigint[], $13::bigint[])
                    AS segment (line_id, first, last)
                CROSS JOIN LATERAL (
                    SELECT commit.commit_id, data, commit.line_id, commit.position, files, bytes
                    FROM branch_change AS change
                    CROSS JOIN LATERAL (
                        SELECT *
                        FROM commit
                        WHERE commit.line_id = segment.line_id
                            AND commit.position = change.position
                            AND {MATCHES}
                        LIMIT 1
                    ) AS commit
                    WHERE change.bucket_id = $6
                        AND change.path = $7::text COLLATE "C"
                        AND change.line_id = segment.line_id
                        AND change.position BETWEEN segment.first AND segment.last
                    ORDER BY change.position DESC
                    LIMIT $5
                ) AS touching
            )
        ) AS found
        ORDER BY found.position DESC
        LIMIT $5
        """,  # noqa: S608 - a constant
        *sought.values(),
        limit,
        bucket_id,
        path,
        *runs.columns(),
    )
    return [stored_commit(row) for row in rows]


async def find_last(
    tx: Connection, bucket_id: UUID, paths: Sequence[str], runs: Runs
) -> dict[str, Touching]:
    """Return the commit of a history that touched each of ``paths`` last, as far as recorded."""
    await _plan_anew(tx)
    rows = await tx.fetch(
        """
        SELECT wanted.path, commit.commit_id, commit.author, commit.message, commit.committed_at
        FROM unnest($2::text[]) AS wanted (path)
        CROSS JOIN LATERAL (
            SELECT line_id, position
            FROM (
                (
                    SELECT segment.line_id, newest.position
                    FROM unnest($3::bigint[], $4::bigint[], $5::bigint[])
                        AS segment (line_id, first, last)
                    CROSS JOIN LATERAL (
                        SELECT position
                        FROM version
                        WHERE version.bucket_id = $1
                            AND version.path = wanted.path COLLATE "C"
                            AND version.position BETWEEN segment.first AND segment.last
                        ORDER BY version.revision DESC
                        LIMIT 1
                    ) AS newest
                )
                UNION ALL
                (
                    SELECT segment.line_id, newest.position
                    FROM unnest($6::bigint[], $7::bigint[], $8::bigint[])
                        AS segment (line_id, first, last)
                    CROSS JOIN LATERAL (
                        SELECT position
                        FROM branch_change AS change
                        WHERE change.bucket_id = $1
                            AND change.path = wanted.path COLLATE "C"
                            AND change.line_id = segment.line_id
                            AND change.position BETWEEN segment.first AND segment.last
                        ORDER BY change.position DESC
                        LIMIT 1
                    ) AS newest
                )
            ) AS touch
            ORDER BY position DESC
            LIMIT 1
        ) AS last
        CROSS JOIN LATERAL (
            SELECT commit_id, author, message, committed_at
            FROM commit
            WHERE commit.line_id = last.line_id
                AND commit.position = last.position
            LIMIT 1
        ) AS commit
        """,
        bucket_id,
        list(paths),
        *runs.columns(),
    )
    return {
        row["path"]: Touching(
            CommitId(row["commit_id"]), row["author"], row["message"], row["committed_at"]
        )
        for row in rows
    }


async def _plan_anew(tx: Connection) -> None:
    """Have the statements of this transaction planned for the tables as they are.

    A plan that was kept from when there were few changes would read all of them for every path,
    until the server happens to count anew; planning takes less than a millisecond.
    """
    await tx.execute("SET LOCAL plan_cache_mode = force_custom_plan")
