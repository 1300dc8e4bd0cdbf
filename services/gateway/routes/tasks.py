"""Tasks: the ledger of long work, and the reports of users' own programs."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from libs.contracts.ids import new_id
from libs.contracts.problems import ProblemDetails
from libs.contracts.progress import (
    CancelTask,
    CreateTask,
    DeleteTask,
    FinishTask,
    ListTaskLogs,
    ListTasks,
    NumberedLog,
    ReportTask,
    RetryTask,
    TaskInfo,
    TaskLog,
    TaskState,
    TaskWanted,
)
from libs.contracts.streams import STREAMS
from services.gateway.domain.failures import Forbidden
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.own_tasks import check_own_task, get_own_task, maker_of
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import PREFIX, Cursor, Cursors, Limit, Page
from services.gateway.routes.task_bodies import Completion, Failure, LogLines, NewTask, Report

TAGS = ["Progress"]
ONE = "/progress/tasks/{task_id:uuid}"
LIST = "tasks"
QUEUES_OF_SERVICES = frozenset(spec.owner for spec in STREAMS.values())
"""Their workers do what they are told: whoever may ask them directly may empty any bucket."""

TaskId = FromPath[UUID]


@post("/progress/tasks", summary="Create a task", tags=TAGS, opt=needs("write"))
async def create_task(
    data: JSONBody[NewTask],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> Response[TaskInfo]:
    """Create a task: dispatched when it has a queue, else running at once and yours to report."""
    if data.queue in QUEUES_OF_SERVICES and not access.is_admin:
        raise Forbidden("this queue is the platform's own", field="queue")
    task = await platform.ask(
        CreateTask(
            task_id=new_id(),
            kind=data.kind,
            actor=actor,
            title=data.title,
            queue=data.queue,
            priority=data.priority,
            max_attempts=data.max_attempts,
            args=data.args,
        )
    )
    return Response(task, headers={"Location": f"{PREFIX}/progress/tasks/{task.task_id}"})


@get("/progress/tasks", summary="List tasks", tags=TAGS, opt=needs("read"))
async def list_tasks(
    platform: NamedDependency[Platform],
    access: NamedDependency[Access],
    cursors: NamedDependency[Cursors],
    task_state: Annotated[
        TaskState | None, QueryParameter(name="state", description="Only in this state.")
    ] = None,
    kind: Annotated[str | None, QueryParameter(description="Only of this kind.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[TaskInfo]:
    """List tasks, newest first: all with the scope admin, else those that the caller made."""
    scope = f"{LIST}\n{task_state or ''}\n{kind or ''}"
    before = cursors.open(scope, cursor, UUID)
    found = await platform.ask(
        ListTasks(
            state=task_state,
            kind=kind,
            created_by=maker_of(access),
            before=before,
            limit=limit,
        )
    )
    return Page(found.items, cursors.seal(scope, found.next))


@get(ONE, summary="Get a task", tags=TAGS, opt=needs("read"))
async def get_task(
    task_id: TaskId, access: NamedDependency[Access], platform: NamedDependency[Platform]
) -> TaskInfo:
    """Return a task as it is now."""
    return await get_own_task(platform, access, task_id)


@delete(ONE, summary="Forget a task", tags=TAGS, opt=needs("write"), status_code=204)
async def delete_task(
    task_id: TaskId,
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> None:
    """Forget a finished task and its log."""
    await check_own_task(platform, access, task_id)
    await platform.ask(DeleteTask(task_id=task_id))


@patch(f"{ONE}/progress", summary="Report progress", tags=TAGS, opt=needs("write"))
async def report_progress(
    task_id: TaskId,
    data: JSONBody[Report],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> TaskWanted:
    """Tell how far a task is, and learn whether it is still wanted."""
    await check_own_task(platform, access, task_id)
    return await platform.ask(ReportTask(task_id=task_id, attempt=data.attempt, now=data.now()))


@post(f"{ONE}/complete", summary="Complete a task", tags=TAGS, opt=needs("write"), status_code=200)
async def complete_task(
    task_id: TaskId,
    data: JSONBody[Completion],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> TaskInfo:
    """End a task with success."""
    await check_own_task(platform, access, task_id)
    return await platform.ask(
        FinishTask(task_id=task_id, outcome="succeeded", attempt=data.attempt, result=data.result)
    )


@post(f"{ONE}/fail", summary="Fail a task", tags=TAGS, opt=needs("write"), status_code=200)
async def fail_task(
    task_id: TaskId,
    data: JSONBody[Failure],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> TaskInfo:
    """End an attempt with a failure; with attempts left it is retried, unless it is final."""
    await check_own_task(platform, access, task_id)
    problem = ProblemDetails(
        code=data.code, title="The task failed", status=500, detail=data.message
    )
    return await platform.ask(
        FinishTask(
            task_id=task_id,
            outcome="failed",
            attempt=data.attempt,
            problem=problem,
            final=data.final,
        )
    )


@post(f"{ONE}/cancel", summary="Cancel a task", tags=TAGS, opt=needs("write"), status_code=200)
async def cancel_task(
    task_id: TaskId,
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> TaskInfo:
    """Ask a task to stop at its next safe point."""
    await check_own_task(platform, access, task_id)
    return await platform.ask(CancelTask(task_id=task_id, actor=actor))


@post(f"{ONE}/retry", summary="Retry a task", tags=TAGS, opt=needs("write"), status_code=200)
async def retry_task(
    task_id: TaskId,
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> TaskInfo:
    """Run a failed or cancelled task once more, from its last checkpoint."""
    await check_own_task(platform, access, task_id)
    return await platform.ask(RetryTask(task_id=task_id, actor=actor))


@get(f"{ONE}/logs", summary="Read a task's log", tags=TAGS, opt=needs("read"))
async def list_logs(
    task_id: TaskId,
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[NumberedLog]:
    """Return the lines of a task's log, oldest first."""
    await check_own_task(platform, access, task_id)
    scope = f"logs\n{task_id}"
    after = cursors.open(scope, cursor, int) or 0
    found = await platform.ask(ListTaskLogs(task_id=task_id, after=after, limit=limit))
    return Page(found.items, cursors.seal(scope, found.next))


@post(
    f"{ONE}/logs", summary="Write to a task's log", tags=TAGS, opt=needs("write"), status_code=200
)
async def write_logs(
    task_id: TaskId,
    data: JSONBody[LogLines],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> TaskWanted:
    """Add lines to a task's log, and learn whether it is still wanted."""
    await check_own_task(platform, access, task_id)
    now = datetime.now(UTC)
    logs = [
        TaskLog(level=line.level, message=line.message, at=line.at or now) for line in data.lines
    ]
    return await platform.ask(ReportTask(task_id=task_id, attempt=data.attempt, logs=logs))


ROUTES = [
    create_task,
    list_tasks,
    get_task,
    delete_task,
    report_progress,
    complete_task,
    fail_task,
    cancel_task,
    retry_task,
    list_logs,
    write_logs,
]
