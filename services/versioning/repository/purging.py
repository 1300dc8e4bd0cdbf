"""Past content of chosen paths, on every line: looked through in batches, and given up."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.domain.tree import NodeId


class Chosen(NamedTuple):
    """One path, or all below a prefix."""

    path: str | None
    prefix: str


class Row(NamedTuple):
    """A state with or without content; of main by its revision, else by where it was committed."""

    path: str
    major: int
    """The revision, or the line."""
    minor: int
    """0, or the position on the line."""
    sha256: bytes | None
    size: int
    expired: bool


BEFORE_ALL = ("", 0, 0)

_MAIN = """
    SELECT path, revision AS major, 0::bigint AS minor, sha256, size,
        expired_at IS NOT NULL AS expired
    FROM version
    WHERE bucket_id = $1
        AND (path, revision) > ($2 COLLATE "C", $3)
        AND $4 = 0
        AND {chosen}
    ORDER BY path, revision
    LIMIT $6
    """
_LINES = """
    SELECT path, line_id AS major, position AS minor, sha256, size,
        expired_at IS NOT NULL AS expired
    FROM branch_change
    WHERE bucket_id = $1
        AND (path, line_id, position) > ($2 COLLATE "C", $3, $4)
        AND {chosen}
    ORDER BY path, line_id, position
    LIMIT $6
    """
_ONE_PATH = "path = $5"
_BELOW = 'path >= $5 COLLATE "C" AND path < $5 || chr(1114111) COLLATE "C"'


async def list_rows(
    conn: Connection,
    bucket_id: UUID,
    chosen: Chosen,
    behind: tuple[str, int, int],
    *,
    of_main: bool,
    limit: int,
) -> list[Row]:
    """Return the next states of the chosen paths, of main or of all other lines."""
    statement = _MAIN if of_main else _LINES
    rows = await conn.fetch(
        statement.format(chosen=_BELOW if chosen.path is None else _ONE_PATH),
        bucket_id,
        *behind,
        chosen.prefix if chosen.path is None else chosen.path,
        limit,
    )
    return [Row(**row) for row in rows]


async def list_present_trees(conn: Connection, bucket_id: UUID) -> list[NodeId]:
    """Return the trees that branches have now, each once, what is staged included."""
    rows = await conn.fetch(
        """
        SELECT substring(commit.data FROM 2 FOR 32) AS tree
        FROM ref
        JOIN commit USING (bucket_id, commit_id)
        WHERE ref.bucket_id = $1
            AND ref.kind = 'branch'
        UNION
        SELECT staged_tree
        FROM ref
        WHERE bucket_id = $1
            AND staged_tree IS NOT NULL
        """,
        bucket_id,
    )
    return [NodeId(row["tree"]) for row in rows]


async def expire_rows(
    tx: Connection, bucket_id: UUID, rows: Sequence[Row], *, of_main: bool
) -> None:
    """Give up the content of states; the rows stay."""
    await tx.execute(
        _EXPIRE_MAIN if of_main else _EXPIRE_LINES,
        bucket_id,
        [row.path for row in rows],
        [row.major for row in rows],
        [row.minor for row in rows],
    )


# Each by its index: a join is planned once, while the table is small.
_EXPIRE_MAIN = """
    UPDATE version
    SET expired_at = now(),
        until_position = (
            SELECT min(position)
            FROM version AS next
            WHERE next.bucket_id = version.bucket_id
                AND next.path = version.path
                AND next.revision > version.revision
                AND version.position IS NOT NULL
        )
    FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS given_up (path, revision, unused)
    CROSS JOIN LATERAL (
        SELECT ctid
        FROM version AS kept
        WHERE kept.bucket_id = $1
            AND kept.path = given_up.path COLLATE "C"
            AND kept.revision = given_up.revision
        LIMIT 1
    ) AS found
    WHERE version.ctid = found.ctid
    """
_EXPIRE_LINES = """
    UPDATE branch_change
    SET expired_at = now()
    FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS given_up (path, line_id, position)
    CROSS JOIN LATERAL (
        SELECT ctid
        FROM branch_change AS kept
        WHERE kept.bucket_id = $1
            AND kept.path = given_up.path COLLATE "C"
            AND kept.line_id = given_up.line_id
            AND kept.position = given_up.position
        LIMIT 1
    ) AS found
    WHERE branch_change.ctid = found.ctid
    """
