"""A task as the ledger keeps it."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from libs.contracts.problems import ProblemDetails
from libs.contracts.progress import (
    FINAL_STATES,
    CreateTask,
    Json,
    Priority,
    TaskInfo,
    TaskRequested,
    TaskState,
)
from services.progress.domain.limits import text

MOST_ATTEMPTS = 100
PERCENT = 100


class Task(Struct, frozen=True, kw_only=True):
    """A task without its baggage: arguments, checkpoint and log are read where they are needed."""

    task_id: UUID
    kind: str
    title: str
    queue: str | None
    priority: Priority
    actor: str
    state: TaskState
    attempt: int = 0
    """How many attempts were begun: the number of the current one, by which it is fenced."""
    max_attempts: int
    worker: str | None = None
    """Who runs the current attempt."""
    due_at: datetime | None = None
    """When the ledger acts by itself: the lease ends, the pause ends, or work stays unclaimed."""
    dispatches: int = 0
    """How often the next attempt was offered."""
    done: int = 0
    total: int | None = None
    unit: str = "items"
    current_step: str = ""
    message: str = ""
    detail: Json = {}
    result: Json | None = None
    problem: ProblemDetails | None = None
    """Why the last attempt failed."""
    cancel_requested: bool = False
    log_number: int = 0
    """The number of the newest log line."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime
    announced_at: datetime | None = None
    """When the last ``task.progress`` was announced."""
    offset: int = 0

    @property
    def is_over(self) -> bool:
        """Tell whether the task has come to its end."""
        return self.state in FINAL_STATES

    @property
    def is_external(self) -> bool:
        """Tell whether a user's program runs it, so that nothing is dispatched or leased."""
        return self.queue is None

    @property
    def progress(self) -> float | None:
        """Return how far it is, from 0 to 1."""
        if self.state == "succeeded" or self.total == 0:
            return 1.0
        return None if self.total is None else min(self.done / self.total, 1.0)

    def info(self) -> TaskInfo:
        """Return the task as everybody sees it."""
        return TaskInfo(
            task_id=self.task_id,
            kind=self.kind,
            title=self.title,
            queue=self.queue,
            priority=self.priority,
            state=self.state,
            attempt=self.attempt,
            max_attempts=self.max_attempts,
            done=self.done,
            total=self.total,
            unit=self.unit,
            progress=self.progress,
            current_step=self.current_step,
            message=self.message,
            detail=self.detail,
            result=self.result,
            problem=self.problem,
            cancel_requested=self.cancel_requested,
            created_by=self.actor,
            created_at=self.created_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            updated_at=self.updated_at,
            offset=self.offset,
        )


def wanted(order: CreateTask | TaskRequested, now: datetime) -> Task:
    """Return the task that ``order`` asks for, waiting to be dispatched or begun."""
    return Task(
        task_id=order.task_id,
        kind=order.kind,
        title=text(order.title),
        queue=order.queue,
        priority=order.priority,
        actor=text(order.actor),
        state="waiting",
        max_attempts=min(max(order.max_attempts, 1), MOST_ATTEMPTS),
        created_at=now,
        updated_at=now,
    )
