"""What tests of backups do again and again."""

import hashlib
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from libs.blobs import BlobStore
from libs.contracts.backup import (
    DeleteTarget,
    GetSnapshot,
    RestoreSnapshot,
    SnapshotAccepted,
    SnapshotInfo,
    TakeSnapshot,
    VerifySnapshot,
)
from libs.contracts.base import Reply, Request
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.progress import FINAL_STATES, GetTask, TaskAccepted, TaskInfo
from libs.contracts.storage import (
    ApplyChanges,
    BeginUpload,
    CommitUpload,
    FileInfo,
    GetFile,
    ListFiles,
    RemovePath,
)
from tests.waiting import eventually

ACTOR = "key:test"

R = TypeVar("R", bound=Reply)


class Ask(Protocol):
    """The fixture ``ask``."""

    async def __call__(self, request: Request[R], *, timeout_s: float = 10.0) -> R: ...


class State(NamedTuple):
    """All that a restore has to bring back of a file."""

    sha256: str
    content_type: str
    metadata: dict[str, str]
    tags: dict[str, str]

    @classmethod
    def of(cls, file: FileInfo) -> "State":
        return cls(file.sha256, file.content_type, file.metadata, file.tags)


class Files:
    """The files of one bucket, put and read as the gateway does."""

    def __init__(self, ask: Ask, store: BlobStore, bucket: str) -> None:
        self._ask = ask
        self._store = store
        self.bucket = bucket

    async def put(
        self,
        path: str,
        content: bytes,
        *,
        content_type: str = "text/plain",
        metadata: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        ticket = await self._ask(
            BeginUpload(
                bucket=self.bucket,
                path=path,
                actor=ACTOR,
                content_type=content_type,
                metadata=metadata or {},
                tags=tags or {},
            )
        )
        await self._store.put(ticket.key, content)
        await self._ask(
            CommitUpload(
                upload_id=ticket.upload_id,
                sha256=hashlib.sha256(content).hexdigest(),
                size=len(content),
            )
        )

    async def states(self) -> dict[str, State]:
        """Return what the bucket holds, by path."""
        listed = await self._ask(ListFiles(bucket=self.bucket, limit=1000))
        return {file.path: State.of(file) for file in listed.items}

    async def revisions(self) -> dict[str, int]:
        listed = await self._ask(ListFiles(bucket=self.bucket, limit=1000))
        return {file.path: file.revision for file in listed.items}

    async def read(self, path: str) -> bytes:
        return await (await self._store.get(await self.key_of(path))).read()

    async def key_of(self, path: str) -> str:
        """Return where the file's bytes lie in the object store."""
        return (await self._ask(GetFile(bucket=self.bucket, path=path))).blob.key

    async def remove_all(self) -> None:
        removals = [RemovePath(path=path) for path in await self.states()]
        await self._ask(ApplyChanges(bucket=self.bucket, actor=ACTOR, changes=list(removals)))


class Folder:
    """The objects of a ``file`` target, as they lie on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def config(self) -> Path:
        return self.path / "config"

    def blob(self, content: bytes) -> Path:
        digest = hashlib.sha256(content).hexdigest()
        return self.path / "data" / digest[:2] / digest

    def blob_paths(self) -> list[Path]:
        return list(self.path.glob("data/*/*"))

    def blobs(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.blob_paths()}

    def manifests(self) -> list[Path]:
        return list(self.path.glob("manifests/*/*"))

    def records(self) -> list[Path]:
        return sorted(self.path.glob("snapshots/*"))

    def probes(self) -> list[Path]:
        return list(self.path.glob("probes/*"))


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


class Backups:
    """Backup's requests, each followed to the end of its task."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def begin(self, bucket: str, target: str) -> SnapshotAccepted:
        return await self._ask(TakeSnapshot(bucket=bucket, target=target, actor=ACTOR))

    async def take(self, bucket: str, target: str) -> SnapshotInfo:
        """Take a snapshot that has to succeed."""
        accepted = await self.begin(bucket, target)
        task = await self.end_of(accepted.task_id)
        assert task.state == "succeeded", task.problem
        return await self.get(accepted.snapshot_id)

    async def get(self, snapshot_id: UUID) -> SnapshotInfo:
        return await self._ask(GetSnapshot(snapshot_id=snapshot_id))

    async def verify(self, snapshot_id: UUID) -> TaskInfo:
        accepted = await self._ask(VerifySnapshot(snapshot_id=snapshot_id, actor=ACTOR))
        return await self.end_of(accepted.task_id)

    async def restore(
        self,
        snapshot_id: UUID,
        *,
        into: str | None = None,
        paths: list[str] | None = None,
        prefix: str = "",
    ) -> TaskInfo:
        accepted = await self.begin_restore(snapshot_id, into=into, paths=paths, prefix=prefix)
        return await self.end_of(accepted.task_id)

    async def begin_restore(
        self,
        snapshot_id: UUID,
        *,
        into: str | None = None,
        paths: list[str] | None = None,
        prefix: str = "",
    ) -> TaskAccepted:
        return await self._ask(
            RestoreSnapshot(
                snapshot_id=snapshot_id, actor=ACTOR, into=into, paths=paths, prefix=prefix
            )
        )

    async def forget(self, target: str) -> None:
        """Forget a target; its last task is over a moment before it is free."""

        async def forgotten() -> bool:
            try:
                await self._ask(DeleteTarget(name=target))
            except AnsweredWithProblem as refused:
                if refused.named != "target-in-use":
                    raise
                return False
            return True

        await eventually(forgotten)

    async def end_of(self, task_id: UUID, *, timeout_s: float = 60.0) -> TaskInfo:
        """Wait until the task has ended, however."""

        async def ended() -> TaskInfo | None:
            task = await self._ask(GetTask(task_id=task_id, wait_s=1.0))
            return task if task.state in FINAL_STATES else None

        task = await eventually(ended, timeout_s=timeout_s, pause_s=0.05)
        assert task is not None
        return task

    async def step_of(self, task_id: UUID, step: str) -> None:
        """Wait until the task says that it is at ``step``, with something done."""

        async def at_step() -> bool:
            task = await self._ask(GetTask(task_id=task_id, wait_s=1.0))
            return task.current_step == step and task.done > 0

        await eventually(at_step, pause_s=0.005)

    async def is_running(self, task_id: UUID) -> None:
        """Wait until a worker has the task."""

        async def running() -> bool:
            task = await self._ask(GetTask(task_id=task_id, wait_s=1.0))
            return task.state == "running"

        await eventually(running, pause_s=0.005)

    async def has_failed(self, snapshot_id: UUID) -> bool:
        return (await self.get(snapshot_id)).state == "failed"


def times_in_order(*times: datetime | None) -> bool:
    """Tell whether all of ``times`` are there, none before the one before it."""
    return all(
        one is not None and other is not None and one <= other for one, other in pairwise(times)
    )
