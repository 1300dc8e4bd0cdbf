"""The ledger's answers: one message, one function, one transaction."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec
from msgspec import structs
from prometheus_client import Histogram

from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.progress import (
    CancelTask,
    ClaimedTask,
    ClaimTask,
    CreateTask,
    DeleteTask,
    FinishTask,
    GetTask,
    GiveBackTask,
    ListTaskLogs,
    ListTasks,
    ReportTask,
    RetryTask,
    TaskInfo,
    TaskList,
    TaskLogList,
    TaskWanted,
)
from services.progress.domain import deeds
from services.progress.domain.failures import TaskIdTaken, TaskIsNotOver, TaskNotFound
from services.progress.domain.limits import count
from services.progress.domain.task import wanted
from services.progress.ledger import Change, Ledger
from services.progress.repository import logs, tasks

LOOK_AGAIN_S = 0.025
PAGE_BYTES = 600_000
"""A page ends here, so that an answer fits into one message of NATS (1 MiB)."""

WAITED = Histogram(
    "strongroom_task_wait_seconds",
    "Time from a task's creation to its first attempt.",
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300, 3600),
)

T = TypeVar("T", bound=msgspec.Struct)


@serves(CreateTask)
async def create_task(request: CreateTask, ledger: Ledger) -> TaskInfo:
    """Enter a task; one with the same id, kind and queue is this one, asked for again."""
    ledger.limits.check(args=request.args)
    async with ledger.writing() as entries:
        now = await tasks.now(entries.tx)
        task = deeds.start(wanted(request, now), now, ledger.pace)
        if not await entries.add(task, request.args, now):
            known = await tasks.get(entries.tx, request.task_id)
            if (known.kind, known.queue) != (request.kind, request.queue):
                raise TaskIdTaken(str(request.task_id))
            return known.info()
    return entries.written[request.task_id].info()


@serves(GetTask)
async def get_task(request: GetTask, db: Database) -> TaskInfo:
    """Return the task, waiting a moment for one that was requested just now."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + request.wait_s
    while True:
        async with db.connection() as conn:
            task = await tasks.find(conn, request.task_id)
        if task is not None:
            return task.info()
        if loop.time() >= deadline:
            raise TaskNotFound(str(request.task_id))
        await asyncio.sleep(LOOK_AGAIN_S)


@serves(ListTasks)
async def list_tasks(request: ListTasks, db: Database) -> TaskList:
    async with db.transaction(readonly=True) as tx:
        found = tasks.each_newest_first(
            tx,
            state=request.state,
            kind=request.kind,
            created_by=request.created_by,
            before=request.before,
            limit=request.limit + 1,
        )
        items, more = await _page((task.info() async for task in found), request.limit)
    return TaskList(items=items, next=items[-1].task_id if more else None)


@serves(CancelTask)
async def cancel_task(request: CancelTask, ledger: Ledger) -> TaskInfo:
    async with ledger.change(request.task_id) as change:
        change.task = deeds.cancel(change.task, change.now, ledger.pace)
    return change.task.info()


@serves(RetryTask)
async def retry_task(request: RetryTask, ledger: Ledger) -> TaskInfo:
    async with ledger.change(request.task_id) as change:
        change.task = deeds.rerun(change.task, change.now, ledger.pace)
    return change.task.info()


@serves(DeleteTask)
async def delete_task(request: DeleteTask, db: Database) -> Done:
    async with db.transaction() as tx:
        task = await tasks.get_for_update(tx, request.task_id)
        if not task.is_over:
            raise TaskIsNotOver(f"it is {task.state}; cancel it first")
        await tasks.delete(tx, request.task_id)
    return Done()


@serves(ListTaskLogs)
async def list_task_logs(request: ListTaskLogs, db: Database) -> TaskLogList:
    async with db.transaction(readonly=True) as tx:
        await tasks.get(tx, request.task_id)
        found = logs.each(
            tx, request.task_id, after=count(max(request.after, 0)), limit=request.limit + 1
        )
        items, more = await _page(found, request.limit)
    return TaskLogList(items=items, next=items[-1].number if more else None)


@serves(ClaimTask)
async def claim_task(request: ClaimTask, ledger: Ledger) -> ClaimedTask:
    async with ledger.change(request.task_id) as change:
        change.task = task = deeds.claim(
            change.task, request.attempt, request.worker, change.now, ledger.pace
        )
        baggage = await tasks.get_baggage(change.tx, request.task_id)
    if task.attempt == 1:
        WAITED.observe((change.now - task.created_at).total_seconds())
    return ClaimedTask(
        task_id=task.task_id,
        kind=task.kind,
        attempt=task.attempt,
        args=baggage.args,
        checkpoint=baggage.checkpoint,
        lease_s=ledger.pace.lease.total_seconds(),
        actor=task.actor,
    )


@serves(ReportTask)
async def report_task(request: ReportTask, ledger: Ledger) -> TaskWanted:
    ledger.limits.check(detail=request.now.detail, checkpoint=request.checkpoint)
    async with ledger.change(request.task_id) as change:
        change.task = deeds.report(
            change.task, request.attempt, request.now, change.now, ledger.pace
        )
        if request.checkpoint is not None:
            await tasks.keep_checkpoint(change.tx, request.task_id, request.checkpoint)
        if request.logs:
            await _keep_logs(change, request, ledger)
    return TaskWanted(go_on=change.task.state == "running")


@serves(FinishTask)
async def finish_task(request: FinishTask, ledger: Ledger) -> TaskInfo:
    ledger.limits.check(result=request.result, problem=request.problem)
    async with ledger.change(request.task_id) as change:
        change.task = deeds.finish(change.task, request, change.now, ledger.pace)
    return change.task.info()


@serves(GiveBackTask)
async def give_back_task(request: GiveBackTask, ledger: Ledger) -> TaskInfo:
    async with ledger.change(request.task_id) as change:
        change.task = deeds.give_back(change.task, request.attempt, change.now, ledger.pace)
    return change.task.info()


async def _keep_logs(change: Change, request: ReportTask, ledger: Ledger) -> None:
    first = change.task.log_number + 1
    newest = change.task.log_number + len(request.logs)
    await logs.insert(
        change.tx,
        request.task_id,
        first=first,
        attempt=request.attempt,
        lines=request.logs,
        now=change.now,
    )
    await logs.cut(change.tx, request.task_id, newest=newest, keep=ledger.limits.log_lines)
    change.task = structs.replace(change.task, log_number=newest)


async def _page(found: AsyncIterator[T], limit: int) -> tuple[list[T], bool]:
    """Return what fits into one answer, and whether there is more."""
    items: list[T] = []
    size = 0
    async for item in found:
        size += len(msgspec.json.encode(item))
        if items and (len(items) == limit or size > PAGE_BYTES):
            return items, True
        items.append(item)
    return items, False
