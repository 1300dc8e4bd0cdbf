import asyncio
from collections.abc import Awaitable, Callable

from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    BlobPlace,
    ChangesApplied,
    CopyPath,
    FileDeleted,
    FilesChanged,
    FileStored,
    FindBlobs,
    GetBucket,
    MovePath,
    PutContent,
    RemovePath,
    state_digest,
)
from tests.listening import Events
from tests.service.storage.bucket import Bucket, digest
from tests.service.storage.refusals import refused_as


async def test_all_changes_are_made_in_one_moment_and_no_byte_moves(
    bucket: Bucket, events: Events
) -> None:
    await bucket.put("keep", b"k", tags={"t": "1"})
    await bucket.put("old", b"o")
    await bucket.put("gone", b"g")
    places = {path: (await bucket.get(path)).blob for path in ("keep", "old")}

    applied = await bucket.change(
        CopyPath(source="keep", path="copy"),
        MovePath(source="old", path="new"),
        RemovePath(path="gone"),
        PutContent(path="put", sha256=digest(b"g"), content_type="text/plain"),
        message="tidy up",
        commit_id="c" * 64,
    )

    assert [(change.path, change.revision, change.sha256) for change in applied.changed] == [
        ("copy", 1, digest(b"k")),
        ("gone", 2, None),
        ("new", 1, digest(b"o")),
        ("old", 2, None),
        ("put", 1, digest(b"g")),
    ]
    assert set(await bucket.all()) == {"keep", "copy", "new", "put"}
    assert (await bucket.get("copy")).blob == places["keep"]
    assert (await bucket.get("copy")).file.tags == {"t": "1"}
    assert (await bucket.get("new")).blob == places["old"]
    stored = await events.until(
        FileStored, lambda e: e.bucket == bucket.name and e.commit_id == "c" * 64, count=3
    )
    gone = await events.until(FileDeleted, lambda e: e.bucket == bucket.name, count=2)
    assert [(e.path, e.operation) for e in stored] == [
        ("copy", "copy"),
        ("new", "move"),
        ("put", "put"),
    ]
    assert [(e.path, e.operation) for e in gone] == [("gone", "delete"), ("old", "move")]
    told: list[FileStored | FileDeleted] = [*stored, *gone]
    assert {event.message for event in told} == {"tidy up"}
    assert {event.occurred_at for event in told} == {applied.applied_at}


async def test_one_refused_change_leaves_all_as_it_was(bucket: Bucket, db: Database) -> None:
    await bucket.put("a", b"a")
    before = await bucket.all()

    with refused_as("file-not-found", path="missing"):
        await bucket.change(RemovePath(path="a"), CopyPath(source="missing", path="b"))
    with refused_as("content-not-found", path="z"):
        await bucket.change(RemovePath(path="a"), PutContent(path="z", sha256="f" * 64))
    with refused_as("precondition-failed", path="x"):
        await bucket.change(RemovePath(path="a"), expect={"x": digest(b"a")})
    with refused_as("path-changed-twice", path="a"):
        await bucket.change(RemovePath(path="a"), CopyPath(source="b", path="a"))

    assert await bucket.all() == before
    assert await _rows(bucket, db) == {"a": 1}


async def test_bytes_of_another_bucket_cannot_be_named_by_their_digest(
    bucket: Bucket, a_bucket: Callable[[], Awaitable[Bucket]]
) -> None:
    secret = new_id().bytes
    other = await a_bucket()
    await other.put("secret", secret)

    with refused_as("content-not-found"):
        await bucket.change(PutContent(path="stolen", sha256=digest(secret)))
    assert (await _find(bucket, secret)) == []
    assert len(await _find(other, secret)) == 1

    await bucket.put("mine", secret)
    assert await _find(bucket, secret) == await _find(other, secret)


async def test_bytes_can_be_put_again_after_their_file_was_deleted(bucket: Bucket) -> None:
    await bucket.put("a", b"history")
    await bucket.put("a", b"newer")
    await bucket.delete("a")

    await bucket.change(PutContent(path="a", sha256=digest(b"history")), operation="restore")

    assert await bucket.read("a") == b"history"


async def test_what_changes_nothing_makes_no_revision_and_no_event(
    bucket: Bucket, events: Events, db: Database
) -> None:
    await bucket.put("a", b"a")

    applied = await bucket.change(
        PutContent(path="a", sha256=digest(b"a")), RemovePath(path="never"), lenient=True
    )

    assert applied.changed == []
    assert await _rows(bucket, db) == {"a": 1}
    await bucket.put("a", b"a")
    stored = await events.until(FileStored, lambda e: e.bucket == bucket.name, count=2)
    assert [event.revision for event in stored] == [1, 2]


async def test_a_restore_of_thousands_of_files_is_one_change(
    bucket: Bucket, events: Events
) -> None:
    await bucket.put("seed", b"many")
    paths = [f"many/{n:04}" for n in range(3000)]
    puts = [PutContent(path=path, sha256=digest(b"many")) for path in paths]

    made = await bucket.change(*puts, operation="restore")
    removed = await bucket.change(*(RemovePath(path=path) for path in paths))
    again = await bucket.change(*puts, expect=dict.fromkeys(paths))

    assert [change.path for change in made.changed] == paths
    assert {change.revision for change in made.changed} == {1}
    assert {change.revision for change in removed.changed} == {2}
    assert {change.revision for change in again.changed} == {3}
    restored = await events.until(
        FilesChanged, lambda e: e.bucket == bucket.name and e.operation == "restore", count=3
    )
    told = [file for event in restored for file in event.changed]
    assert [file.path for file in told] == paths
    assert {file.sha256 for file in told} == {digest(b"many")}


async def test_opposite_orders_of_the_same_paths_do_not_block_each_other(bucket: Bucket) -> None:
    await bucket.put("seed", b"s")
    names = [f"n{n:02}" for n in range(40)]

    async def shuffle(turn: int) -> ChangesApplied:
        puts = [
            PutContent(path=name, sha256=digest(b"s"), tags={"turn": str(turn)}) for name in names
        ]
        return await bucket.change(*(puts if turn % 2 else reversed(puts)))

    answers = await asyncio.gather(
        *(shuffle(turn) for turn in range(12)), *(bucket.put(name, b"p") for name in names)
    )

    assert len(answers) == 12 + len(names)
    assert {file.revision for path, file in (await bucket.all()).items() if path != "seed"} == {13}


async def test_who_expects_a_state_is_refused_when_only_its_tags_changed(bucket: Bucket) -> None:
    await bucket.put("a", b"a", tags={"t": "1"})
    file = (await bucket.get("a")).file
    expected = state_digest(file.sha256, file.content_type, file.metadata, {"t": "1"})
    change = PutContent(path="a", sha256=file.sha256, content_type="text/plain")

    await bucket.put("a", b"a", tags={"t": "2"})
    with refused_as("precondition-failed", path="a"):
        await bucket.change(change, expect_states={"a": expected})
    await bucket.put("a", b"a", tags={"t": "1"})
    applied = await bucket.change(change, expect_states={"a": expected})

    assert [change.revision for change in applied.changed] == [4]


async def test_only_one_of_many_that_expect_no_file_applies(bucket: Bucket) -> None:
    await bucket.put("seed", b"s")
    wish = PutContent(path="lock", sha256=digest(b"s"))

    answers = await asyncio.gather(
        *(bucket.change(wish, expect={"lock": None}) for _ in range(10)), return_exceptions=True
    )

    refused = [answer for answer in answers if isinstance(answer, AnsweredWithProblem)]
    assert [problem.named for problem in refused] == ["precondition-failed"] * 9


async def test_an_unchanged_path_that_is_expected_absent_stays_so(bucket: Bucket) -> None:
    """A change that expects "no file" and an upload that makes it cannot both have their way."""
    for turn in range(10):
        await bucket.put("a", b"a")
        ticket = await bucket.begin(f"guard{turn}", b"g")
        applied, committed = await asyncio.gather(
            bucket.change(RemovePath(path="a"), expect={f"guard{turn}": None}),
            bucket.commit(ticket, b"g"),
            return_exceptions=True,
        )
        assert not isinstance(committed, BaseException)
        if isinstance(applied, AnsweredWithProblem):
            assert applied.named == "precondition-failed"
        assert committed.file.revision == 1


async def _find(bucket: Bucket, body: bytes) -> list[BlobPlace]:
    found = await bucket.ask(
        FindBlobs(bucket=bucket.name, digests=[digest(body), digest(b"never stored")])
    )
    return found.items


async def _rows(bucket: Bucket, db: Database) -> dict[str, int]:
    """Return every path that the table knows in this bucket, with its revision."""
    info = await bucket.ask(GetBucket(name=bucket.name))
    async with db.connection() as conn:
        rows = await conn.fetch(
            "SELECT path, revision FROM file WHERE bucket_id = $1", info.bucket_id
        )
    return {row["path"]: row["revision"] for row in rows}
