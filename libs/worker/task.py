"""A task as the job that runs it sees it."""

import asyncio
from typing import Literal
from uuid import UUID

from libs.contracts.progress import ClaimedTask, Json, LogLevel, TaskProgressNow
from libs.contracts.values import Actor
from libs.worker.heartbeat import Heartbeat, StopReason, TaskStopped

__all__ = ["StopReason", "Task", "TaskStopped"]

Unit = Literal["bytes", "items", "percent"]


class Task:
    """One attempt of a task, from the claim to the end.

    Everything here may be called as often as the job likes: progress is merged and sent at most
    ten times a second.
    """

    def __init__(self, claimed: ClaimedTask, heartbeat: Heartbeat) -> None:
        self._claimed = claimed
        self._heartbeat = heartbeat

    @property
    def task_id(self) -> UUID:
        """The same in every attempt: the key for whatever must happen once."""
        return self._claimed.task_id

    @property
    def kind(self) -> str:
        """What has to be done."""
        return self._claimed.kind

    @property
    def attempt(self) -> int:
        """1 for the first."""
        return self._claimed.attempt

    @property
    def actor(self) -> Actor:
        """Who wanted it."""
        return self._claimed.actor

    @property
    def resumed_from(self) -> Json | None:
        """The last checkpoint of the attempts before, if there was one."""
        return self._claimed.checkpoint

    @property
    def cancelled(self) -> asyncio.Event:
        """Set when somebody cancelled the task; the job should stop at its next safe point."""
        return self._heartbeat.cancelled

    def progress(
        self,
        *,
        done: int | None = None,
        total: int | None = None,
        unit: Unit | None = None,
        current_step: str | None = None,
        message: str | None = None,
        detail: Json | None = None,
    ) -> None:
        """Tell how far the work is; what is left out stays as it was. Cheap, never waits."""
        self._heartbeat.note(
            TaskProgressNow(
                done=done,
                total=total,
                unit=unit,
                current_step=current_step,
                message=message,
                detail=detail,
            )
        )

    def log(self, level: LogLevel, message: str) -> None:
        """Add a line to the task's log, which its users read. Cheap, never waits."""
        self._heartbeat.note_line(level, message)

    async def checkpoint(self, state: Json) -> None:
        """Keep ``state`` for a later attempt; durable when this returns.

        Waits while the ledger cannot be reached. A state that is too large raises the problem
        ``task-too-large``; an attempt that was given to another worker raises ``TaskStopped``.
        """
        await self._heartbeat.send_surely(state)

    def raise_if_cancelled(self) -> None:
        """Raise ``TaskStopped`` when the task was cancelled, or this worker is shutting down.

        Call it where stopping leaves nothing half done: the attempt then ends as cancelled, or
        goes on elsewhere from its last checkpoint.
        """
        if self._heartbeat.stopped is not None:
            raise TaskStopped(self._heartbeat.stopped)
