"""Past states of main's files: looked through in batches, and given up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.chassis.database import Connection
from services.versioning.domain.errors import InvalidCursor
from services.versioning.domain.refs import MAIN
from services.versioning.domain.retention import Anchor, State


class Behind(Struct, frozen=True, kw_only=True):
    """Where a walk goes on, within a path too: what the states before it have told."""

    path: str = ""
    revision: int = 0
    """0: all of the path is still to come."""
    rank: int = 0
    until: int | None = None
    ended_at: datetime | None = None


def parse_behind(text: str) -> Behind:
    """Read where a walk goes on; raises ``InvalidCursor``."""
    try:
        return msgspec.json.decode(text, type=Behind) if text else Behind()
    except msgspec.DecodeError as fault:
        raise InvalidCursor(str(fault)) from fault


class Page(Struct, frozen=True):
    """States that have their content, and where the next page goes on; None: nowhere."""

    states: list[State]
    further: Behind | None

    def behind(self, state: State) -> Behind:
        """Return where a page goes on that ends with ``state``."""
        return Behind(
            path=state.path,
            revision=state.revision,
            rank=state.rank,
            until=state.until if state.position is None else state.position,
            ended_at=state.created_at,
        )


async def list_states(
    conn: Connection, bucket_id: UUID, behind: Behind, *, prefix: str = "", limit: int
) -> Page:
    """Return states that still have their content, by path and newest first.

    ``limit`` bounds the rows that are looked at, expired and deleted ones included, so that the
    cost of a batch is its own.
    """
    rows = await conn.fetch(
        """
        WITH RECURSIVE named AS (
            (
                SELECT path
                FROM version
                WHERE bucket_id = $1
                    AND path >= greatest($2, $7 COLLATE "C")
                    AND starts_with(path, $7)
                ORDER BY path
                LIMIT 1
            )
            UNION ALL
            -- From path to path by the index, however many states each has.
            SELECT next.path
            FROM named
            CROSS JOIN LATERAL (
                SELECT path
                FROM version
                WHERE bucket_id = $1
                    AND path > named.path
                ORDER BY path
                LIMIT 1
            ) AS next
            WHERE starts_with(next.path, $7)
        ), page AS MATERIALIZED (
            SELECT state.*
            FROM named
            CROSS JOIN LATERAL (
                SELECT *
                FROM version
                WHERE bucket_id = $1
                    AND path = named.path
                    AND (path <> $2 OR $3 = 0 OR revision < $3)
                ORDER BY revision DESC
                LIMIT $8
            ) AS state
            LIMIT $8
        )
        SELECT path, revision, sha256, size, created_at, position,
            expired_at IS NOT NULL AS expired,
            count(sha256) OVER newer + CASE WHEN path = $2 THEN $4 ELSE 0 END AS rank,
            coalesce(
                min(position) OVER (newer ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                CASE WHEN path = $2 THEN $5::bigint END
            ) AS until,
            coalesce(
                lag(created_at) OVER newer, CASE WHEN path = $2 THEN $6::timestamptz END
            ) AS ended_at
        FROM page
        WINDOW newer AS (PARTITION BY path ORDER BY revision DESC)
        ORDER BY path, revision DESC
        """,
        bucket_id,
        behind.path,
        behind.revision,
        behind.rank,
        behind.until,
        behind.ended_at,
        prefix,
        limit,
    )
    states = [
        State(**{name: row[name] for name in State.__struct_fields__})
        for row in rows
        if row["sha256"] is not None and not row["expired"]
    ]
    return Page(states, _behind(rows[-1]) if len(rows) == limit else None)


async def list_anchors(conn: Connection, bucket_id: UUID, *, tags: bool) -> list[Anchor]:
    """Return which positions of main are seen by branches, and by tags, ascending.

    A ref on another line sees main as it was where that came off, over as many branches as it was.
    """
    rows = await conn.fetch(
        """
        WITH RECURSIVE run AS (
            SELECT ref.name, ref.kind, commit.line_id, commit.position AS last
            FROM ref
            JOIN commit USING (bucket_id, commit_id)
            WHERE ref.bucket_id = $1
                AND ($2 OR ref.kind = 'branch')
            UNION ALL
            SELECT run.name, run.kind, line.fork_line_id, line.fork_position
            FROM run
            JOIN line USING (line_id)
            WHERE line.fork_line_id IS NOT NULL
        ), seen AS (
            SELECT run.name, run.kind, max(least(run.last, main.last)) AS position
            FROM run
            JOIN run AS main ON main.line_id = run.line_id AND main.name = $3
            GROUP BY run.name, run.kind
        )
        SELECT DISTINCT ON (position) position, kind || ' ' || name AS name
        FROM seen
        ORDER BY position, kind DESC, name
        """,
        bucket_id,
        tags,
        MAIN,
    )
    return [Anchor(**row) for row in rows]


async def expire_states(tx: Connection, bucket_id: UUID, states: Sequence[State]) -> None:
    """Give up the content of states; the rows stay."""
    await tx.execute(
        """
        UPDATE version
        SET expired_at = now(),
            until_position = given_up.until
        FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS given_up (path, revision, until)
        -- Each by its index: a join is planned once, while the table is small.
        CROSS JOIN LATERAL (
            SELECT ctid
            FROM version AS kept
            WHERE kept.bucket_id = $1
                AND kept.path = given_up.path COLLATE "C"
                AND kept.revision = given_up.revision
            LIMIT 1
        ) AS found
        WHERE version.ctid = found.ctid
        """,
        bucket_id,
        [state.path for state in states],
        [state.revision for state in states],
        [state.until for state in states],
    )


def _behind(row: Any) -> Behind:
    return Behind(
        path=row["path"],
        revision=row["revision"],
        rank=row["rank"],
        until=row["until"] if row["position"] is None else row["position"],
        ended_at=row["created_at"],
    )
