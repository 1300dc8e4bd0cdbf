"""Events that could not be applied: parked with their error, listed, and redriven by hand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, convert
from prometheus_client import Counter

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.contracts.ids import new_id

PARKED = Counter("strongroom_dead_letters_total", "Events that were parked.", ["consumer"])


class RedriveFailed(Exception):
    """The consumer could not apply the event this time either."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """An event that a consumer could not apply."""

    dead_letter_id: UUID
    consumer: str
    subject: str
    headers: dict[str, str]
    payload: bytes
    error: str
    tries: int
    parked_at: datetime
    redriven_at: datetime | None


async def park(
    db: Database,
    *,
    consumer: str,
    subject: str,
    headers: Mapping[str, str],
    payload: bytes,
    error: str,
    tries: int,
) -> None:
    """Put an event aside, so that it blocks nobody."""
    async with db.transaction() as tx:
        await tx.execute(
            """
            INSERT INTO dead_letter
                (dead_letter_id, consumer, subject, headers, payload, error, tries)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            new_id(),
            consumer,
            subject,
            dict(headers),
            payload,
            error,
            tries,
        )
    PARKED.labels(consumer).inc()


async def list_parked(conn: Connection, limit: int | None = None) -> list[DeadLetter]:
    """Return the letters that wait for somebody, oldest first."""
    rows = await conn.fetch(
        """
        SELECT *
        FROM dead_letter
        WHERE redriven_at IS NULL
        ORDER BY dead_letter_id
        LIMIT $1
        """,
        limit,
    )
    return [_letter(row) for row in rows]


async def find(conn: Connection, dead_letter_id: UUID) -> DeadLetter | None:
    """Return one letter."""
    row = await conn.fetchrow("SELECT * FROM dead_letter WHERE dead_letter_id = $1", dead_letter_id)
    return None if row is None else _letter(row)


async def redrive(db: Database, bus: Bus, letter: DeadLetter) -> None:
    """Give ``letter`` to its consumer once more, with all its tries.

    It is sent past the stream, straight to the consumer's own subject: no other consumer sees it
    again, and the consumer's inbox still guards against a second effect. Raises ``RedriveFailed``
    with its error when it fails again.
    """
    answer = await bus.client.request(
        redrive_subject(letter.consumer),
        letter.payload,
        timeout=30,
        headers=letter.headers,
    )
    if answer.data:
        raise RedriveFailed(answer.data.decode())
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE dead_letter SET redriven_at = now() WHERE dead_letter_id = $1",
            letter.dead_letter_id,
        )


async def drop(tx: Connection, dead_letter_id: UUID) -> bool:
    """Forget a letter for good; false when there is none."""
    status = await tx.execute("DELETE FROM dead_letter WHERE dead_letter_id = $1", dead_letter_id)
    return status != "DELETE 0"


def redrive_subject(consumer: str) -> str:
    """Return where redriven events of ``consumer`` are sent."""
    return f"redrive.{consumer}"


def _letter(row: Any) -> DeadLetter:
    return convert(dict(row), DeadLetter)
