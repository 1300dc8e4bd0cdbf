"""How far a job is, told as the bytes flow."""

from libs.worker import Task


class Watch:
    """Counts bytes for a task, and stops the job at the next one once it is not wanted any more."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._done = 0
        self._total = 0

    def begin(self, step: str, *, total: int, done: int = 0) -> None:
        """Start to count for another step."""
        self._done, self._total = done, total
        self._task.progress(current_step=step, unit="bytes", total=total, done=done)

    def saw(self, count: int) -> None:
        """Count bytes; raises ``TaskStopped`` when the task was cancelled or this worker drains."""
        self.reach(self._done + count)

    def reach(self, done: int) -> None:
        """Correct the count where it is known exactly; raises as ``saw``."""
        self._task.raise_if_cancelled()
        self._done = done
        # Damaged bytes can be more than there should be; nobody wants to see 103 %.
        self._task.progress(done=min(done, self._total))

    @property
    def done(self) -> int:
        """What was counted in this step."""
        return self._done
