"""Retention locks and legal holds: what is locked stays, whoever asks."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    CopyPath,
    DeleteBucket,
    EmptyAndDeleteBucket,
    EmptyTrash,
    FileLock,
    GetBucket,
    GetLock,
    ListLocks,
    MovePath,
    MovePrefix,
    PutContent,
    RemovePath,
    RemovePrefix,
    Retention,
    SetLock,
    UpdateFile,
)
from services.storage.loops import sweep_locks, sweep_trash
from tests.service.storage.bucket import ACTOR, Bucket, Making, digest
from tests.service.storage.refusals import refused_as
from tests.service.storage.test_usage import put_together
from tests.waiting import eventually


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


async def lock(bucket: Bucket, path: str, **wish: Any) -> FileLock:
    return await bucket.ask(SetLock(bucket=bucket.name, path=path, actor=ACTOR, **wish))


async def retain(bucket: Bucket, path: str, mode: str = "compliance", **wish: Any) -> FileLock:
    return await lock(bucket, path, mode=mode, **({"retain_until": in_days(1)} | wish))


CHANGES: dict[str, Callable[[Bucket], Awaitable[object]]] = {
    "delete": lambda bucket: bucket.delete("d/a"),
    "put": lambda bucket: bucket.put("d/a", new_id().bytes),
    "begin": lambda bucket: bucket.begin("d/a", b""),
    "update": lambda bucket: bucket.ask(
        UpdateFile(bucket=bucket.name, path="d/a", actor=ACTOR, tags={"t": "1"})
    ),
    "remove": lambda bucket: bucket.change(RemovePath(path="d/b"), RemovePath(path="d/a")),
    "move-away": lambda bucket: bucket.change(MovePath(source="d/a", path="elsewhere")),
    "move-over": lambda bucket: bucket.change(MovePath(source="d/b", path="d/a")),
    "copy-over": lambda bucket: bucket.change(CopyPath(source="d/b", path="d/a")),
    "put-content": lambda bucket: bucket.change(
        PutContent(path="d/a", sha256=digest(b"unlocked" + bucket.name.encode()))
    ),
    "remove-prefix": lambda bucket: bucket.change(RemovePrefix(prefix="d/")),
    "move-prefix": lambda bucket: bucket.change(MovePrefix(source_prefix="d/", prefix="e/")),
    "move-prefix-over": lambda bucket: bucket.change(
        MovePrefix(source_prefix="from/", prefix="d/", overwrite=True)
    ),
    "delete-bucket": lambda bucket: bucket.ask(EmptyAndDeleteBucket(name=bucket.name, actor=ACTOR)),
}


@pytest.fixture(params=["auto", "off"])
async def bucket(request: pytest.FixtureRequest, a_bucket_with: Making) -> Bucket:
    """A bucket with a file to lock and some to try it with."""
    bucket = await a_bucket_with(versioning=request.param)
    await bucket.put("d/a", b"locked" + bucket.name.encode())
    await bucket.put("d/b", b"unlocked" + bucket.name.encode())
    await bucket.put("from/a", new_id().bytes)
    return bucket


@pytest.mark.parametrize("how", ["governance", "compliance", "legal-hold"])
@pytest.mark.parametrize("change", sorted(CHANGES))
async def test_a_locked_file_stays_as_it_is(bucket: Bucket, how: str, change: str) -> None:
    if how == "legal-hold":
        await lock(bucket, "d/a", legal_hold=True)
    else:
        await retain(bucket, "d/a", how)
    before = await bucket.all()

    with refused_as("file-locked", path="d/a", legal_hold=how == "legal-hold"):
        await CHANGES[change](bucket)

    assert await bucket.all() == before
    assert await bucket.read("d/a") == b"locked" + bucket.name.encode()


async def test_others_are_changed_beside_a_locked_file(bucket: Bucket) -> None:
    await retain(bucket, "d/a")

    await bucket.put("d/b", new_id().bytes)
    await bucket.change(CopyPath(source="d/a", path="copy"), RemovePath(path="d/b"))
    answer = await put_together(bucket, {"d/a": new_id().bytes, "new": new_id().bytes})

    assert [outcome.problem and outcome.problem.code for outcome in answer.outcomes] == [
        "file-locked",
        None,
    ]
    await bucket.delete("copy")


async def test_a_file_may_change_when_its_lock_has_ended(bucket: Bucket, db: Database) -> None:
    await retain(bucket, "d/a")
    await _end(db, bucket)

    await bucket.put("d/a", new_id().bytes)
    await bucket.delete("d/a")
    await sweep_locks(db)

    listed = await bucket.ask(ListLocks(bucket=bucket.name))
    assert listed.items == []
    assert await _rows(db, bucket) == 0


async def test_a_lock_is_lengthened_by_anybody_and_compliance_never_lessened(
    bucket: Bucket,
) -> None:
    until = in_days(10)
    await retain(bucket, "d/a", retain_until=until)
    owner: dict[str, Any] = {"as_owner": True, "bypass_governance": True}

    with refused_as("lock-kept"):
        await retain(bucket, "d/a", retain_until=in_days(9), **owner)
    with refused_as("lock-kept"):
        await retain(bucket, "d/a", "governance", retain_until=in_days(20), **owner)
    with refused_as("lock-kept"):
        await lock(bucket, "d/a", **owner)
    with refused_as("lock-kept"):
        await lock(bucket, "d/a", legal_hold=True, **owner)
    assert (await _get(bucket)).retain_until == until
    later = in_days(11)
    assert (await retain(bucket, "d/a", retain_until=later)).retain_until == later


async def test_a_governance_lock_is_lifted_by_an_owner_who_says_so(bucket: Bucket) -> None:
    await retain(bucket, "d/a", "governance")

    for words in ({}, {"as_owner": True}, {"bypass_governance": True}):
        with refused_as("lock-kept"):
            await lock(bucket, "d/a", **words)
    await retain(bucket, "d/a", "compliance", retain_until=in_days(2))
    with refused_as("lock-kept"):
        await lock(bucket, "d/a", as_owner=True, bypass_governance=True)

    await retain(bucket, "d/b", "governance")
    unlocked = await lock(bucket, "d/b", as_owner=True, bypass_governance=True)
    assert (unlocked.mode, unlocked.legal_hold) == (None, False)
    await bucket.delete("d/b")


async def test_a_legal_hold_is_lifted_by_an_owner(bucket: Bucket) -> None:
    await lock(bucket, "d/a", legal_hold=True)

    with refused_as("lock-kept"):
        await lock(bucket, "d/a")
    await lock(bucket, "d/a", as_owner=True)

    await bucket.delete("d/a")


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"mode": "governance"}, "retain_until"),
        ({"retain_until": in_days(1)}, "mode"),
        ({"mode": "governance", "retain_until": in_days(-1)}, "retain_until"),
        ({"mode": "governance", "retain_until": in_days(40_000)}, "retain_until"),
    ],
    ids=["no-time", "no-mode", "past", "too-far"],
)
async def test_what_is_no_lock_is_refused_by_its_field(
    bucket: Bucket, wish: dict[str, Any], field: str
) -> None:
    with refused_as("invalid-lock", field=field):
        await lock(bucket, "d/a", **wish)


async def test_what_is_not_there_cannot_be_locked(bucket: Bucket) -> None:
    with refused_as("file-not-found"):
        await lock(bucket, "never", legal_hold=True)
    with refused_as("version-not-found", version=9):
        await lock(bucket, "d/a", revision=9, legal_hold=True)
    with refused_as("invalid-path"):
        await lock(bucket, "../a", legal_hold=True)


async def test_a_locked_version_keeps_its_bytes_and_the_path_may_change(
    a_bucket_with: Making, db: Database
) -> None:
    bucket = await a_bucket_with(versioning="auto", trash_s=3600)
    body = new_id().bytes
    await bucket.put("a", body)
    await bucket.put("a", new_id().bytes)

    await retain(bucket, "a", revision=1)
    await bucket.put("a", new_id().bytes)
    await bucket.delete("a")

    assert (await _get(bucket, "a", revision=1)).mode == "compliance"
    async with db.connection() as conn:
        named = await conn.fetchval(
            "SELECT count(*) FROM file_lock JOIN blob USING (blob_id) WHERE sha256 = $1",
            bytes.fromhex(digest(body)),
        )
    assert named == 1, "a blob that has a reference is never collected"
    with refused_as("file-locked", path="a"):
        await bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR))


async def test_a_version_that_only_history_knows_can_be_locked(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(versioning="auto")
    await bucket.put("a", new_id().bytes)
    await bucket.change(MovePath(source="a", path="b"))

    async def locked() -> FileLock | None:
        with suppress(AnsweredWithProblem):  # history follows a little later
            return await lock(bucket, "a", revision=1, legal_hold=True)
        return None

    assert (await eventually(locked)).revision == 1
    with refused_as("version-not-found"):
        await lock(bucket, "a", revision=7, legal_hold=True)


async def test_what_is_locked_in_the_trash_is_not_emptied_from_it(
    a_bucket_with: Making, db: Database
) -> None:
    bucket = await a_bucket_with(trash_s=3600)
    await bucket.put("d/a", new_id().bytes)
    await bucket.delete("d/a")
    await lock(bucket, "d/a", revision=1, legal_hold=True)

    for chosen in ({"path": "d/a"}, {"prefix": "d/"}):
        with refused_as("file-locked", path="d/a"):
            await bucket.ask(EmptyTrash(bucket=bucket.name, actor=ACTOR, **chosen))
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE past_state SET trash_until = now() - interval '1 s' WHERE bucket_id = $1",
            (await bucket.ask(GetBucket(name=bucket.name))).bucket_id,
        )
    await sweep_trash(db)

    await lock(bucket, "d/a", revision=1, as_owner=True)
    emptied = await bucket.ask(EmptyTrash(bucket=bucket.name, actor=ACTOR, path="d/a"))
    assert emptied.files == 1


async def test_new_content_is_locked_as_it_comes_where_the_bucket_says_so(
    a_bucket_with: Making,
) -> None:
    bucket = await a_bucket_with(retention=Retention(mode="compliance", days=7))
    await bucket.put("a", new_id().bytes)
    await put_together(bucket, {"b": new_id().bytes})
    await bucket.change(CopyPath(source="a", path="c"))

    for path in ("a", "b", "c"):
        with refused_as("file-locked", path=path, mode="compliance"):
            await bucket.delete(path)
    listed = (await bucket.ask(ListLocks(bucket=bucket.name))).items
    assert [(one.path, one.revision, one.mode) for one in listed] == [
        (path, 1, "compliance") for path in ("a", "b", "c")
    ]
    assert listed[0].retain_until is not None
    assert listed[0].retain_until - in_days(7) < timedelta(seconds=30)


async def test_of_two_first_writers_one_finds_the_file_locked(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(retention=Retention(mode="governance", days=1))

    answers = await asyncio.gather(
        *(bucket.put("a", new_id().bytes) for _ in range(8)), return_exceptions=True
    )

    refused = [answer for answer in answers if isinstance(answer, AnsweredWithProblem)]
    assert len(refused) == 7
    assert {problem.named for problem in refused} <= {"file-locked", "service-unavailable"}
    assert (await bucket.get("a")).file.revision == 1


async def test_a_lock_and_a_change_at_once_do_not_both_happen(bucket: Bucket) -> None:
    for turn in range(10):
        path = f"t{turn}"
        await bucket.put(path, new_id().bytes)
        locked, changed = await asyncio.gather(
            lock(bucket, path, legal_hold=True), bucket.delete(path), return_exceptions=True
        )
        if isinstance(locked, AnsweredWithProblem):
            assert locked.named == "file-not-found"
            assert changed is None
        else:
            assert isinstance(changed, AnsweredWithProblem)
            assert changed.named in ("file-locked", "service-unavailable")
            assert path in await bucket.all()


async def test_locks_are_listed_in_pages(bucket: Bucket) -> None:
    for path in ("d/a", "d/b", "from/a"):
        await lock(bucket, path, legal_hold=True)

    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = await bucket.ask(
            ListLocks(bucket=bucket.name, prefix="d/", start_after=after, limit=1)
        )
        seen += [one.path for one in page.items]
        after = page.next

    assert seen == ["d/a", "d/b"]
    with refused_as("invalid-selection"):
        await bucket.ask(ListLocks(bucket=bucket.name, start_after="nonsense"))


async def _get(bucket: Bucket, path: str = "d/a", revision: int | None = None) -> FileLock:
    return await bucket.ask(GetLock(bucket=bucket.name, path=path, revision=revision))


async def _end(db: Database, bucket: Bucket) -> None:
    """Let the bucket's locks have ended."""
    info = await bucket.ask(GetBucket(name=bucket.name))
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE file_lock SET retain_until = now() - interval '1 s' WHERE bucket_id = $1",
            info.bucket_id,
        )


async def _rows(db: Database, bucket: Bucket) -> int:
    info = await bucket.ask(GetBucket(name=bucket.name))
    async with db.connection() as conn:
        found: int = await conn.fetchval(
            "SELECT count(*) FROM file_lock WHERE bucket_id = $1", info.bucket_id
        )
    return found
