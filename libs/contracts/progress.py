"""What ``services/progress`` answers and announces: the ledger of tasks.

A task is *dispatched* (a worker of ``queue`` runs it) or *external* (``queue`` is absent: a user's
program runs it and reports). Every attempt is fenced by its number.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct, field

from libs.contracts.base import Done, Event, Reply, Request
from libs.contracts.problems import ProblemDetails
from libs.contracts.values import Actor, ByteCount, PageLimit

QueueName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,40}$(?!\n)")]
TaskKind = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_.-]{0,80}$(?!\n)")]
"""What has to be done, as its worker knows it: ``<owner>.<verb_noun>``."""
Priority = Literal["high", "normal", "low"]
TaskState = Literal[
    "waiting", "queued", "running", "cancelling", "retrying", "succeeded", "failed", "cancelled"
]
FINAL_STATES: frozenset[TaskState] = frozenset({"succeeded", "failed", "cancelled"})
LogLevel = Literal["debug", "info", "warning", "error"]
ShortText = Annotated[str, Meta(max_length=500)]
Json = dict[str, Any]


class TaskProgressNow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a task is; what is absent stays as it was."""

    done: ByteCount | None = None
    total: ByteCount | None = None
    unit: Literal["bytes", "items", "percent"] | None = None
    current_step: ShortText | None = None
    message: ShortText | None = None
    detail: Json | None = None


class TaskLog(Struct, frozen=True, kw_only=True):
    level: LogLevel
    message: Annotated[str, Meta(max_length=4096)]
    at: datetime


class TaskInfo(Reply, frozen=True):
    """A task as everybody sees it."""

    task_id: UUID
    kind: TaskKind
    title: str
    queue: QueueName | None
    priority: Priority
    state: TaskState
    attempt: int
    max_attempts: int
    done: int
    total: int | None
    unit: str
    progress: float | None
    """``done / total`` from 0 to 1, absent while the total is unknown."""
    current_step: str
    message: str
    detail: Json
    result: Json | None
    problem: ProblemDetails | None
    cancel_requested: bool
    created_by: Actor
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    offset: int
    """Grows with every change of the task; live messages carry it, so gaps can be seen."""


class TaskList(Reply, frozen=True):
    items: list[TaskInfo]
    next: UUID | None = None


class TaskAccepted(Reply, frozen=True):
    """Long work was accepted; follow it as this task."""

    task_id: UUID
    kind: str


class CreateTask(Request[TaskInfo], to="progress", frozen=True):
    """Create a task: dispatched when it has a queue, else external and running at once."""

    task_id: UUID
    """Chosen by the caller; asking again with the same id returns the same task."""
    kind: TaskKind
    actor: Actor
    title: ShortText = ""
    queue: QueueName | None = None
    priority: Priority = "normal"
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    args: Json = field(default_factory=dict)


class GetTask(Request[TaskInfo], to="progress", frozen=True):
    task_id: UUID
    wait_s: Annotated[float, Meta(ge=0, le=2)] = 0.0
    """How long to wait for a task that was requested but is not in the ledger yet."""


class ListTasks(Request[TaskList], to="progress", frozen=True):
    """List tasks, newest first."""

    state: TaskState | None = None
    kind: TaskKind | None = None
    created_by: Actor | None = None
    before: UUID | None = None
    limit: PageLimit = 100


class CancelTask(Request[TaskInfo], to="progress", frozen=True):
    task_id: UUID
    actor: Actor


class RetryTask(Request[TaskInfo], to="progress", frozen=True):
    """Run a failed or cancelled task once more, from its last checkpoint."""

    task_id: UUID
    actor: Actor


class DeleteTask(Request[Done], to="progress", frozen=True):
    """Forget a finished task and its log."""

    task_id: UUID


class NumberedLog(TaskLog, frozen=True):
    number: int
    attempt: int


class TaskLogList(Reply, frozen=True):
    items: list[NumberedLog]
    next: int | None = None


class ListTaskLogs(Request[TaskLogList], to="progress", frozen=True):
    task_id: UUID
    after: int = 0
    limit: PageLimit = 100


# --- what workers ask ------------------------------------------------------------------------


class ClaimedTask(Reply, frozen=True):
    task_id: UUID
    kind: TaskKind
    attempt: int
    args: Json
    checkpoint: Json | None
    """Where the attempt before had come to."""
    lease_s: float
    """Report at least this often, or the task is given to another worker."""
    actor: Actor


class ClaimTask(Request[ClaimedTask], to="progress", frozen=True):
    """Take a queued task; a problem ``task-not-claimable`` when it is not to be had."""

    task_id: UUID
    attempt: int
    worker: Annotated[str, Meta(max_length=200)]


class TaskWanted(Reply, frozen=True):
    go_on: bool
    """False: stop at the next safe point and finish as cancelled."""


class ReportTask(Request[TaskWanted], to="progress", frozen=True):
    """Heartbeat: renew the lease, tell progress and log lines, learn whether to go on.

    An attempt that is no longer the current one gets the problem ``attempt-is-over``.
    """

    task_id: UUID
    attempt: int = 1
    now: TaskProgressNow = field(default_factory=TaskProgressNow)
    logs: Annotated[list[TaskLog], Meta(max_length=1000)] = field(default_factory=list)
    checkpoint: Json | None = None


class FinishTask(Request[TaskInfo], to="progress", frozen=True):
    """End the current attempt; a failure with attempts left is retried with growing pauses."""

    task_id: UUID
    outcome: Literal["succeeded", "failed", "cancelled"]
    attempt: int = 1
    result: Json | None = None
    problem: ProblemDetails | None = None
    final: bool = False
    """Do not retry: trying again cannot help."""


class GiveBackTask(Request[TaskInfo], to="progress", frozen=True):
    """The worker of the current attempt stops: another goes on from the last checkpoint, at once.

    It is no failure: the task gets one attempt more than it had.
    """

    task_id: UUID
    attempt: int


# --- events and live -------------------------------------------------------------------------


class TaskRequested(Event, frozen=True, type="task.requested", key="queue"):
    """A service wants work done; published from its own outbox in the change's transaction."""

    task_id: UUID
    kind: TaskKind
    queue: QueueName
    actor: Actor
    title: ShortText = ""
    priority: Priority = "normal"
    max_attempts: int = 3
    args: Json = field(default_factory=dict)


class TaskCreated(Event, frozen=True, type="task.created", key="task_id"):
    """A task is in the ledger."""

    task_id: UUID
    kind: TaskKind
    queue: QueueName | None
    actor: Actor


class TaskProgressed(Event, frozen=True, type="task.progress", key="task_id"):
    """How far a task is; at most one a second for each task, and one at every new state."""

    task_id: UUID
    kind: TaskKind
    state: TaskState
    attempt: int
    done: int
    total: int | None
    unit: str
    current_step: str
    message: str
    offset: int


class TaskFinished(Event, frozen=True, type="task.finished", key="task_id"):
    """A task has come to its end."""

    task_id: UUID
    kind: TaskKind
    state: Literal["succeeded", "failed", "cancelled"]
    actor: Actor
    attempt: int
    result: Json | None = None
    problem: ProblemDetails | None = None


class WorkReady(Event, frozen=True, type="work", key="lane"):
    """An attempt of a task waits for a worker, on ``work.<queue>.<priority>``."""

    task_id: UUID
    attempt: int
    queue: QueueName
    priority: Priority

    @property
    def lane(self) -> str:
        """The rest of the subject."""
        return f"{self.queue}.{self.priority}"
