"""What everybody hears about a change of a task."""

from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import structs

from libs.contracts.base import Event
from libs.contracts.progress import TaskCreated, TaskFinished, TaskProgressed, WorkReady
from services.progress.domain.task import Task

SHORTEST_PAUSE = timedelta(seconds=1)
"""Between two ``task.progress`` of a task that stays in its state."""


def announced(before: Task | None, now_is: Task, now: datetime) -> tuple[Task, list[Event]]:
    """Return the task that remembers what was said of it, and what is to be said.

    The newest progress is never withheld for good: the last state of a task says it.
    """
    events: list[Event] = [] if before else [_created(now_is)]
    if _is_news(before, now_is, now):
        now_is = structs.replace(now_is, announced_at=now)
        events.append(_progressed(now_is))
    if before is None or before.state != now_is.state:
        match now_is.state:
            case "succeeded" | "failed" | "cancelled" as end:
                events.append(_finished(now_is, end))
    if now_is.dispatches > (before.dispatches if before else 0):
        events.append(_ready(now_is))
    return now_is, events


def _is_news(before: Task | None, now_is: Task, now: datetime) -> bool:
    if before is None or before.state != now_is.state:
        return True
    last = before.announced_at
    return _visible(before) != _visible(now_is) and (last is None or now - last >= SHORTEST_PAUSE)


def _visible(task: Task) -> tuple[Any, ...]:
    return task.attempt, task.done, task.total, task.unit, task.current_step, task.message


def _created(task: Task) -> TaskCreated:
    return TaskCreated(task_id=task.task_id, kind=task.kind, queue=task.queue, actor=task.actor)


def _progressed(task: Task) -> TaskProgressed:
    return TaskProgressed(
        task_id=task.task_id,
        kind=task.kind,
        state=task.state,
        attempt=task.attempt,
        done=task.done,
        total=task.total,
        unit=task.unit,
        current_step=task.current_step,
        message=task.message,
        offset=task.offset,
    )


def _finished(task: Task, end: Literal["succeeded", "failed", "cancelled"]) -> TaskFinished:
    return TaskFinished(
        task_id=task.task_id,
        kind=task.kind,
        state=end,
        actor=task.actor,
        attempt=task.attempt,
        result=task.result,
        problem=task.problem,
    )


def _ready(task: Task) -> WorkReady:
    if task.queue is None:
        raise ValueError("an external task is dispatched to nobody")
    return WorkReady(
        task_id=task.task_id,
        attempt=task.attempt + 1,
        queue=task.queue,
        priority=task.priority,
    )
