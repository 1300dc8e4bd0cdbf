"""Log lines: numbered per task, the newest kept."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from libs.chassis.database import Connection
from libs.contracts.progress import NumberedLog, TaskLog
from services.progress.domain.limits import line_time, text


async def insert(
    tx: Connection,
    task_id: UUID,
    *,
    first: int,
    attempt: int,
    lines: Sequence[TaskLog],
    now: datetime,
) -> None:
    """Keep ``lines``, numbered from ``first``."""
    await tx.execute(
        """
        INSERT INTO task_log (task_id, number, attempt, level, message, at)
        SELECT $1, $2 + line.position - 1, $3, line.level, line.message, line.at
        FROM unnest($4::text[], $5::text[], $6::timestamptz[])
            WITH ORDINALITY AS line (level, message, at, position)
        """,
        task_id,
        first,
        attempt,
        [line.level for line in lines],
        [text(line.message) for line in lines],
        [line_time(line, now) for line in lines],
    )


async def cut(tx: Connection, task_id: UUID, *, newest: int, keep: int) -> None:
    """Drop all but the newest ``keep`` lines; the last of the dropped becomes a note of it."""
    if newest <= keep:
        return
    last_cut = newest - keep
    await tx.execute("DELETE FROM task_log WHERE task_id = $1 AND number < $2", task_id, last_cut)
    await tx.execute(
        """
        UPDATE task_log
        SET level = 'warning', message = $3
        WHERE task_id = $1 AND number = $2
        """,
        task_id,
        last_cut,
        f"Lines 1 to {last_cut} were cut: a task keeps its newest {keep} lines.",
    )


async def each(
    tx: Connection, task_id: UUID, *, after: int, limit: int
) -> AsyncIterator[NumberedLog]:
    """Yield lines after the number ``after``; needs a transaction, and reads only what is taken."""
    cursor = tx.cursor(
        """
        SELECT number, attempt, level, message, at
        FROM task_log
        WHERE task_id = $1 AND number > $2
        ORDER BY number
        LIMIT $3
        """,
        task_id,
        after,
        limit,
        prefetch=100,
    )
    async for row in cursor:
        yield msgspec.convert(dict(row), NumberedLog)
