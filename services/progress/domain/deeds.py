"""What can be done to a task: each deed takes the task as it is and returns it as it becomes.

Whether a deed may be done in a state, and where it leads, is the table in ``states``.
"""

from datetime import datetime
from typing import Any

from msgspec import structs

from libs.contracts.problems import ProblemDetails
from libs.contracts.progress import FinishTask, TaskProgressNow
from services.progress.domain import failures
from services.progress.domain.limits import text
from services.progress.domain.pace import Pace
from services.progress.domain.states import Deed, after, may
from services.progress.domain.task import PERCENT, Task


def start(task: Task, now: datetime, pace: Pace) -> Task:
    """Put a task on its way: dispatched to its queue, or begun by the program that asked."""
    if task.is_external:
        return _begin(_moved(task, "dispatch"), task.actor, now)
    return dispatch(task, now, pace)


def refuse(task: Task, problem: ProblemDetails, now: datetime) -> Task:
    """End a task that cannot even be put on its way, so that whoever waits for it sees why."""
    return _over(task, "fail", now, problem=problem)


def dispatch(task: Task, now: datetime, pace: Pace) -> Task:
    """Offer the next attempt to the workers of the queue, for the first time or again."""
    offered = task.dispatches + 1
    return _moved(task, "dispatch", dispatches=offered, due_at=now + pace.before_dispatch(offered))


def claim(task: Task, attempt: int, worker: str, now: datetime, pace: Pace) -> Task:
    """Give ``attempt`` to ``worker``, or give it again: its first answer may have been lost."""
    if task.state == "running" and (task.attempt, task.worker) == (attempt, text(worker)):
        return task
    if not may(task.state, "begin") or task.attempt + 1 != attempt:
        raise failures.TaskNotClaimable(f"attempt {attempt} of a task that is {task.state}")
    begun = _begin(task, text(worker), now)
    return structs.replace(begun, due_at=now + pace.lease)


def report(task: Task, attempt: int, told: TaskProgressNow, now: datetime, pace: Pace) -> Task:
    """Take in how far ``attempt`` is, and let it live for another lease."""
    check_current(task, attempt)
    due_at = now + pace.lease
    if task.is_external:
        due_at = now + pace.external_stop
    known = _progressed(task, told)
    return structs.replace(known, due_at=due_at if _is_watched(known) else None)


def finish(task: Task, end: FinishTask, now: datetime, pace: Pace) -> Task:
    """End the attempt: the task is over, or rests before its next attempt.

    The same end told twice is heard once.
    """
    if task.is_over and (task.state, task.attempt) == (end.outcome, end.attempt):
        return task
    check_current(task, end.attempt)
    if end.outcome == "succeeded":
        return _over(task, "succeed", now, result=end.result)
    if end.outcome == "cancelled":
        return _over(task, "stop", now)
    problem = end.problem or failures.TaskFailed().details()
    return _failed(task, problem, now, pace, final=end.final)


def lose(task: Task, now: datetime, pace: Pace) -> Task:
    """The lease ended without a word: the attempt failed."""
    problem = failures.WorkerLost(f"nothing was heard of attempt {task.attempt}").details()
    return _failed(task, problem, now, pace)


def give_back(task: Task, attempt: int, now: datetime, pace: Pace) -> Task:
    """The worker stops: offer the rest at once, with one attempt more than there was."""
    check_current(task, attempt)
    if after(task.state, "give_back") == "cancelled":
        return _over(task, "give_back", now)
    back = _moved(task, "give_back", max_attempts=task.max_attempts + 1, worker=None)
    return start(back, now, pace)


def cancel(task: Task, now: datetime, pace: Pace) -> Task:
    """Want the task no more: it ends at once, or when its worker comes to a safe point."""
    if not may(task.state, "cancel"):
        raise failures.TaskIsOver(f"it {task.state} already")
    if after(task.state, "cancel") == task.state:
        return task
    unwanted = structs.replace(task, cancel_requested=True)
    if after(task.state, "cancel") == "cancelled":
        return _over(unwanted, "cancel", now)
    due_at = now + pace.external_stop if task.is_external else task.due_at
    return _moved(unwanted, "cancel", due_at=due_at)


def rerun(task: Task, now: datetime, pace: Pace) -> Task:
    """Run a failed or cancelled task once more."""
    if not may(task.state, "rerun"):
        named = failures.TaskIsOver if task.is_over else failures.TaskIsNotOver
        raise named(f"only a failed or cancelled task runs again; this one is {task.state}")
    again = _moved(
        task,
        "rerun",
        max_attempts=max(task.max_attempts, task.attempt + 1),
        finished_at=None,
        problem=None,
        cancel_requested=False,
    )
    return start(again, now, pace)


def when_due(task: Task, now: datetime, pace: Pace) -> Task:
    """Do what is to be done when nobody else did anything until ``due_at``."""
    if may(task.state, "dispatch"):
        return dispatch(task, now, pace)
    return lose(task, now, pace)


def check_current(task: Task, attempt: int) -> None:
    """Refuse an attempt that is not the one that runs now."""
    if task.state not in ("running", "cancelling") or task.attempt != attempt:
        raise failures.AttemptIsOver(f"attempt {attempt} of a task that is {task.state}")


def _moved(task: Task, deed: Deed, **changes: Any) -> Task:
    return structs.replace(task, state=after(task.state, deed), **changes)


def _begin(task: Task, worker: str, now: datetime) -> Task:
    return _moved(
        task,
        "begin",
        attempt=task.attempt + 1,
        worker=worker,
        dispatches=0,
        due_at=None,
        problem=None,
        started_at=task.started_at or now,
    )


def _over(
    task: Task, deed: Deed, now: datetime, *, problem: ProblemDetails | None = None, **changes: Any
) -> Task:
    return _moved(
        task,
        deed,
        worker=None,
        due_at=None,
        dispatches=0,
        finished_at=now,
        problem=problem,
        **changes,
    )


def _failed(
    task: Task, problem: ProblemDetails, now: datetime, pace: Pace, *, final: bool = False
) -> Task:
    hopeless = final or task.is_external or task.attempt >= task.max_attempts
    deed: Deed = "fail" if hopeless else "pause"
    match after(task.state, deed):
        case "retrying":
            pause = pace.before_retry(task.attempt, at_least_s=problem.retry_after_s or 0.0)
            return _moved(task, deed, worker=None, problem=problem, due_at=now + pause)
        case "failed":
            return _over(task, deed, now, problem=problem)
        case _:  # it was to be cancelled, and is
            return _over(task, deed, now)


def _progressed(task: Task, told: TaskProgressNow) -> Task:
    unit = told.unit or task.unit
    total = task.total if told.total is None else told.total
    done = task.done if told.done is None else told.done
    if unit == "percent":
        total, done = PERCENT, min(done, PERCENT)
    return structs.replace(
        task,
        unit=unit,
        total=total,
        done=done,
        current_step=task.current_step if told.current_step is None else text(told.current_step),
        message=task.message if told.message is None else text(told.message),
        detail=task.detail if told.detail is None else told.detail,
    )


def _is_watched(task: Task) -> bool:
    """Tell whether silence ends the attempt: an external one only once it was cancelled."""
    return not task.is_external or task.state == "cancelling"
