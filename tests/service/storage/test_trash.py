"""The trash: what was deleted can be found, brought back and forgotten."""

import asyncio
from typing import Any

import pytest

from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import (
    DeleteBucket,
    EmptyAndDeleteBucket,
    EmptyTrash,
    FileStored,
    GetBucketUsage,
    ListTrash,
    MovePath,
    PutContent,
    RemovePrefix,
    RestoreTrash,
    SetLock,
    TrashedFile,
    UpdateBucket,
)
from services.storage.collecting import condemn_unnamed_blobs
from services.storage.loops import sweep_trash
from tests.listening import Events
from tests.service.storage.bucket import ACTOR, Bucket, Making, digest
from tests.service.storage.refusals import refused_as

HOUR_S = 3600


@pytest.fixture
async def bucket(a_bucket_with: Making) -> Bucket:
    """A bucket with a trash and without versions."""
    return await a_bucket_with(trash_s=HOUR_S)


async def trash_of(bucket: Bucket, prefix: str = "") -> list[TrashedFile]:
    found = await bucket.ask(ListTrash(bucket=bucket.name, prefix=prefix, limit=1000))
    return found.items


async def restore(bucket: Bucket, **chosen: object) -> int:
    answer = await bucket.ask(
        RestoreTrash(bucket=bucket.name, actor=ACTOR, **chosen)  # type: ignore[arg-type]
    )
    return answer.restored


async def empty(bucket: Bucket, **chosen: str) -> int:
    answer = await bucket.ask(EmptyTrash(bucket=bucket.name, actor=ACTOR, **chosen))
    return answer.files


async def test_a_deleted_file_is_in_the_trash_as_it_was(bucket: Bucket) -> None:
    body = new_id().bytes
    await bucket.put("d/a", body, content_type="text/plain", tags={"t": "1"}, metadata={"m": "2"})

    await bucket.delete("d/a", actor="key:deleter")

    (entry,) = await trash_of(bucket, "d/")
    assert (entry.path, entry.revision, entry.sha256) == ("d/a", 1, digest(body))
    assert (entry.content_type, entry.tags, entry.metadata) == (
        "text/plain",
        {"t": "1"},
        {"m": "2"},
    )
    assert (entry.modified_by, entry.deleted_by) == (ACTOR, "key:deleter")
    assert (entry.kept_until - entry.deleted_at).total_seconds() == HOUR_S
    assert await trash_of(bucket, "e/") == []


async def test_only_what_is_deleted_goes_to_the_trash(bucket: Bucket) -> None:
    await bucket.put("a", new_id().bytes)
    await bucket.put("a", new_id().bytes)

    await bucket.change(MovePath(source="a", path="b"))

    assert await trash_of(bucket) == []


async def test_without_a_trash_what_is_deleted_is_gone(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with()
    await bucket.put("a", new_id().bytes)

    await bucket.delete("a")

    assert await trash_of(bucket) == []
    with refused_as("not-in-trash", path="a"):
        await restore(bucket, paths=["a"])


async def test_a_restored_file_is_as_it_was_and_its_revision_goes_on(
    bucket: Bucket, events: Events
) -> None:
    body = new_id().bytes
    await bucket.put("a", body, tags={"t": "1"})
    await bucket.delete("a")

    assert await restore(bucket, paths=["a"]) == 1

    file = (await bucket.get("a")).file
    assert (file.revision, file.tags) == (3, {"t": "1"})
    assert await bucket.read("a") == body
    assert await trash_of(bucket) == []
    told = await events.until(
        FileStored, lambda e: e.bucket == bucket.name and e.operation == "restore"
    )
    assert told[0].revision == 3


async def test_of_a_path_deleted_twice_the_last_state_comes_back_first(bucket: Bucket) -> None:
    bodies = [new_id().bytes for _ in range(2)]
    for body in bodies:
        await bucket.put("a", body)
        await bucket.delete("a")

    assert [entry.revision for entry in await trash_of(bucket)] == [3, 1]
    await restore(bucket, prefix="")

    assert await bucket.read("a") == bodies[1]
    assert [entry.revision for entry in await trash_of(bucket)] == [1]


async def test_a_file_that_is_there_by_now_refuses_all_unless_it_may_be_replaced(
    bucket: Bucket,
) -> None:
    bodies = {path: new_id().bytes for path in ("a", "b")}
    for path, body in bodies.items():
        await bucket.put(path, body)
        await bucket.delete(path)
    newer = new_id().bytes
    await bucket.put("b", newer)

    with refused_as("file-exists", path="b"):
        await restore(bucket, paths=["a", "b"])
    assert set(await bucket.all()) == {"b"}
    await restore(bucket, prefix="", into="back/")
    assert await bucket.read("back/b") == bodies["b"]
    assert await bucket.read("b") == newer

    await bucket.delete("back/b")
    await bucket.change(MovePath(source="b", path="back/b"))
    await restore(bucket, paths=["back/b"], overwrite=True)
    assert await bucket.read("back/b") == bodies["b"]


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ({}, "invalid-selection"),
        ({"paths": ["a"], "prefix": "a"}, "invalid-selection"),
        ({"paths": ["a/../b"]}, "invalid-path"),
        ({"paths": ["a"], "into": "../"}, "invalid-path"),
        ({"prefix": "\0"}, "invalid-path"),
        ({"paths": ["never"]}, "not-in-trash"),
        ({"prefix": "never/"}, "not-in-trash"),
    ],
    ids=["nothing", "both", "climbing", "climbing-into", "nul", "absent", "absent-prefix"],
)
async def test_what_cannot_be_meant_is_refused(
    bucket: Bucket, chosen: dict[str, object], code: str
) -> None:
    await bucket.put("a", new_id().bytes)
    await bucket.delete("a")

    with refused_as(code):
        await restore(bucket, **chosen)

    assert len(await trash_of(bucket)) == 1


async def test_the_trash_is_emptied_by_path_and_by_prefix(bucket: Bucket) -> None:
    for path in ("a", "ab", "d/1", "d/2"):
        await bucket.put(path, new_id().bytes)
        await bucket.delete(path)

    assert await empty(bucket, path="a") == 1
    assert [entry.path for entry in await trash_of(bucket)] == ["ab", "d/1", "d/2"]
    assert await empty(bucket, prefix="d/") == 2
    assert await empty(bucket, prefix="") == 1
    with refused_as("invalid-selection"):
        await empty(bucket)
    usage = await bucket.ask(GetBucketUsage(bucket=bucket.name))
    assert usage.used_bytes == 0


async def test_what_was_there_for_its_time_ends_and_stays_as_a_version_where_there_are_any(
    a_bucket_with: Making, db: Database
) -> None:
    plain = await a_bucket_with(trash_s=HOUR_S)
    versioned = await a_bucket_with(trash_s=HOUR_S, versioning="auto")
    for bucket in (plain, versioned):
        for path in ("old", "young"):
            await bucket.put(path, new_id().bytes)
            await bucket.delete(path)
        await _end(db, bucket, "old")

    await asyncio.gather(sweep_trash(db), sweep_trash(db))

    for bucket, versions in ((plain, 0), (versioned, 1)):
        assert [entry.path for entry in await trash_of(bucket)] == ["young"]
        with refused_as("not-in-trash"):
            await restore(bucket, paths=["old"])
        usage = await bucket.ask(GetBucketUsage(bucket=bucket.name))
        assert (usage.trash.number, usage.versions.number) == (1, versions)


async def test_pages_show_every_entry_once(bucket: Bucket) -> None:
    for n in (1, 2, 3, 1, 2, 1):
        await bucket.put(f"f{n}", new_id().bytes)
        await bucket.delete(f"f{n}")

    seen: list[tuple[str, int]] = []
    after: str | None = ""
    while after is not None:
        page = await bucket.ask(ListTrash(bucket=bucket.name, start_after=after, limit=2))
        seen += [(entry.path, entry.revision) for entry in page.items]
        after = page.next

    assert seen == [("f1", 5), ("f1", 3), ("f1", 1), ("f2", 3), ("f2", 1), ("f3", 1)]


async def test_everything_below_a_prefix_goes_to_the_trash_and_comes_back(bucket: Bucket) -> None:
    body = new_id().bytes
    await bucket.put("many/0000", body)
    puts = [PutContent(path=f"many/{n:04}", sha256=digest(body)) for n in range(1, 3000)]
    await bucket.change(*puts)

    await bucket.change(RemovePrefix(prefix="many/"))
    usage = await bucket.ask(GetBucketUsage(bucket=bucket.name))
    assert (usage.live.number, usage.trash.number) == (0, 3000)
    assert await restore(bucket, prefix="many/") == 3000

    usage = await bucket.ask(GetBucketUsage(bucket=bucket.name))
    assert (usage.live.number, usage.trash.number) == (3000, 0)
    assert {file.sha256 for file in (await bucket.all()).values()} == {digest(body)}


async def test_a_restore_needs_no_more_room_than_the_trash_took(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(trash_s=HOUR_S)
    await bucket.put("a", new_id().bytes * 10)
    await bucket.delete("a")
    await bucket.ask(UpdateBucket(name=bucket.name, actor=ACTOR, quota_bytes=160))

    with refused_as("quota-exceeded"):
        await bucket.put("b", new_id().bytes)
    await restore(bucket, paths=["a"])

    assert set(await bucket.all()) == {"a"}


async def test_a_bucket_is_deleted_with_its_trash(bucket: Bucket) -> None:
    await bucket.put("a", new_id().bytes)
    await bucket.delete("a")

    await bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR))

    with refused_as("bucket-not-found"):
        await trash_of(bucket)


async def test_a_closing_bucket_takes_nothing_from_its_trash(bucket: Bucket) -> None:
    await bucket.put("a", new_id().bytes)
    await bucket.delete("a")
    await bucket.put("b", new_id().bytes)
    await bucket.ask(EmptyAndDeleteBucket(name=bucket.name, actor=ACTOR))

    with pytest.raises(Exception, match="bucket-"):
        await restore(bucket, paths=["a"])


async def test_bytes_in_the_trash_are_kept_and_let_go_behind_it(
    bucket: Bucket, db: Database
) -> None:
    bodies = {path: new_id().bytes for path in ("a", "b")}
    for path, body in bodies.items():
        await bucket.put(path, body)
        await bucket.delete(path)
    await lock_version(bucket, "b", legal_hold=True)

    await condemn_unnamed_blobs(db)
    assert not await _are_condemned(db, *bodies.values())
    await restore(bucket, paths=["b"], into="back/")
    await empty(bucket, path="a")
    await bucket.delete("back/b")
    await empty(bucket, path="back/b")
    await condemn_unnamed_blobs(db)

    assert await _are_condemned(db, bodies["a"])
    assert not await _are_condemned(db, bodies["b"]), "its first state is locked"
    await lock_version(bucket, "b", as_owner=True)
    await condemn_unnamed_blobs(db)
    assert await _are_condemned(db, bodies["b"])


async def lock_version(bucket: Bucket, path: str, **wish: Any) -> None:
    await bucket.ask(SetLock(bucket=bucket.name, path=path, actor=ACTOR, revision=1, **wish))


async def _are_condemned(db: Database, *bodies: bytes) -> bool:
    """Tell whether the collector has condemned the blobs of all these bytes."""
    async with db.connection() as conn:
        found: int = await conn.fetchval(
            """
            SELECT count(*)
            FROM condemned_blob
            JOIN blob USING (blob_id)
            WHERE sha256 = ANY ($1::bytea[])
            """,
            [bytes.fromhex(digest(body)) for body in bodies],
        )
    return found == len(bodies)


async def _end(db: Database, bucket: Bucket, path: str) -> None:
    """Let the time of an entry be over."""
    async with db.connection() as conn:
        await conn.execute(
            """
            UPDATE past_state
            SET trash_until = now() - interval '1 s'
            FROM bucket
            WHERE past_state.bucket_id = bucket.bucket_id
                AND name = $1
                AND path = $2
            """,
            bucket.name,
            path,
        )
