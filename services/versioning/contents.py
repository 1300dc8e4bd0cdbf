"""Which bytes a request may name: none that storage could delete before history holds them."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.chassis.database import Connection
from services.versioning.domain.errors import ContentNotHeld
from services.versioning.repository import content

AHEAD = timedelta(minutes=10)
"""How long a hold has to go on: a transaction ends much sooner, whatever the clocks say."""

MOST_TOLD = 20


async def check_named(
    tx: Connection,
    bucket_id: UUID,
    branch: str,
    digests: Collection[str],
    held_until: datetime | None,
) -> None:
    """Raise ``ContentNotHeld`` unless all of ``digests`` may be named by this transaction.

    They are in the bucket's history, and stay there until it ends; or storage holds them. The
    caller has the lock of ``branch``.
    """
    if held_until is not None and held_until >= datetime.now(UTC) + AHEAD:
        return
    named = await content.keep_in_use(tx, bucket_id, branch, digests)
    missing = sorted(set(digests) - named)
    if missing:
        raise ContentNotHeld(
            "these bytes are not in the bucket's history, and nothing holds them long enough",
            digests=missing[:MOST_TOLD],
        )
