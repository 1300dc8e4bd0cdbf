"""History over the bus: what storage announces becomes versions, commits and trees."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from libs.blobs import open_store
from libs.chassis import outbox
from libs.chassis.database import Database
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    ApplyChanges,
    BeginUpload,
    BucketCreated,
    Change,
    CommitUpload,
    CreateBucket,
    DeleteBucket,
    DeleteFile,
    FilePut,
    FileStored,
    GetFile,
    PutContent,
    RemovePath,
)
from libs.contracts.versioning import (
    CommitInfo,
    GetCommit,
    GetEntry,
    GetVersion,
    ListCommits,
    ListEntries,
    ListVersions,
    Restore,
    VersionCreated,
    VersionInfo,
)
from tests.builders import a_bucket_name
from tests.listening import Events
from tests.platform import Platform
from tests.waiting import eventually

Ask = Callable[..., Awaitable[Any]]
ANN = "key:ann"


@pytest.fixture
async def bucket(ask: Ask) -> str:
    name = a_bucket_name("history")
    await ask(CreateBucket(name=name, actor=ANN))
    return name


@pytest.fixture
def put(ask: Ask, platform: Platform) -> Callable[..., Awaitable[FilePut]]:
    """Put bytes at a path, as the gateway does."""

    async def put(bucket: str, path: str, content: bytes, actor: str = ANN) -> FilePut:
        ticket = await ask(
            BeginUpload(bucket=bucket, path=path, actor=actor, content_type="text/plain")
        )
        async with open_store(platform.store_url) as store:
            await store.put(ticket.key, content)
        digest = hashlib.sha256(content).hexdigest()
        answer: FilePut = await ask(
            CommitUpload(upload_id=ticket.upload_id, sha256=digest, size=len(content))
        )
        return answer

    return put


Put = Callable[..., Awaitable[FilePut]]


async def versions(ask: Ask, bucket: str, path: str, count: int) -> list[VersionInfo]:
    async def look() -> list[VersionInfo]:
        try:
            found: list[VersionInfo] = (await ask(ListVersions(bucket=bucket, path=path))).items
        except AnsweredWithProblem as problem:
            raise AssertionError(str(problem)) from problem
        assert len(found) == count, found
        return found

    return await eventually(look)


async def commits(ask: Ask, bucket: str) -> list[CommitInfo]:
    found: list[CommitInfo] = (await ask(ListCommits(bucket=bucket))).items
    return found


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_every_state_of_a_file_is_a_version(ask: Ask, bucket: str, put: Put) -> None:
    await put(bucket, "a/plan.txt", b"one")
    await put(bucket, "a/plan.txt", b"two", actor="key:bob")
    await ask(DeleteFile(bucket=bucket, path="a/plan.txt", actor=ANN))

    newest, second, first = await versions(ask, bucket, "a/plan.txt", 3)

    assert [v.version for v in (first, second, newest)] == [1, 2, 3]
    assert [v.operation for v in (first, second, newest)] == ["put", "put", "delete"]
    assert [v.author for v in (first, second, newest)] == [ANN, "key:bob", ANN]
    assert (first.sha256, second.sha256, newest.sha256) == (digest(b"one"), digest(b"two"), None)


async def test_an_old_version_can_be_read(ask: Ask, bucket: str, put: Put) -> None:
    await put(bucket, "plan.txt", b"one")
    await put(bucket, "plan.txt", b"two")
    _, first = await versions(ask, bucket, "plan.txt", 2)

    entry = await ask(GetVersion(bucket=bucket, path="plan.txt", version=1))
    at_commit = await ask(GetEntry(bucket=bucket, path="plan.txt", ref=first.commit_id))

    assert entry.sha256 == at_commit.sha256 == digest(b"one")
    assert entry.content_type == "text/plain"


async def test_a_commit_tells_what_it_changed(ask: Ask, bucket: str, put: Put) -> None:
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    await put(bucket, "plan.txt", b"two!")
    newest, _ = await versions(ask, bucket, "plan.txt", 2)

    detail = await ask(GetCommit(bucket=bucket, ref=newest.commit_id[:12]))

    (change,) = detail.changes
    assert (change.before, change.after, change.size) == (digest(b"one"), digest(b"two!"), 4)
    assert (detail.commit.files, detail.commit.bytes) == (1, 4)
    assert detail.commit.message == "put plan.txt"


async def test_history_hangs_together(ask: Ask, bucket: str, put: Put) -> None:
    for number in range(5):
        await put(bucket, "count.txt", str(number).encode())
    await versions(ask, bucket, "count.txt", 5)

    history = await commits(ask, bucket)
    page = await ask(ListCommits(bucket=bucket, limit=2))
    rest = await ask(ListCommits(bucket=bucket, ref=page.next))

    assert [c.parents for c in history] == [[c.commit_id] for c in history[1:]] + [[]]
    assert page.items + rest.items == history


async def test_a_bucket_is_listed_as_it_was(ask: Ask, bucket: str, put: Put) -> None:
    for path in ("a/1.txt", "a/2.txt", "b.txt"):
        await put(bucket, path, path.encode())
    await versions(ask, bucket, "b.txt", 1)
    before = (await commits(ask, bucket))[0].commit_id
    await ask(DeleteFile(bucket=bucket, path="a/1.txt", actor=ANN))
    await versions(ask, bucket, "a/1.txt", 2)

    then = await ask(ListEntries(bucket=bucket, ref=before))
    now = await ask(ListEntries(bucket=bucket, ref="main"))
    rolled = await ask(ListEntries(bucket=bucket, ref=before, delimiter="/"))

    assert [e.path for e in then.items] == ["a/1.txt", "a/2.txt", "b.txt"]
    assert [e.path for e in now.items] == ["a/2.txt", "b.txt"]
    assert ([e.path for e in rolled.items], rolled.prefixes) == (["b.txt"], ["a/"])


async def test_a_restore_is_a_new_commit_and_moves_no_bytes(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "keep.txt", b"keep")
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    before = (await commits(ask, bucket))[0].commit_id
    blob = (await ask(GetFile(bucket=bucket, path="plan.txt"))).blob
    await put(bucket, "plan.txt", b"two")
    await put(bucket, "new.txt", b"new")
    await ask(DeleteFile(bucket=bucket, path="keep.txt", actor=ANN))

    restored = await ask(Restore(bucket=bucket, to=before, actor="key:bob", message="go back"))

    head = (await commits(ask, bucket))[0]
    assert restored.changed == 3
    assert (head.commit_id, head.author, head.message) == (
        restored.commit_id,
        "key:bob",
        "go back",
    )
    assert head.operation == "restore"
    assert (await ask(GetFile(bucket=bucket, path="plan.txt"))).blob == blob
    with pytest.raises(AnsweredWithProblem, match="file-not-found"):
        await ask(GetFile(bucket=bucket, path="new.txt"))
    old, now = [await ask(ListEntries(bucket=bucket, ref=r)) for r in (before, "main")]
    assert [(e.path, e.sha256) for e in old.items] == [(e.path, e.sha256) for e in now.items]


async def test_a_restore_sees_what_was_acknowledged_a_moment_ago(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    before = (await commits(ask, bucket))[0].commit_id

    for round_ in range(5):
        await put(bucket, "plan.txt", f"draft {round_}".encode())
        await ask(Restore(bucket=bucket, to=before, actor=ANN, paths=["plan.txt"]))

        file = (await ask(GetFile(bucket=bucket, path="plan.txt"))).file
        assert file.sha256 == digest(b"one")


async def test_the_events_of_a_restore_are_recorded_once(
    ask: Ask, bucket: str, put: Put, events: Events
) -> None:
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    before = (await commits(ask, bucket))[0].commit_id
    await put(bucket, "plan.txt", b"two")

    restored = await ask(Restore(bucket=bucket, to=before, actor=ANN))

    (told,) = await events.until(
        FileStored, lambda e: e.bucket == bucket and e.operation == "restore"
    )
    assert told.commit_id == restored.commit_id
    await put(bucket, "after.txt", b"after")  # behind the restore's event in the stream
    await versions(ask, bucket, "after.txt", 1)
    assert len(await commits(ask, bucket)) == 4
    found = await versions(ask, bucket, "plan.txt", 3)
    assert found[0].commit_id == restored.commit_id


async def test_restoring_what_is_so_already_changes_nothing(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    head = (await commits(ask, bucket))[0].commit_id

    restored = await ask(Restore(bucket=bucket, to="main", actor=ANN))

    assert (restored.commit_id, restored.changed) == (head, 0)


async def test_a_prefix_is_restored_and_the_rest_left_alone(
    ask: Ask, bucket: str, put: Put
) -> None:
    await put(bucket, "a/x.txt", b"ax")
    await put(bucket, "b/x.txt", b"bx")
    await versions(ask, bucket, "b/x.txt", 1)
    before = (await commits(ask, bucket))[0].commit_id
    await put(bucket, "a/x.txt", b"ax2")
    await put(bucket, "b/x.txt", b"bx2")

    await ask(Restore(bucket=bucket, to=before, actor=ANN, prefix="a/"))

    assert (await ask(GetFile(bucket=bucket, path="a/x.txt"))).file.sha256 == digest(b"ax")
    assert (await ask(GetFile(bucket=bucket, path="b/x.txt"))).file.sha256 == digest(b"bx2")


async def test_changes_made_at_once_are_all_told_in_pages(
    ask: Ask, bucket: str, put: Put, events: Events
) -> None:
    await put(bucket, "seed.txt", b"seed")
    changes: list[Change] = [
        PutContent(path=f"copy/{n:03}.txt", sha256=digest(b"seed")) for n in range(150)
    ]

    await ask(ApplyChanges(bucket=bucket, actor=ANN, changes=changes, message="many copies"))

    await versions(ask, bucket, "copy/149.txt", 1)

    async def all_told() -> list[VersionCreated]:
        told = events.of(VersionCreated, lambda e: e.bucket == bucket)
        copies = [event for event in told if event.message == "many copies"]
        assert sum(event.changed for event in copies) == 150
        return copies

    created = await eventually(all_told)
    assert all(len(event.changes) <= 100 for event in created)


async def test_a_late_revision_is_history_and_not_the_state(
    ask: Ask, bucket: str, put: Put, db_of: Callable[[str], Awaitable[Database]]
) -> None:
    stored = (await put(bucket, "plan.txt", b"one")).file
    (first,) = await versions(ask, bucket, "plan.txt", 1)
    storage = await db_of("storage")
    bucket_id = await _bucket_id(storage, bucket)
    told: dict[str, Any] = {
        "bucket": bucket,
        "bucket_id": bucket_id,
        "path": "plan.txt",
        "size": 3,
        "content_type": "text/plain",
        "metadata": {},
        "tags": {},
        "operation": "put",
        "actor": ANN,
        "versioning": "auto",
    }
    async with storage.transaction() as tx:
        await outbox.add(tx, FileStored(**told, revision=5, sha256=digest(b"5th")))
    await versions(ask, bucket, "plan.txt", 2)
    async with storage.transaction() as tx:
        await outbox.add(tx, FileStored(**told, revision=3, sha256=digest(b"3rd")))

    newest, late, _ = await versions(ask, bucket, "plan.txt", 3)

    assert (newest.version, late.version) == (5, 3)
    entry = await ask(GetEntry(bucket=bucket, path="plan.txt", ref="main"))
    assert entry.sha256 == digest(b"5th")
    assert (first.version, stored.revision) == (1, 1)


async def test_a_bucket_that_is_not_versioned_has_no_history(ask: Ask, put: Put) -> None:
    name = a_bucket_name("history")
    await ask(CreateBucket(name=name, actor=ANN, versioning="off"))
    await put(name, "plan.txt", b"one")

    restored = await _catches_up(ask, name)

    assert restored == "main"
    with pytest.raises(AnsweredWithProblem, match="file-not-found"):
        await ask(ListVersions(bucket=name, path="plan.txt"))


async def test_a_new_bucket_of_the_same_name_starts_a_new_history(ask: Ask, put: Put) -> None:
    name = a_bucket_name("history")
    await ask(CreateBucket(name=name, actor=ANN))
    await put(name, "plan.txt", b"one")
    await versions(ask, name, "plan.txt", 1)
    changes: list[Change] = [RemovePath(path="plan.txt")]
    await ask(ApplyChanges(bucket=name, actor=ANN, changes=changes))
    await ask(DeleteBucket(name=name, actor=ANN))
    await ask(CreateBucket(name=name, actor=ANN))
    await put(name, "other.txt", b"two")

    await versions(ask, name, "other.txt", 1)

    assert len(await commits(ask, name)) == 1
    with pytest.raises(AnsweredWithProblem, match="file-not-found"):
        await ask(ListVersions(bucket=name, path="plan.txt"))


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (GetEntry(bucket="no-such-bucket", path="a", ref="main"), "bucket-not-found"),
        (Restore(bucket="no-such-bucket", to="main", actor=ANN), "bucket-not-found"),
    ],
)
async def test_an_unknown_bucket_is_named(ask: Ask, question: Any, code: str) -> None:
    with pytest.raises(AnsweredWithProblem) as caught:
        await ask(question)

    assert caught.value.named == code


@pytest.mark.parametrize("ref", ["no-such-branch", "ab", "0" * 64, "deadbeef", "main; DROP"])
async def test_an_unknown_ref_is_named(ask: Ask, bucket: str, put: Put, ref: str) -> None:
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)

    with pytest.raises(AnsweredWithProblem) as caught:
        await ask(ListEntries(bucket=bucket, ref=ref))

    assert caught.value.named == "ref-not-found"


async def test_versions_that_are_not_there_are_named(ask: Ask, bucket: str, put: Put) -> None:
    await put(bucket, "plan.txt", b"one")
    await ask(DeleteFile(bucket=bucket, path="plan.txt", actor=ANN))
    await versions(ask, bucket, "plan.txt", 2)

    for version, code in ((2, "version-deleted"), (9, "version-not-found")):
        with pytest.raises(AnsweredWithProblem) as caught:
            await ask(GetVersion(bucket=bucket, path="plan.txt", version=version))
        assert caught.value.named == code


async def test_pages_end_where_a_message_is_full(
    ask: Ask, bucket: str, db_of: Callable[[str], Awaitable[Database]]
) -> None:
    """Paths, messages and metadata may be long: 300 of them are more than one answer holds."""
    storage = await db_of("storage")
    names = [f"{number:03}/{'x' * 1000}" for number in range(300)]
    told: dict[str, Any] = {
        "bucket": bucket,
        "bucket_id": await _bucket_id(storage, bucket),
        "size": 3,
        "sha256": digest(b"one"),
        "content_type": "text/plain",
        "metadata": {"note": "n" * 3000},
        "tags": {},
        "operation": "put",
        "actor": ANN,
        "versioning": "auto",
    }
    async with storage.transaction() as tx:
        for number, name in enumerate(names, start=1):
            message = f"{number} {'m' * 4000}"
            stored = FileStored(**told, path=name, revision=1, message=message)
            again = FileStored(**told, path="one", revision=number, message=message)
            await outbox.add(tx, stored, again)
    await versions(ask, bucket, "one", 100)
    await eventually(lambda: _recorded(ask, bucket, names[-1]), timeout_s=30)

    listed = await _walk(
        ask,
        lambda after: ListEntries(bucket=bucket, ref="main", limit=1000, start_after=after or ""),
    )
    seen = await _walk(
        ask, lambda below: ListVersions(bucket=bucket, path="one", limit=1000, below=below)
    )
    history = await _walk(
        ask, lambda ref: ListCommits(bucket=bucket, ref=ref or "main", limit=1000)
    )

    assert [entry.path for entry in listed] == [*names, "one"]
    assert [version.version for version in seen] == list(range(300, 0, -1))
    assert len({commit.commit_id for commit in history}) == len(history) >= 300


async def test_a_bucket_s_birth_told_late_takes_the_name_from_nobody(
    ask: Ask, bucket: str, put: Put, db_of: Callable[[str], Awaitable[Database]]
) -> None:
    """Events of an older bucket of that name may be redriven, or come late from a replica."""
    storage = await db_of("storage")
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    older = UUID(int=(await _bucket_id(storage, bucket)).int - (1 << 90))

    async with storage.transaction() as tx:
        await outbox.add(
            tx, BucketCreated(bucket=bucket, bucket_id=older, actor=ANN, versioning="auto")
        )
    await put(bucket, "plan.txt", b"two")

    await versions(ask, bucket, "plan.txt", 2)


@pytest.mark.parametrize(
    "question",
    [
        ListCommits(bucket="any-bucket", ref="a\0b"),
        ListVersions(bucket="any-bucket", path="a\0b"),
        ListVersions(bucket="any-bucket", path="a", below=2**70),
        GetVersion(bucket="any-bucket", path="a\0b", version=1),
        GetEntry(bucket="any-bucket", path="a\0b", ref="\0"),
        ListEntries(bucket="any-bucket", ref="\0", prefix="\0"),
    ],
)
async def test_odd_texts_and_numbers_are_no_bugs(
    ask: Ask, bucket: str, put: Put, question: Any
) -> None:
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)

    with pytest.raises(AnsweredWithProblem) as caught:
        await ask(structs.replace(question, bucket=bucket))

    assert caught.value.named == "malformed-request"


async def _walk(ask: Ask, page: Callable[[Any], Any]) -> list[Any]:
    """Return the items of all pages."""
    items: list[Any] = []
    answer = await ask(page(None))
    items += answer.items
    while answer.next is not None:
        answer = await ask(page(answer.next))
        items += answer.items
    return items


async def _recorded(ask: Ask, bucket: str, path: str) -> bool:
    try:
        await ask(GetEntry(bucket=bucket, path=path, ref="main"))
    except AnsweredWithProblem:
        return False
    return True


async def _catches_up(ask: Ask, bucket: str) -> str:
    """A restore waits for the history; here nothing was recorded, so there is no main."""
    with pytest.raises(AnsweredWithProblem) as caught:
        await ask(Restore(bucket=bucket, to="main", actor=ANN))
    assert caught.value.named == "ref-not-found"
    ref: str = caught.value.details().fields["ref"]
    return ref


async def _bucket_id(storage: Database, name: str) -> UUID:
    async with storage.connection() as conn:
        found: UUID = await conn.fetchval(
            "SELECT bucket_id FROM bucket WHERE name = $1 ORDER BY created_at DESC LIMIT 1", name
        )
    return found
