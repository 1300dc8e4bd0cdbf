"""Whether anything restrains a change at all: most have no locks and no quotas near them."""

from collections.abc import Collection
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection


class Restraints(Struct, frozen=True):
    """Which of those who were asked about have restraints that have to be looked at."""

    limited: frozenset[str]
    """Principals with a quota."""
    locking: frozenset[UUID]
    """Buckets with a lock in them."""


async def find_restraints(
    tx: Connection, principals: Collection[str], bucket_ids: Collection[UUID]
) -> Restraints:
    """Return who of these is restrained."""
    row = await tx.fetchrow(
        """
        SELECT array(
                SELECT principal
                FROM principal_quota
                WHERE principal = ANY ($1::text[])
            ) AS limited,
            array(
                SELECT bucket_id
                FROM unnest($2::uuid[]) AS asked (bucket_id)
                WHERE EXISTS (
                    SELECT FROM file_lock
                    WHERE file_lock.bucket_id = asked.bucket_id
                )
            ) AS locking
        """,
        list(principals),
        list(bucket_ids),
    )
    if row is None:
        return Restraints(frozenset(), frozenset())
    return Restraints(frozenset(row["limited"]), frozenset(row["locking"]))
