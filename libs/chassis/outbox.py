"""Events leave a service by way of its ``outbox`` table, never straight from a handler."""

from libs.chassis import telemetry
from libs.chassis.database import Connection
from libs.contracts import envelope
from libs.contracts.base import Event


async def add(tx: Connection, *events: Event) -> None:
    """Announce ``events`` in this order if this transaction commits, and never if it does not."""
    if not events:
        return
    trace = telemetry.outgoing()
    tx.announces = True
    await tx.execute(
        """
        INSERT INTO outbox (event_id, subject, headers, payload)
        SELECT *
        FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::bytea[])
        """,
        [event.event_id for event in events],
        [event.subject() for event in events],
        [envelope.headers(event) | trace for event in events],
        [envelope.encode(event) for event in events],
    )
