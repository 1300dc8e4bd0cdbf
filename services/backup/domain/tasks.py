"""The kinds of work that this service wants done, and what each is told."""

from typing import Any
from uuid import UUID

from msgspec import Struct, to_builtins

from libs.contracts.progress import TaskRequested
from libs.contracts.values import Actor

QUEUE = "backup"
TAKE_SNAPSHOT = "backup.take_snapshot"
VERIFY_SNAPSHOT = "backup.verify_snapshot"
RESTORE_SNAPSHOT = "backup.restore_snapshot"

MAX_ATTEMPTS = 5


class SnapshotTask(Struct, frozen=True, kw_only=True):
    """Which snapshot the work is about."""

    snapshot_id: UUID


def requested(
    kind: str, task_id: UUID, snapshot_id: UUID, *, actor: Actor, title: str
) -> TaskRequested:
    """Return the wish for work of ``kind``."""
    told: dict[str, Any] = to_builtins(SnapshotTask(snapshot_id=snapshot_id))
    return TaskRequested(
        task_id=task_id,
        kind=kind,
        queue=QUEUE,
        actor=actor,
        title=title,
        max_attempts=MAX_ATTEMPTS,
        args=told,
    )
