"""Which bytes history names."""

from collections.abc import Collection, Sequence
from uuid import UUID

from libs.chassis.database import Connection

# What names ``wanted.sha256``. Each is looked up by its index, laterally and up to one row: a join
# is planned once, while the tables are small.
_IN_A_VERSION = """
    SELECT 1
    FROM version
    WHERE version.bucket_id = $1
      AND version.sha256 = wanted.sha256
      AND version.expired_at IS NULL
    LIMIT 1
    """
_IN_A_BRANCH_CHANGE = """
    SELECT 1
    FROM branch_change
    WHERE branch_change.bucket_id = $1
      AND branch_change.sha256 = wanted.sha256
      AND branch_change.expired_at IS NULL
    LIMIT 1
    """
_STAGED = """
    SELECT 1
    FROM staged
    WHERE staged.bucket_id = $1
      AND staged.sha256 = wanted.sha256
    LIMIT 1
    """
_STAGED_ON_THE_BRANCH = """
    SELECT 1
    FROM staged
    WHERE staged.bucket_id = $1
      AND staged.sha256 = wanted.sha256
      AND staged.branch = $3
    LIMIT 1
    """


async def lock_for_naming(tx: Connection, bucket_id: UUID) -> None:
    """Let nobody give up content of the bucket before ``tx`` ends; others may name it, too.

    Taken before the lock of a branch, so that nobody waits in a circle.
    """
    await tx.execute(
        "SELECT pg_advisory_xact_lock_shared(hashtextextended($1, 0))", _key(bucket_id)
    )


async def lock_for_expiring(tx: Connection, bucket_id: UUID) -> None:
    """Let nobody name content of the bucket's history before ``tx`` ends, unless storage has it."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", _key(bucket_id))


async def list_in_use(conn: Connection, bucket_id: UUID, digests: Sequence[str]) -> list[str]:
    """Return those of ``digests`` that history names: three look-ups for each."""
    named = f"({_IN_A_VERSION}) UNION ALL ({_IN_A_BRANCH_CHANGE}) UNION ALL ({_STAGED}) LIMIT 1"
    rows = await conn.fetch(_those_with(named), bucket_id, list(map(bytes.fromhex, digests)))
    return [row["sha256"] for row in rows]


async def keep_in_use(
    tx: Connection, bucket_id: UUID, branch: str, digests: Collection[str]
) -> set[str]:
    """Return those of ``digests`` that history names, and goes on naming until ``tx`` ends.

    Content that is given up waits for us. What is staged may be discarded, so it is locked: but on
    ``branch``, whose lock the caller has, nobody else can. Two branches with the same writes staged
    would wait for each other if each locked what the other is about to commit.
    """
    await lock_for_naming(tx, bucket_id)
    own = f"({_IN_A_BRANCH_CHANGE}) UNION ALL ({_STAGED_ON_THE_BRANCH}) LIMIT 1"
    rows = await tx.fetch(
        _those_with(own),
        bucket_id,
        [bytes.fromhex(sha256) for sha256 in sorted(set(digests))],
        branch,
    )
    kept = {row["sha256"] for row in rows}
    for named in (_IN_A_VERSION, _STAGED):
        sought = [bytes.fromhex(sha256) for sha256 in sorted(set(digests) - kept)]
        if sought:
            locked = await tx.fetch(_those_with(f"{named} FOR SHARE"), bucket_id, sought)
            kept.update(row["sha256"] for row in locked)
    return kept


async def has_given_up(conn: Connection, bucket_id: UUID) -> bool:
    """Tell whether history ever gave up content of the bucket."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM retention WHERE bucket_id = $1 AND expired > 0)", bucket_id
    )
    return found


async def list_given_up(
    conn: Connection, bucket_id: UUID, digests: Collection[bytes]
) -> set[bytes]:
    """Return those of ``digests`` that history gave up, and that nothing else of it keeps."""
    rows = await conn.fetch(
        """
        SELECT wanted.sha256
        FROM unnest($2::bytea[]) AS wanted (sha256)
        CROSS JOIN LATERAL (
            (
                SELECT 1
                FROM version
                WHERE version.bucket_id = $1
                  AND version.sha256 = wanted.sha256
                  AND version.expired_at IS NOT NULL
                LIMIT 1
            ) UNION ALL (
                SELECT 1
                FROM branch_change
                WHERE branch_change.bucket_id = $1
                  AND branch_change.sha256 = wanted.sha256
                  AND branch_change.expired_at IS NOT NULL
                LIMIT 1
            )
            LIMIT 1
        ) AS named
        """,
        bucket_id,
        list(digests),
    )
    given_up = {bytes(row["sha256"]) for row in rows}
    if not given_up:
        return given_up
    kept = await list_in_use(conn, bucket_id, [sha256.hex() for sha256 in given_up])
    return given_up - {bytes.fromhex(sha256) for sha256 in kept}


async def list_parked(conn: Connection, consumer: str, digests: Sequence[str]) -> list[str]:
    """Return those of ``digests`` that an event tells of which waits for an operator."""
    rows = await conn.fetch(
        """
        SELECT wanted.sha256
        FROM unnest($2::text[]) AS wanted (sha256)
        WHERE EXISTS (
            SELECT FROM dead_letter
            WHERE consumer = $1
              AND redriven_at IS NULL
              AND position(convert_to(wanted.sha256, 'UTF8') IN payload) > 0
        )
        """,
        consumer,
        list(digests),
    )
    return [row["sha256"] for row in rows]


def _those_with(named: str) -> str:
    """Return the query for those of the digests ``$2`` that ``named`` has a row for."""
    return f"""
        SELECT encode(wanted.sha256, 'hex') AS sha256
        FROM unnest($2::bytea[]) AS wanted (sha256)
        CROSS JOIN LATERAL ({named}) AS named
        """  # noqa: S608 - made of our own text


def _key(bucket_id: UUID) -> str:
    return f"naming {bucket_id}"
