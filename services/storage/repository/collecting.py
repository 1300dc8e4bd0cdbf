"""Blobs on their way out: noted, condemned, deleted.

A blob is *named* by every row that has a foreign key to it: the present state of a file, an entry
of the trash, whatever a later migration adds. The database knows which tables those are, so no
list here can forget one. What a bucket ever held, and the condemnation itself, name nothing.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from libs.chassis.database import Connection

NIL = UUID(int=0)
"""Before all blobs."""


class Held(NamedTuple):
    """A bucket that once held a condemned blob, and by which digest history would name it."""

    blob_id: UUID
    bucket_id: UUID
    bucket: str
    sha256: str


async def condemn_noted(tx: Connection, limit: int) -> tuple[int, int]:
    """Take up to ``limit`` notes and condemn their blobs that nothing names.

    Returns how many notes are done, and how many blobs condemned. The notes are chosen before it
    is looked who names the blobs, and only those are removed: a note that comes meanwhile stays,
    and so does one of a blob that somebody is about to name.
    """
    rows = await tx.fetch(
        """
        SELECT position, blob_id
        FROM unnamed_blob
        ORDER BY position
        LIMIT $1
        FOR UPDATE SKIP LOCKED
        """,
        limit,
    )
    locked = await _lock(tx, {row["blob_id"] for row in rows})
    condemned = await _condemn(tx, locked)
    status = await tx.execute(
        """
        DELETE FROM unnamed_blob
        WHERE position = ANY ($1::bigint[])
            AND (
                blob_id = ANY ($2::uuid[])
                OR NOT EXISTS (SELECT FROM blob WHERE blob.blob_id = unnamed_blob.blob_id)
            )
        """,
        [row["position"] for row in rows],
        locked,
    )
    return affected(status), condemned


async def _lock(tx: Connection, blob_ids: Collection[UUID]) -> list[UUID]:
    """Return those of the blobs that nobody is about to name; nobody can before ``tx`` ends."""
    rows = await tx.fetch(
        """
        SELECT blob_id
        FROM blob
        WHERE blob_id = ANY ($1::uuid[])
        ORDER BY blob_id
        FOR UPDATE SKIP LOCKED
        """,
        list(blob_ids),
    )
    return [row["blob_id"] for row in rows]


async def _condemn(tx: Connection, blob_ids: Collection[UUID]) -> int:
    """Condemn those of the blobs that nothing names; return how many are new."""
    status = await tx.execute(
        f"""
        INSERT INTO condemned_blob (blob_id)
        SELECT blob_id
        FROM blob
        WHERE blob_id = ANY ($1::uuid[])
            AND NOT ({await _named(tx)})
        ON CONFLICT DO NOTHING
        """,  # noqa: S608 - names of tables, quoted by the database
        list(blob_ids),
    )
    return affected(status)


async def list_ripe(conn: Connection, *, grace_s: float, limit: int) -> list[UUID]:
    """Return blobs that were condemned for as long as the grace, the first ones first."""
    rows = await conn.fetch(
        """
        SELECT blob_id
        FROM condemned_blob
        WHERE condemned_at <= now() - make_interval(secs => $1)
        ORDER BY condemned_at
        LIMIT $2
        """,
        grace_s,
        limit,
    )
    return [row["blob_id"] for row in rows]


async def list_holders(conn: Connection, blob_ids: Sequence[UUID]) -> list[Held]:
    """Return the buckets that held these blobs and whose history somebody could still read.

    A deleted bucket is among them while it can be brought back: until the purge, which begins at
    the end of its grace, has removed what it held.
    """
    rows = await conn.fetch(
        """
        SELECT blob_id, bucket_id, bucket.name AS bucket, encode(sha256, 'hex') AS sha256
        FROM blob
        JOIN bucket_blob USING (blob_id)
        JOIN bucket USING (bucket_id)
        WHERE blob_id = ANY ($1::uuid[])
        ORDER BY bucket_id
        """,
        blob_ids,
    )
    return [Held(**row) for row in rows]


async def spare(tx: Connection, blob_ids: Collection[UUID]) -> None:
    """Let blobs live that history needs; the next note or walk asks again."""
    await tx.execute("DELETE FROM condemned_blob WHERE blob_id = ANY ($1::uuid[])", list(blob_ids))


async def delete_condemned(
    tx: Connection, blob_ids: Sequence[UUID], *, object_grace_s: float
) -> tuple[int, int]:
    """Delete those of the blobs that were not named since they were condemned, spare the others.

    Returns how many were deleted, and how many spared.

    Nobody can begin to name them before this transaction ends: whoever tries waits, and finds them
    gone. A note that came since the condemnation tells that a blob was named in between, however
    short that was: history may know it, so it is spared, and its note begins anew.
    """
    locked = await _lock(tx, blob_ids)
    rows = await tx.fetch(
        f"""
        SELECT blob_id,
            {await _named(tx)}
            OR EXISTS (SELECT FROM unnamed_blob WHERE unnamed_blob.blob_id = blob.blob_id) AS saved
        FROM blob
        JOIN condemned_blob USING (blob_id)
        WHERE blob_id = ANY ($1::uuid[])
        """,  # noqa: S608 - names of tables, quoted by the database
        locked,
    )
    saved = [row["blob_id"] for row in rows if row["saved"]]
    await spare(tx, saved)
    doomed = [row["blob_id"] for row in rows if not row["saved"]]
    await tx.execute("DELETE FROM bucket_blob WHERE blob_id = ANY ($1::uuid[])", doomed)
    gone = await tx.fetch("DELETE FROM blob WHERE blob_id = ANY ($1::uuid[]) RETURNING key", doomed)
    await release_objects(tx, {row["key"] for row in gone}, object_grace_s=object_grace_s)
    return len(gone), len(saved)


async def release_objects(tx: Connection, keys: Collection[str], *, object_grace_s: float) -> None:
    """Doom those objects that no blob names any more, and note the others as worn.

    They stay for ``object_grace_s``: who was told that bytes lie there may be reading them.
    """
    await tx.execute(
        """
        WITH touched AS (
            SELECT key, EXISTS (SELECT FROM blob WHERE blob.key = touched.key) AS named
            FROM unnest($1::text[]) AS touched (key)
        ), doomed AS (
            INSERT INTO doomed_object (key, not_before)
            SELECT key, now() + make_interval(secs => $2)
            FROM touched
            WHERE NOT named
            ON CONFLICT DO NOTHING
        ), forgotten AS (
            DELETE FROM worn_object
            USING touched
            WHERE worn_object.key = touched.key
                AND NOT named
        )
        INSERT INTO worn_object (key)
        SELECT key
        FROM touched
        WHERE named
        ON CONFLICT DO NOTHING
        """,
        sorted(keys),
        object_grace_s,
    )


async def note_unnamed(tx: Connection, *, every_s: float, older_s: float, limit: int) -> int:
    """Go on with the walk over all blobs; note those that nothing names. Return how far it went.

    A walk that is done begins again ``every_s`` after it began. Blobs younger than ``older_s`` are
    left alone: who unnames them will note it.
    """
    behind = await tx.fetchval(
        """
        UPDATE blob_walk
        SET started_at = CASE WHEN behind IS NULL THEN now() ELSE started_at END,
            behind = coalesce(behind, $2)
        WHERE behind IS NOT NULL
            OR started_at <= now() - make_interval(secs => $1)
        RETURNING behind
        """,
        every_s,
        NIL,
    )
    if behind is None:
        return 0
    row = await tx.fetchrow(
        f"""
        WITH walked AS (
            SELECT *
            FROM blob
            WHERE blob_id > $1
            ORDER BY blob_id
            LIMIT $3
        ), noted AS (
            INSERT INTO unnamed_blob (blob_id)
            SELECT blob_id
            FROM walked AS blob
            WHERE created_at <= now() - make_interval(secs => $2)
                AND NOT EXISTS (SELECT FROM condemned_blob AS c WHERE c.blob_id = blob.blob_id)
                AND NOT ({await _named(tx)})
        )
        SELECT count(*) AS walked, max(blob_id::text)::uuid AS last
        FROM walked
        """,  # noqa: S608 - names of tables, quoted by the database
        behind,
        older_s,
        limit,
    )
    walked = 0 if row is None else row["walked"]
    last = row["last"] if row is not None and walked == limit else None
    await tx.execute("UPDATE blob_walk SET behind = $1", last)
    return int(walked)


async def _named(conn: Connection) -> str:
    """Return the SQL that is true of a row of ``blob`` that something names."""
    rows = await conn.fetch(
        """
        SELECT conrelid::regclass::text AS "table", quote_ident(attname) AS "column"
        FROM pg_constraint
        JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f'
            AND confrelid = 'blob'::regclass
            AND conrelid <> ALL (ARRAY ['bucket_blob', 'condemned_blob']::regclass[])
        ORDER BY 1, 2
        """
    )
    return " OR ".join(
        f"EXISTS (SELECT FROM {row['table']} AS t WHERE t.{row['column']} = blob.blob_id)"
        for row in rows
    )


def affected(status: str) -> int:
    """Return the number in a status like ``DELETE 5``."""
    return int(status.rpartition(" ")[2])
