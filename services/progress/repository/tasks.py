"""Tasks: the rows that the state machine moves."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from libs.chassis.database import Connection
from libs.contracts.progress import Json, TaskState
from services.progress.domain.failures import TaskNotFound
from services.progress.domain.task import Task

COLUMNS = """
    task_id, kind, title, queue, priority, actor, state, attempt, max_attempts, worker, due_at,
    dispatches, done, total, unit, current_step, message, detail, result, problem,
    cancel_requested, log_number, created_at, started_at, finished_at, updated_at, announced_at,
    change_number AS "offset"
"""


class Baggage(NamedTuple):
    """What only the worker of a task needs."""

    args: Json
    checkpoint: Json | None


async def now(tx: Connection) -> datetime:
    """Return the time of the one clock that all ledgers share; call it after taking locks."""
    time: datetime = await tx.fetchval("SELECT clock_timestamp()")
    return time


async def find(tx: Connection, task_id: UUID) -> Task | None:
    row = await tx.fetchrow(f"SELECT {COLUMNS} FROM task WHERE task_id = $1", task_id)  # noqa: S608
    return _task(row) if row else None


async def get(tx: Connection, task_id: UUID) -> Task:
    """Return the task, or raise ``TaskNotFound``."""
    task = await find(tx, task_id)
    if task is None:
        raise TaskNotFound(str(task_id))
    return task


async def get_for_update(tx: Connection, task_id: UUID) -> Task:
    """Return the task, nobody else's to change until this transaction ends."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM task WHERE task_id = $1 FOR UPDATE",  # noqa: S608
        task_id,
    )
    if row is None:
        raise TaskNotFound(str(task_id))
    return _task(row)


async def list_due_for_update(tx: Connection, *, limit: int, leases_too: bool) -> list[Task]:
    """Return tasks that nobody did anything about in time, skipping those that somebody holds."""
    rows = await tx.fetch(
        f"""
        SELECT {COLUMNS}
        FROM task
        WHERE due_at <= clock_timestamp()
          AND ($2 OR state NOT IN ('running', 'cancelling'))
        ORDER BY due_at
        LIMIT $1
        FOR UPDATE SKIP LOCKED
        """,  # noqa: S608
        limit,
        leases_too,
    )
    return [_task(row) for row in rows]


async def each_newest_first(
    tx: Connection,
    *,
    state: TaskState | None,
    kind: str | None,
    created_by: str | None,
    before: UUID | None,
    limit: int,
) -> AsyncIterator[Task]:
    """Yield tasks by falling id; needs a transaction, and reads no more than what is taken."""
    wanted = {"state": state, "kind": kind, "created_by": created_by, "before": before}
    tests = {
        "state": "state = ${}",
        "kind": "kind = ${}",
        "created_by": "actor = ${}",
        "before": "task_id < ${}",
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    where = " AND ".join(tests[name].format(at) for at, name in enumerate(given, start=2))
    cursor = tx.cursor(
        f"""
        SELECT {COLUMNS}
        FROM task
        WHERE {where or "true"}
        ORDER BY task_id DESC
        LIMIT $1
        """,  # noqa: S608 - built of the constants above
        limit,
        *given.values(),
        prefetch=50,
    )
    async for row in cursor:
        yield _task(row)


async def insert(tx: Connection, task: Task, args: Json) -> bool:
    """Keep a new task; false when its id is known already."""
    status = await tx.execute(
        """
        INSERT INTO task (
            task_id, kind, title, queue, priority, actor, args, state, attempt, max_attempts,
            worker, due_at, dispatches, done, total, unit, current_step, message, detail, result,
            problem, cancel_requested, log_number, created_at, started_at, finished_at, updated_at,
            announced_at, change_number
        )
        VALUES (
            $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20, $21, $22, $23, $24, $25, $26, $27, $28, $29
        )
        ON CONFLICT (task_id) DO NOTHING
        """,
        task.task_id,
        task.kind,
        task.title,
        task.queue,
        task.priority,
        task.actor,
        args,
        *_changing(task),
        task.created_at,
        *_times(task),
    )
    return status == "INSERT 0 1"


async def update(tx: Connection, task: Task) -> None:
    """Keep what the task became."""
    await tx.execute(
        """
        UPDATE task
        SET state = $2,
            attempt = $3,
            max_attempts = $4,
            worker = $5,
            due_at = $6,
            dispatches = $7,
            done = $8,
            total = $9,
            unit = $10,
            current_step = $11,
            message = $12,
            detail = $13,
            result = $14,
            problem = $15,
            cancel_requested = $16,
            log_number = $17,
            started_at = $18,
            finished_at = $19,
            updated_at = $20,
            announced_at = $21,
            change_number = $22
        WHERE task_id = $1
        """,
        task.task_id,
        *_changing(task),
        *_times(task),
    )


async def delete(tx: Connection, task_id: UUID) -> None:
    """Forget the task, its baggage and its log."""
    await tx.execute("DELETE FROM task WHERE task_id = $1", task_id)


async def get_baggage(tx: Connection, task_id: UUID) -> Baggage:
    """Return what the task's worker needs."""
    row = await tx.fetchrow("SELECT args, checkpoint FROM task WHERE task_id = $1", task_id)
    if row is None:
        raise TaskNotFound(str(task_id))
    return Baggage(row["args"], row["checkpoint"])


async def keep_checkpoint(tx: Connection, task_id: UUID, checkpoint: Json) -> None:
    """Remember where the task has come to."""
    await tx.execute("UPDATE task SET checkpoint = $2 WHERE task_id = $1", task_id, checkpoint)


def _task(row: asyncpg.Record) -> Task:
    return msgspec.convert(dict(row), Task)


def _changing(task: Task) -> tuple[object, ...]:
    return (
        task.state,
        task.attempt,
        task.max_attempts,
        task.worker,
        task.due_at,
        task.dispatches,
        task.done,
        task.total,
        task.unit,
        task.current_step,
        task.message,
        task.detail,
        task.result,
        task.problem,
        task.cancel_requested,
        task.log_number,
    )


def _times(task: Task) -> tuple[object, ...]:
    return (
        task.started_at,
        task.finished_at,
        task.updated_at,
        task.announced_at,
        task.offset,
    )
