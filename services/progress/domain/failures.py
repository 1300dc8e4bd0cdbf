"""What can be wrong with a request to the ledger, by name."""

from libs.contracts.problems import Problem


class TaskNotFound(Problem):
    """There is no such task."""

    code, status = "task-not-found", 404


class TaskIdTaken(Problem):
    """Another task has this id."""

    code, status = "task-id-taken", 409


class TaskNotClaimable(Problem):
    """This attempt is not to be had: somebody has it, it is over, or the task is."""

    code, status = "task-not-claimable", 409


class AttemptIsOver(Problem):
    """This attempt counts no more; the task went on without it."""

    code, status = "attempt-is-over", 409


class TaskIsOver(Problem):
    """The task has come to its end."""

    code, status = "task-is-over", 409


class TaskIsNotOver(Problem):
    """The task has not come to its end yet."""

    code, status = "task-is-not-over", 409


class TaskTooLarge(Problem):
    """What the task should hold is larger than the ledger keeps."""

    code, status = "task-too-large", 413


class TaskFailed(Problem):
    """The task failed, and nobody said why."""

    code, status = "task-failed", 500


class WorkerLost(Problem):
    """The worker fell silent, and no attempt is left."""

    code, status = "worker-lost", 500
