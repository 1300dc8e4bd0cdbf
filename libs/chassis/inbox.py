"""At least once on the wire, once in effect."""

from collections.abc import Sequence
from typing import TypeVar

from libs.chassis.database import Connection
from libs.contracts.base import Event

E = TypeVar("E", bound=Event)


async def first_times(tx: Connection, consumer: str, events: Sequence[E]) -> list[E]:
    """Claim ``events`` for ``consumer`` in this transaction; return those not applied before."""
    rows = await tx.fetch(
        """
        INSERT INTO inbox (consumer, event_id)
        SELECT $1, event_id
        FROM unnest($2::uuid[]) AS event_id
        ON CONFLICT DO NOTHING
        RETURNING event_id
        """,
        consumer,
        [event.event_id for event in events],
    )
    new = {row["event_id"] for row in rows}
    firsts: list[E] = []
    for event in events:
        if event.event_id in new:
            new.remove(event.event_id)
            firsts.append(event)
    return firsts
