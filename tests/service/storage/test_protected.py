"""A protected bucket changes by commits only, whichever way a change takes."""

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest

from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    ApplyChanges,
    BeginSession,
    BlobPlace,
    Change,
    CopyPath,
    CopyPrefix,
    EmptyAndDeleteBucket,
    EmptyTrash,
    GetBucket,
    LifecycleRule,
    MovePath,
    MovePrefix,
    NewFile,
    PromiseKeys,
    PutContent,
    PutFiles,
    RemovePath,
    RemovePrefix,
    RestoreTrash,
    SessionWish,
    UpdateBucket,
    UpdateFile,
)
from services.storage.lifecycle import apply_lifecycle
from tests.service.storage.bucket import ACTOR, Bucket, Making, digest
from tests.service.storage.refusals import refused_as
from tests.waiting import eventually

COMMIT = "a" * 64
Way = Callable[[Bucket, str], Awaitable[object]]


async def protect(bucket: Bucket, *, protected: bool = True) -> None:
    await bucket.ask(UpdateBucket(name=bucket.name, actor=ACTOR, protected=protected))


@pytest.fixture
async def bucket(a_bucket_with: Making) -> Bucket:
    """A protected bucket with a file, one in the trash, and a trash."""
    bucket = await a_bucket_with(trash_s=1000)
    await bucket.put("a/1", new_id().bytes)
    await bucket.put("gone", new_id().bytes)
    await bucket.delete("gone")
    await protect(bucket)
    return bucket


async def update(bucket: Bucket, sha256: str) -> object:
    return await bucket.ask(
        UpdateFile(bucket=bucket.name, path="a/1", actor=ACTOR, tags={"a": "b"})
    )


async def put_in_parts(bucket: Bucket, sha256: str) -> object:
    wish = SessionWish(bucket=bucket.name, path="b")
    return await bucket.ask(BeginSession(wish=wish, actor=ACTOR, length=3))


async def put_small(bucket: Bucket, sha256: str) -> object:
    (key,) = (await bucket.ask(PromiseKeys(count=1))).keys
    body = new_id().bytes
    place = BlobPlace(blob_id=new_id(), key=key, size=len(body), sha256=digest(body))
    await bucket.store.put(key, body)
    file = NewFile(bucket=bucket.name, path="b", actor=ACTOR, blob=place)
    (outcome,) = (await bucket.ask(PutFiles(files=[file]))).outcomes
    assert outcome.problem is not None
    raise AnsweredWithProblem(outcome.problem)


WAYS: dict[str, Way] = {
    "put": lambda bucket, _: bucket.put("b", os.urandom(9)),
    "put-in-parts": put_in_parts,
    "put-small": put_small,
    "update": update,
    "delete": lambda bucket, _: bucket.delete("a/1"),
    "put-by-digest": lambda bucket, sha256: bucket.change(PutContent(path="b", sha256=sha256)),
    "delete-many": lambda bucket, _: bucket.change(RemovePath(path="a/1")),
    "copy": lambda bucket, _: bucket.change(CopyPath(source="a/1", path="b")),
    "move": lambda bucket, _: bucket.change(MovePath(source="a/1", path="b")),
    "delete-prefix": lambda bucket, _: bucket.change(RemovePrefix(prefix="a/")),
    "copy-prefix": lambda bucket, _: bucket.change(CopyPrefix(source_prefix="a/", prefix="b/")),
    "move-prefix": lambda bucket, _: bucket.change(MovePrefix(source_prefix="a/", prefix="b/")),
    "restore-trash": lambda bucket, _: bucket.ask(
        RestoreTrash(bucket=bucket.name, actor=ACTOR, paths=["gone"])
    ),
}


@pytest.mark.parametrize("way", WAYS)
async def test_a_change_without_a_commit_is_refused(bucket: Bucket, way: str) -> None:
    before = await bucket.all()

    with refused_as("branch-protected"):
        await WAYS[way](bucket, before["a/1"].sha256)

    assert await bucket.all() == before


async def test_a_commit_changes_what_is_protected(bucket: Bucket) -> None:
    changes: list[Change] = [MovePath(source="a/1", path="b"), RemovePrefix(prefix="c/")]

    await bucket.ask(
        ApplyChanges(
            bucket=bucket.name, actor=ACTOR, changes=changes, commit_id=COMMIT, lenient=True
        )
    )

    assert set(await bucket.all()) == {"b"}


async def test_content_is_held_for_branches_of_a_protected_bucket(bucket: Bucket) -> None:
    put = await bucket.put("any", new_id().bytes, hold=True)

    assert put.held is not None


async def test_nothing_comes_in_after_a_bucket_is_protected(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with()
    tickets = [(await bucket.begin(f"f{at}", body := os.urandom(9)), body) for at in range(20)]

    commits = [asyncio.create_task(bucket.commit(*one)) for one in tickets]
    await protect(bucket)
    at_the_answer = await bucket.all()
    done = await asyncio.gather(*commits, return_exceptions=True)

    assert await bucket.all() == at_the_answer
    assert len(at_the_answer) == sum(not isinstance(one, BaseException) for one in done)
    with refused_as("branch-protected"):
        await bucket.begin("late", b"")


async def test_rules_of_the_owner_go_on(bucket: Bucket, db: Database) -> None:
    rule = LifecycleRule(id="all", prefix="a/", expire_after_days=1)
    await bucket.ask(UpdateBucket(name=bucket.name, actor=ACTOR, lifecycle=[rule]))
    async with db.connection() as conn:
        await conn.execute(
            """
            UPDATE file
            SET modified_at = modified_at - interval '2 days'
            FROM bucket
            WHERE bucket.bucket_id = file.bucket_id
                AND name = $1
            """,
            bucket.name,
        )

    await apply_lifecycle(db)

    assert await bucket.all() == {}


async def test_the_trash_may_be_emptied(bucket: Bucket) -> None:
    emptied = await bucket.ask(EmptyTrash(bucket=bucket.name, actor=ACTOR, prefix=""))

    assert emptied.files == 1


async def test_unprotected_again_it_changes_as_before(bucket: Bucket) -> None:
    await protect(bucket, protected=False)

    await bucket.delete("a/1")

    assert await bucket.all() == {}


async def test_a_protected_bucket_can_be_deleted_with_its_files(bucket: Bucket) -> None:
    await bucket.ask(EmptyAndDeleteBucket(name=bucket.name, actor=ACTOR))

    async def gone() -> bool:
        try:
            await bucket.ask(GetBucket(name=bucket.name))
        except AnsweredWithProblem as problem:
            return problem.named == "bucket-not-found"
        return False

    await eventually(gone, timeout_s=30)
