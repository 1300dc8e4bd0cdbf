"""Tasks in every state, made only by deeds: what cannot be reached is not tested."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.contracts.ids import new_id
from libs.contracts.problems import ProblemDetails
from libs.contracts.progress import CreateTask, FinishTask, TaskState
from services.progress.domain import deeds
from services.progress.domain.pace import Pace
from services.progress.domain.task import Task, wanted

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PACE = Pace(
    lease=timedelta(seconds=14),
    retry_first=timedelta(seconds=1),
    retry_longest=timedelta(seconds=300),
    unclaimed_first=timedelta(seconds=30),
    unclaimed_longest=timedelta(seconds=900),
    external_stop=timedelta(seconds=60),
)
BROKEN = ProblemDetails(code="broken", title="It broke", status=500)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def a_waiting_task(**changes: Any) -> Task:
    order: dict[str, Any] = {
        "task_id": new_id(),
        "kind": "backup.take_snapshot",
        "actor": "key:1",
        "queue": "backup",
    }
    return wanted(CreateTask(**(order | changes)), NOW)


def a_queued_task(**changes: Any) -> Task:
    return deeds.start(a_waiting_task(**changes), NOW, PACE)


def a_running_task(**changes: Any) -> Task:
    return claimed(a_queued_task(**changes))


def an_external_task(**changes: Any) -> Task:
    return deeds.start(a_waiting_task(**changes, queue=None), NOW, PACE)


def claimed(task: Task) -> Task:
    return deeds.claim(task, task.attempt + 1, "worker-a", NOW, PACE)


def finished(task: Task, outcome: Any = "succeeded", **how: Any) -> Task:
    end = FinishTask(task_id=task.task_id, outcome=outcome, attempt=task.attempt, **how)
    return deeds.finish(task, end, NOW, PACE)


def a_task_that_is(state: TaskState) -> Task:
    running = a_running_task()
    ways: dict[TaskState, Callable[[], Task]] = {
        "waiting": a_waiting_task,
        "queued": a_queued_task,
        "running": lambda: running,
        "cancelling": lambda: deeds.cancel(running, NOW, PACE),
        "retrying": lambda: finished(running, "failed", problem=BROKEN),
        "succeeded": lambda: finished(running),
        "failed": lambda: finished(running, "failed", problem=BROKEN, final=True),
        "cancelled": lambda: deeds.cancel(a_queued_task(), NOW, PACE),
    }
    made = ways[state]()
    assert made.state == state
    return made
