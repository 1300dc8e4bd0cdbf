"""Tags: names that never move, each stored as the bytes that its id is the digest of."""

from typing import Any
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.domain import tags
from services.versioning.domain.errors import CorruptTag, RefExists, TagNotFound
from services.versioning.domain.tags import Tag


async def insert_tag(tx: Connection, bucket_id: UUID, tag: Tag) -> None:
    """Make a tag; raises ``RefExists``, for a branch of the name as well."""
    made = await tx.fetchval(
        """
        INSERT INTO ref (bucket_id, name, kind, commit_id, tag, created_by, created_at, moved_at)
        VALUES ($1, $2, 'tag', $3, $4, $5, $6, $6)
        ON CONFLICT DO NOTHING
        RETURNING name
        """,
        bucket_id,
        tag.name,
        tag.commit_id,
        tags.encode(tag),
        tag.author,
        tag.tagged_at,
    )
    if made is None:
        raise RefExists(f"{tag.name} is a branch or a tag", ref=tag.name)


async def get_tag(conn: Connection, bucket_id: UUID, name: str) -> Tag:
    """Return a tag, proved to be what it is stored as; raises ``TagNotFound``."""
    row = await conn.fetchrow(
        """
        SELECT name, commit_id, tag
        FROM ref
        WHERE bucket_id = $1
            AND name = $2
            AND kind = 'tag'
        """,
        bucket_id,
        name,
    )
    return _tag(row, name)


async def delete_tag(tx: Connection, bucket_id: UUID, name: str) -> Tag:
    """Let a tag go and return it; raises ``TagNotFound``."""
    row = await tx.fetchrow(
        """
        DELETE FROM ref
        WHERE bucket_id = $1
            AND name = $2
            AND kind = 'tag'
        RETURNING name, commit_id, tag
        """,
        bucket_id,
        name,
    )
    return _tag(row, name)


async def list_tags(
    conn: Connection, bucket_id: UUID, *, prefix: str, start_after: str, limit: int
) -> list[Tag]:
    """Return tags in the byte order of their names."""
    rows = await conn.fetch(
        """
        SELECT name, commit_id, tag
        FROM ref
        WHERE bucket_id = $1
            AND kind = 'tag'
            AND starts_with(name, $2)
            AND name COLLATE "C" > $3
        ORDER BY name COLLATE "C"
        LIMIT $4
        """,
        bucket_id,
        prefix,
        start_after,
        limit,
    )
    return [_tag(row, row["name"]) for row in rows]


def _tag(row: Any, name: str) -> Tag:
    if row is None:
        raise TagNotFound(name, tag=name)
    tag = tags.decode(row["tag"])
    if (tag.name, tag.commit_id) != (row["name"], row["commit_id"]):
        raise CorruptTag(f"tag {name} is stored as another one")
    return tag
