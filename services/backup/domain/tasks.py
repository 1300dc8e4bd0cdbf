"""The kinds of work that this service wants done, and what each is told."""

from typing import Any
from uuid import UUID

from msgspec import Struct, to_builtins

from libs.contracts.progress import TaskRequested
from libs.contracts.values import Actor, BucketName, FilePath
from services.backup.domain.restoring import Selection

QUEUE = "backup"
TAKE_SNAPSHOT = "backup.take_snapshot"
VERIFY_SNAPSHOT = "backup.verify_snapshot"
RESTORE_SNAPSHOT = "backup.restore_snapshot"

MAX_ATTEMPTS = 5


class SnapshotTask(Struct, frozen=True, kw_only=True):
    """Which snapshot to take or to verify."""

    snapshot_id: UUID


class RestoreTask(Struct, frozen=True, kw_only=True):
    """What to restore, and where to."""

    snapshot_id: UUID
    into: BucketName
    paths: list[FilePath] | None = None
    prefix: str = ""

    @property
    def selection(self) -> Selection:
        """Return which files are meant."""
        paths = None if self.paths is None else frozenset(self.paths)
        return Selection(prefix=self.prefix, paths=paths)


def requested(
    kind: str, task_id: UUID, args: SnapshotTask | RestoreTask, *, actor: Actor, title: str
) -> TaskRequested:
    """Return the wish for work of ``kind``."""
    told: dict[str, Any] = to_builtins(args)
    return TaskRequested(
        task_id=task_id,
        kind=kind,
        queue=QUEUE,
        actor=actor,
        title=title,
        max_attempts=MAX_ATTEMPTS,
        args=told,
    )
