"""Telling again what the files of a bucket are, for a history that did not listen."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.chassis import outbox
from libs.chassis.database import Connection, Database
from libs.contracts.ids import new_id
from libs.contracts.progress import TaskRequested
from libs.worker import Task, runs
from services.storage.domain.announcing import MOST_FILES, Together, changed_file, packed
from services.storage.domain.buckets import Bucket
from services.storage.domain.files import File
from services.storage.jobs import QUEUE
from services.storage.repository import buckets, files

TELL_FILES = "storage.tell_files"
MESSAGE = "versions are kept from here on"


class TellFiles(Struct, frozen=True, kw_only=True):
    """Whose files to tell."""

    bucket_id: UUID


async def request_telling(tx: Connection, bucket: Bucket, actor: str) -> None:
    """Have all states of the bucket's files told by a task, once this transaction is committed."""
    args: dict[str, Any] = msgspec.to_builtins(TellFiles(bucket_id=bucket.bucket_id))
    task = TaskRequested(
        task_id=new_id(),
        kind=TELL_FILES,
        queue=QUEUE,
        actor=actor,
        title=f"Begin the history of {bucket.name}",
        args=args,
    )
    await outbox.add(tx, task)


@runs(TELL_FILES)
async def tell_files(task: Task, args: TellFiles, db: Database) -> dict[str, Any]:
    """Tell the present state of every path, a batch in each transaction.

    Nothing changes: a state that history knows is passed over there by its revision, and one that
    follows meanwhile is told behind it.
    """
    after, told = "", 0
    while True:
        task.raise_if_cancelled()
        async with db.transaction() as tx:
            bucket = await buckets.find_for_share(tx, args.bucket_id)
            states = await files.list_states_for_share(tx, args.bucket_id, after, MOST_FILES)
            if bucket is None or not states:
                return {"told": told}
            await outbox.add(tx, *_events(bucket, states, task.actor))
        after = states[-1].path
        told += len(states)
        task.progress(done=told, unit="items", current_step="telling files")


def _events(bucket: Bucket, states: Sequence[File], actor: str) -> list[Any]:
    together = Together(
        bucket=bucket,
        operation="update",
        actor=actor,
        at=max(file.modified_at for file in states),
        message=MESSAGE,
    )
    return list(packed(together, [changed_file(file) for file in states]))
