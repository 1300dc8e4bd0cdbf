"""Events leave a service by way of its ``outbox`` table, never straight from a handler."""

from libs.chassis import telemetry
from libs.chassis.database import Connection
from libs.contracts import envelope
from libs.contracts.base import Event

MOST_BYTES = 1_000_000
"""NATS takes 1 MiB, headers included."""


class EventTooLarge(ValueError):
    """No message can hold the event; it is said here, where the change can still be undone."""


async def add(tx: Connection, *events: Event) -> None:
    """Announce ``events`` in this order if this transaction commits, and never if it does not.

    Raises ``EventTooLarge``.
    """
    if not events:
        return
    trace = telemetry.outgoing()
    payloads = [envelope.encode(event) for event in events]
    for event, payload in zip(events, payloads, strict=True):
        if len(payload) > MOST_BYTES:
            raise EventTooLarge(f"{event.type} of {len(payload)} bytes")
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
        payloads,
    )
