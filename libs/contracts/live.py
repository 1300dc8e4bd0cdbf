"""Live updates: fast, not stored, and every gap can be seen.

A topic is ``task.<task_id>`` or ``bucket.<name>``. What happens to a task is published on
``live.task.<task_id>`` as a ``TaskTick``; its durable truth is the ledger.
"""

from uuid import UUID

from msgspec import Struct

from libs.contracts.progress import TaskInfo


class TaskTick(Struct, frozen=True, kw_only=True):
    """A task as it is now; ``task.offset`` grows by one with every change."""

    task: TaskInfo

    @staticmethod
    def subject(task_id: UUID) -> str:
        """Return the subject on which the ticks of a task are published."""
        return f"live.task.{task_id}"
