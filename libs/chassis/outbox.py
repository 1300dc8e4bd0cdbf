"""Events leave a service by way of its ``outbox`` table, never straight from a handler."""

from collections.abc import Sequence
from typing import NamedTuple

from nats.js.api import PubAck

from libs.chassis import telemetry
from libs.chassis.database import Connection
from libs.contracts import envelope
from libs.contracts.base import Event

MOST_BYTES = 1_000_000
"""NATS takes 1 MiB, headers included."""

KEEP = "7 days"
"""How long published events and applied ones are remembered."""


class EventTooLarge(ValueError):
    """No message can hold the event; it is said here, where the change can still be undone."""


class Waiting(NamedTuple):
    """An event that no stream has acknowledged."""

    position: int
    subject: str
    headers: dict[str, str]
    payload: bytes


Acknowledged = tuple[Waiting, PubAck]


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


async def list_waiting(tx: Connection, limit: int) -> list[Waiting]:
    """Return the oldest events that wait, in order, and let nobody else publish them meanwhile."""
    rows = await tx.fetch(
        """
        SELECT position, subject, headers, payload
        FROM outbox
        WHERE published_at IS NULL
        ORDER BY position
        LIMIT $1
        FOR UPDATE SKIP LOCKED
        """,
        limit,
    )
    return [Waiting(**row) for row in rows]


async def mark_published(tx: Connection, acknowledged: Sequence[Acknowledged]) -> None:
    """Note which stream keeps each event, and where."""
    await tx.execute(
        """
        UPDATE outbox
        SET published_at = now(),
            stream = ack.stream,
            stream_seq = ack.seq
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS ack (position, stream, seq)
        -- Each by its index: a join would be planned once, while the table is small, and read all
        -- of it ever after.
        CROSS JOIN LATERAL (
            SELECT ctid
            FROM outbox AS waiting
            WHERE waiting.position = ack.position
            LIMIT 1
        ) AS found
        WHERE outbox.ctid = found.ctid
        """,
        [row.position for row, _ in acknowledged],
        [ack.stream for _, ack in acknowledged],
        [ack.seq for _, ack in acknowledged],
    )


async def unpublish_overwritten(
    tx: Connection, acknowledged: Sequence[Acknowledged]
) -> dict[str, int]:
    """Make events wait again whose sequences were given a second time; return how many by stream.

    That stream lost its end and has grown again before anybody looked.
    """
    lost = await tx.fetch(
        """
        SELECT outbox.stream, min(outbox.stream_seq) AS first
        FROM unnest($1::text[], $2::bigint[]) AS ack (stream, seq)
        JOIN outbox
          ON outbox.stream = ack.stream
         AND outbox.stream_seq = ack.seq
         AND outbox.published_at IS NOT NULL
        GROUP BY outbox.stream
        """,
        [ack.stream for _, ack in acknowledged],
        [ack.seq for _, ack in acknowledged],
    )
    return {
        row["stream"]: await unpublish(tx, row["stream"], after=row["first"] - 1) for row in lost
    }


async def unpublish(tx: Connection, stream: str, *, after: int) -> int:
    """Make the events that ``stream`` acknowledged behind ``after`` wait again; return how many.

    Those as old as inboxes remember stay away: they could take effect twice.
    """
    status = await tx.execute(
        f"""
        UPDATE outbox
        SET published_at = NULL,
            stream = NULL,
            stream_seq = NULL
        WHERE stream = $1
          AND stream_seq > $2
          AND published_at IS NOT NULL
          AND created_at > now() - interval '{KEEP}'
        """,  # noqa: S608 - a constant of this module
        stream,
        after,
    )
    return int(status.removeprefix("UPDATE "))
