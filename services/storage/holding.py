"""New content of buckets with checks begins to wait here, in the transaction that took it in."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from libs.chassis import outbox
from libs.chassis.database import Connection
from libs.contracts.ids import new_id
from libs.contracts.storage import BlobPlace
from services.storage.domain.arrivals import Arrival
from services.storage.domain.checks import ASK_AGAIN_S, PendingFile
from services.storage.repository import pending


async def hold(
    tx: Connection, arrivals: Sequence[tuple[Arrival, BlobPlace]]
) -> dict[tuple[UUID, str], PendingFile]:
    """Keep content, of different paths, and ask for its checks; return what waits, by path.

    The bucket does not hold the bytes yet: nobody gets them, or puts them elsewhere, by digest.
    """
    now = datetime.now(UTC)
    waiting = {
        (arrival.bucket.bucket_id, arrival.path): PendingFile.arrived(
            arrival, blob, check_id=new_id(), now=now
        )
        for arrival, blob in arrivals
    }
    await pending.insert(tx, list(waiting.values()), ask_again_s=ASK_AGAIN_S)
    await outbox.add(tx, *(one.requested() for one in waiting.values()))
    return waiting
