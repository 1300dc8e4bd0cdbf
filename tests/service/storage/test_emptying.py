from uuid import UUID

from libs.chassis.database import Database
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.progress import CancelTask, GetTask, TaskInfo
from libs.contracts.storage import (
    BucketDeleted,
    CreateBucket,
    EmptyAndDeleteBucket,
    FilesChanged,
    GetBucket,
    PutContent,
    RemovePath,
)
from tests.listening import Events
from tests.service.storage.bucket import ACTOR, Ask, Bucket, digest
from tests.service.storage.planting import plant
from tests.service.storage.refusals import refused_as
from tests.waiting import eventually


async def test_a_bucket_is_emptied_and_deleted_as_a_task(bucket: Bucket, events: Events) -> None:
    await bucket.put("seed", b"s")
    paths = [f"f{n:04}" for n in range(1200)]
    await bucket.change(*(PutContent(path=path, sha256=digest(b"s")) for path in paths))

    accepted = await bucket.ask(EmptyAndDeleteBucket(name=bucket.name, actor="key:cleaner"))

    task = await _finished(bucket.ask, accepted.task_id)
    assert (task.state, task.result) == ("succeeded", {"deleted": 1201})
    assert (task.done, task.total, task.unit) == (1201, 1201, "items")
    with refused_as("bucket-not-found"):
        await bucket.ask(GetBucket(name=bucket.name))
    await events.until(BucketDeleted, lambda event: event.bucket == bucket.name)
    told = events.of(
        FilesChanged, lambda event: event.bucket == bucket.name and event.operation == "delete"
    )
    assert [file.path for event in told for file in event.changed] == [*paths, "seed"]
    assert {event.actor for event in told} == {"key:cleaner"}
    await bucket.ask(CreateBucket(name=bucket.name, actor=ACTOR))


async def test_a_bucket_that_is_being_emptied_takes_no_changes_but_is_read(
    bucket: Bucket, db: Database
) -> None:
    await bucket.put("a", b"a")
    ticket = await bucket.begin("late", b"late")
    await _set_state(db, bucket, "closing")

    assert await bucket.read("a") == b"a"
    for refused in (
        bucket.begin("b", b"b"),
        bucket.commit(ticket, b"late"),
        bucket.delete("a"),
        bucket.change(RemovePath(path="a")),
    ):
        with refused_as("bucket-closing", bucket=bucket.name):
            await refused

    await _set_state(db, bucket, "open")
    await bucket.commit(ticket, b"late")


async def test_a_task_that_was_cancelled_opens_its_bucket_again(
    bucket: Bucket, db: Database
) -> None:
    await plant(bucket, db, [f"f{n:05}" for n in range(30_000)])
    accepted = await bucket.ask(EmptyAndDeleteBucket(name=bucket.name, actor=ACTOR))
    again = await bucket.ask(EmptyAndDeleteBucket(name=bucket.name, actor=ACTOR))
    assert again == accepted

    await _known(bucket.ask, accepted.task_id)
    await bucket.ask(CancelTask(task_id=accepted.task_id, actor=ACTOR))

    task = await _finished(bucket.ask, accepted.task_id)
    assert task.state == "cancelled"

    async def is_open() -> bool:
        async with db.connection() as conn:
            state = await conn.fetchval("SELECT state FROM bucket WHERE name = $1", bucket.name)
        return bool(state == "open")

    await eventually(is_open)
    await bucket.put("new", b"new")
    assert (await bucket.list(limit=1)).items


async def _known(ask: Ask, task_id: UUID) -> TaskInfo:
    """Wait for the ledger to know the task: its request goes through the outbox, in order."""

    async def look() -> TaskInfo | None:
        try:
            return await ask(GetTask(task_id=task_id, wait_s=2.0))
        except AnsweredWithProblem as problem:
            if problem.named != "task-not-found":
                raise
            return None

    known = await eventually(look, timeout_s=30.0)
    assert known is not None
    return known


async def _finished(ask: Ask, task_id: UUID) -> TaskInfo:
    async def look() -> TaskInfo | None:
        task = await _known(ask, task_id)
        return task if task.finished_at else None

    finished = await eventually(look, timeout_s=30.0)
    assert finished is not None
    return finished


async def _set_state(db: Database, bucket: Bucket, state: str) -> None:
    async with db.connection() as conn:
        await conn.execute(
            """
            UPDATE bucket
            SET state = $2,
                closing_task_id = CASE $2 WHEN 'closing' THEN gen_random_uuid() END
            WHERE name = $1
            """,
            bucket.name,
            state,
        )
