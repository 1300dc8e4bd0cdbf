"""What a history is stored as, read past every cache and believed by nobody."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from services.versioning.domain.commits import CommitId
from services.versioning.domain.tree import NodeId
from services.versioning.repository.ancestry import Ancestors
from services.versioning.repository.lines import Place


class CommitRow(Struct, frozen=True, kw_only=True):
    """A commit as its row has it: the encoded bytes, and what SQL is to see of them."""

    commit_id: CommitId
    data: bytes
    line_id: int
    position: int
    first_parent: bytes | None
    committed_at: datetime
    author: str
    message: str
    files: int
    bytes: int

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.line_id, self.position)


async def list_rows(
    conn: Connection, ancestors: Ancestors, behind: Place | None, *, limit: int
) -> list[CommitRow]:
    """Return the next commits of a history, line by line, each from its end."""
    rest = dict(sorted(ancestors.items(), reverse=True))
    if behind is not None:
        rest = {line: last for line, last in rest.items() if line <= behind.line_id}
        rest[behind.line_id] = behind.position - 1
    rows = await conn.fetch(
        """
        SELECT found.*
        FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS run (line_id, last, place)
        CROSS JOIN LATERAL (
            SELECT commit_id, data, line_id, position, first_parent, committed_at, author, message,
                files, bytes
            FROM commit
            WHERE line_id = run.line_id
                AND position <= run.last
            ORDER BY position DESC
            LIMIT $3
        ) AS found
        LIMIT $3
        """,
        list(rest.keys()),
        list(rest.values()),
        limit,
    )
    return [_row(row) for row in rows]


async def find_rows(
    conn: Connection, bucket_id: UUID, commit_ids: Collection[CommitId]
) -> dict[CommitId, CommitRow]:
    """Return the rows that go by these ids."""
    rows = await conn.fetch(
        """
        SELECT commit_id, data, line_id, position, first_parent, committed_at, author, message,
            files, bytes
        FROM commit
        WHERE bucket_id = $1
            AND commit_id = ANY ($2::bytea[])
        """,
        bucket_id,
        list(commit_ids),
    )
    return {CommitId(row["commit_id"]): _row(row) for row in rows}


async def read_nodes(conn: Connection, node_ids: Collection[NodeId]) -> dict[NodeId, bytes]:
    """Return the bytes that are stored under these ids."""
    rows = await conn.fetch(
        "SELECT node_id, data FROM node WHERE node_id = ANY ($1::bytea[])", list(node_ids)
    )
    return {NodeId(row["node_id"]): row["data"] for row in rows}


async def list_tags_at(
    conn: Connection, bucket_id: UUID, commit_ids: Collection[CommitId]
) -> list[tuple[str, bytes, bytes]]:
    """Return the tags of these commits: names, the commits, and the tags as they are encoded."""
    rows = await conn.fetch(
        """
        SELECT name, commit_id, tag
        FROM ref
        WHERE bucket_id = $1
            AND kind = 'tag'
            AND commit_id = ANY ($2::bytea[])
        ORDER BY name
        """,
        bucket_id,
        list(commit_ids),
    )
    return [(row["name"], row["commit_id"], row["tag"]) for row in rows]


def _row(row: Any) -> CommitRow:
    return CommitRow(**{name: row[name] for name in CommitRow.__struct_fields__})
