"""Refs: the branches and tags of a repository, and the commits that they name."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct, field

from libs.chassis.database import Connection
from services.versioning.domain import refs
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import (
    BranchNotFound,
    NotABranch,
    RefAmbiguous,
    RefExists,
    RefNotFound,
)
from services.versioning.domain.refs import MAIN, RefExpression
from services.versioning.domain.tree import NodeId
from services.versioning.repository import lines
from services.versioning.repository.lines import Place


class Ref(Struct, frozen=True, kw_only=True):
    """A branch, or a tag."""

    name: str
    kind: Literal["branch", "tag"]
    commit_id: CommitId | None
    """None: a branch on which nothing was committed yet."""
    line_id: int | None
    """A branch's own line, if it has one yet."""
    moved_at: datetime
    created_at: datetime
    created_by: str
    protected: bool
    required_checks: list[str]
    auto_commit: bool
    staged_tree: NodeId | None
    tag: bytes | None
    """A tag as it is encoded."""

    @property
    def is_main(self) -> bool:
        """Whether this is what storage holds."""
        return self.name == MAIN


class BranchSettings(Struct, frozen=True, kw_only=True):
    """What is decided about a branch."""

    protected: bool = False
    required_checks: list[str] = field(default_factory=list)
    auto_commit: bool = False


async def find_ref(conn: Connection, bucket_id: UUID, name: str) -> Ref | None:
    """Return the branch or tag of this name."""
    row = await conn.fetchrow(
        "SELECT * FROM ref WHERE bucket_id = $1 AND name = $2", bucket_id, name
    )
    return None if row is None else ref_of(row)


async def get_branch(conn: Connection, bucket_id: UUID, name: str) -> Ref:
    """Return a branch; raises ``BranchNotFound``, and ``NotABranch`` for a tag."""
    return _branch(await find_ref(conn, bucket_id, name), name)


async def get_branch_for_update(tx: Connection, bucket_id: UUID, name: str) -> Ref:
    """Return a branch that nobody else can change before this transaction ends.

    Of ``main`` it is the repository that has to be locked, before this.
    """
    row = await tx.fetchrow(
        "SELECT * FROM ref WHERE bucket_id = $1 AND name = $2 FOR NO KEY UPDATE", bucket_id, name
    )
    return _branch(None if row is None else ref_of(row), name)


async def move_branch(
    tx: Connection, bucket_id: UUID, name: str, commit_id: CommitId | None, line_id: int | None
) -> None:
    """Let a branch name ``commit_id``; the caller holds its lock."""
    await tx.execute(
        """
        UPDATE ref
        SET commit_id = $3,
            line_id = $4,
            moved_at = now()
        WHERE bucket_id = $1
            AND name = $2
        """,
        bucket_id,
        name,
        commit_id,
        line_id,
    )


async def insert_branch(
    tx: Connection,
    bucket_id: UUID,
    name: str,
    commit_id: CommitId | None,
    *,
    created_by: str,
    settings: BranchSettings,
) -> Ref:
    """Make a branch, which has no line of its own yet; raises ``RefExists``."""
    row = await tx.fetchrow(
        """
        INSERT INTO ref (
            bucket_id, name, commit_id, created_by, protected, required_checks, auto_commit
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT DO NOTHING
        RETURNING *
        """,
        bucket_id,
        name,
        commit_id,
        created_by,
        settings.protected,
        settings.required_checks,
        settings.auto_commit,
    )
    if row is None:
        raise RefExists(f"{name} is a branch or a tag", ref=name)
    return ref_of(row)


async def set_settings(
    tx: Connection, bucket_id: UUID, name: str, settings: BranchSettings
) -> None:
    """Decide about a branch anew; the caller holds its lock."""
    await tx.execute(
        """
        UPDATE ref
        SET protected = $3,
            required_checks = $4,
            auto_commit = $5
        WHERE bucket_id = $1
            AND name = $2
        """,
        bucket_id,
        name,
        settings.protected,
        settings.required_checks,
        settings.auto_commit,
    )


async def list_branches(
    conn: Connection, bucket_id: UUID, *, prefix: str, start_after: str, limit: int
) -> list[tuple[Ref, int]]:
    """Return branches in the byte order of their names, each with how many paths are staged."""
    rows = await conn.fetch(
        """
        SELECT ref.*, (
            SELECT count(*)
            FROM staged
            WHERE staged.bucket_id = ref.bucket_id
                AND staged.branch = ref.name
        ) AS staged
        FROM ref
        WHERE ref.bucket_id = $1
            AND ref.kind = 'branch'
            AND starts_with(ref.name, $2)
            AND ref.name COLLATE "C" > $3
        ORDER BY ref.name COLLATE "C"
        LIMIT $4
        """,
        bucket_id,
        prefix,
        start_after,
        limit,
    )
    return [(ref_of(row), row["staged"]) for row in rows]


async def delete_ref(tx: Connection, bucket_id: UUID, name: str) -> None:
    """Let a name go; the commits stay."""
    await tx.execute("DELETE FROM ref WHERE bucket_id = $1 AND name = $2", bucket_id, name)


async def get_commit_id(conn: Connection, bucket_id: UUID, ref: str) -> CommitId:
    """Return the commit that ``ref`` names, as ``RefText`` says; raises ``RefNotFound``."""
    expression = refs.parse(ref)
    commit_id = await _named(conn, bucket_id, expression.name, ref)
    if expression.at is None and not expression.steps:
        return commit_id
    place = await lines.get_place(conn, bucket_id, commit_id)
    earlier = await _earlier(conn, place, expression)
    if earlier is None:
        raise RefNotFound(f"{ref} is before the first commit", ref=ref)
    return earlier


async def _named(conn: Connection, bucket_id: UUID, name: str, ref: str) -> CommitId:
    found = await find_ref(conn, bucket_id, name)
    if found is not None and found.commit_id is not None:
        return found.commit_id
    if found is None and refs.is_prefix(name):
        return await _by_prefix(conn, bucket_id, name.lower())
    raise RefNotFound(ref, ref=ref)


async def _by_prefix(conn: Connection, bucket_id: UUID, prefix: str) -> CommitId:
    rows = await conn.fetch(
        """
        SELECT commit_id
        FROM commit
        WHERE bucket_id = $1
          AND commit_id BETWEEN $2 AND $3
        LIMIT 2
        """,
        bucket_id,
        bytes.fromhex(prefix.ljust(64, "0")),
        bytes.fromhex(prefix.ljust(64, "f")),
    )
    if not rows:
        raise RefNotFound(prefix, ref=prefix)
    if len(rows) > 1:
        raise RefAmbiguous(f"several commits begin with {prefix}", ref=prefix)
    return CommitId(rows[0]["commit_id"])


async def _earlier(conn: Connection, place: Place, wanted: RefExpression) -> CommitId | None:
    """Return the commit before ``place`` that was there at a time, or some steps before that."""
    segments = await lines.list_segments(conn, place)
    position = place.position
    if wanted.at is not None:
        found = await conn.fetchval(
            """
            SELECT max(newest.position)
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS segment (line_id, first, last)
            CROSS JOIN LATERAL (
                SELECT position
                FROM commit
                WHERE line_id = segment.line_id
                    AND committed_at <= $4
                    AND position BETWEEN segment.first AND segment.last
                ORDER BY committed_at DESC, position DESC
                LIMIT 1
            ) AS newest
            """,
            *(list(column) for column in zip(*segments, strict=True)),
            wanted.at,
        )
        if found is None:
            return None
        position = found
    position -= wanted.steps
    for line_id, first, last in segments:
        if first <= position <= last:
            commit_id = await conn.fetchval(
                "SELECT commit_id FROM commit WHERE line_id = $1 AND position = $2",
                line_id,
                position,
            )
            return CommitId(commit_id)
    return None


def _branch(found: Ref | None, name: str) -> Ref:
    if found is None:
        raise BranchNotFound(name, branch=name)
    if found.kind != "branch":
        raise NotABranch(f"{name} is a tag: it never changes", ref=name)
    return found


def ref_of(row: Any) -> Ref:
    """Return a row of ``ref`` as what it says."""
    return Ref(**{name: row[name] for name in Ref.__struct_fields__})
