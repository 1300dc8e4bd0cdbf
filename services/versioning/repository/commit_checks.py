"""Checks: what somebody says of a commit, e.g. a test that ran on it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from libs.contracts.versioning import CheckState
from services.versioning.domain.commits import CommitId


class Check(Struct, frozen=True, kw_only=True):
    """The last word of one check on a commit."""

    commit_id: CommitId
    name: str
    state: CheckState
    detail: str
    actor: str
    reported_at: datetime


async def upsert_check(
    tx: Connection,
    bucket_id: UUID,
    commit_id: CommitId,
    *,
    name: str,
    state: CheckState,
    detail: str,
    actor: str,
) -> Check:
    """Note what a check says of a commit, in place of what it said before."""
    row = await tx.fetchrow(
        """
        INSERT INTO commit_check (bucket_id, commit_id, name, state, detail, actor)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (bucket_id, commit_id, name) DO UPDATE
        SET state = excluded.state,
            detail = excluded.detail,
            actor = excluded.actor,
            reported_at = excluded.reported_at
        RETURNING *
        """,
        bucket_id,
        commit_id,
        name,
        state,
        detail,
        actor,
    )
    return _check(row)


async def list_checks(conn: Connection, bucket_id: UUID, commit_id: CommitId) -> list[Check]:
    """Return what is said of a commit, by name."""
    rows = await conn.fetch(
        """
        SELECT *
        FROM commit_check
        WHERE bucket_id = $1
            AND commit_id = $2
        ORDER BY name
        """,
        bucket_id,
        commit_id,
    )
    return [_check(row) for row in rows]


async def count_checks(conn: Connection, bucket_id: UUID, commit_id: CommitId) -> int:
    """Return how many checks have said something of a commit."""
    found: int = await conn.fetchval(
        "SELECT count(*) FROM commit_check WHERE bucket_id = $1 AND commit_id = $2",
        bucket_id,
        commit_id,
    )
    return found


async def list_missing(
    conn: Connection, bucket_id: UUID, commit_id: CommitId, names: Sequence[str]
) -> list[str]:
    """Return those of ``names`` that have not passed on a commit, in the order given."""
    rows = await conn.fetch(
        """
        SELECT name
        FROM commit_check
        WHERE bucket_id = $1
            AND commit_id = $2
            AND state = 'passed'
            AND name = ANY ($3::text[])
        """,
        bucket_id,
        commit_id,
        list(names),
    )
    passed = {row["name"] for row in rows}
    return [name for name in names if name not in passed]


def _check(row: Any) -> Check:
    return Check(**{name: row[name] for name in Check.__struct_fields__})
