import asyncio
from uuid import uuid4

import pytest

from libs.blobs import BlobStore
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    AbortUpload,
    BeginUpload,
    CommitUpload,
    Expectation,
    FileStored,
    UploadTicket,
)
from tests.listening import Events
from tests.service.storage.bucket import ACTOR, Ask, Bucket, digest
from tests.service.storage.refusals import refused_as


async def test_an_upload_appears_when_it_is_committed_and_not_before(bucket: Bucket) -> None:
    new = uuid4().bytes  # bytes that were there before would keep their old place
    ticket = await bucket.begin("a/b.txt", new, content_type="text/plain", tags={"k": "v"})
    with refused_as("file-not-found", path="a/b.txt"):
        await bucket.get("a/b.txt")

    put = await bucket.commit(ticket, new)

    assert put.created
    stored = await bucket.get("a/b.txt")
    assert stored.file == put.file
    assert (stored.file.content_type, stored.file.tags) == ("text/plain", {"k": "v"})
    assert (stored.blob.key, stored.blob.size) == (ticket.key, len(new))
    assert await bucket.read("a/b.txt") == new


async def test_what_was_committed_is_announced(bucket: Bucket, events: Events) -> None:
    put = await bucket.put("a", b"news", metadata={"author": "Ada"})

    (event,) = await events.until(FileStored, lambda event: event.bucket == bucket.name)

    assert (event.path, event.revision, event.sha256) == ("a", 1, digest(b"news"))
    assert (event.metadata, event.operation, event.actor) == ({"author": "Ada"}, "put", ACTOR)
    assert event.versioning == "off"
    assert event.occurred_at == put.file.modified_at


async def test_an_upload_says_what_made_it_and_why(bucket: Bucket, events: Events) -> None:
    await bucket.put("a", b"back", operation="restore", message="from the snapshot")

    (event,) = await events.until(FileStored, lambda event: event.bucket == bucket.name)

    assert (event.operation, event.message) == ("restore", "from the snapshot")


async def test_revisions_go_on_over_deletes(bucket: Bucket) -> None:
    assert (await bucket.put("a", b"1")).file.revision == 1
    assert (await bucket.put("a", b"1")).file.revision == 2
    await bucket.delete("a")
    again = await bucket.put("a", b"2")
    assert (again.file.revision, again.created) == (4, True)


async def test_a_commit_asked_twice_is_one_change_and_one_answer(
    bucket: Bucket, events: Events
) -> None:
    ticket = await bucket.begin("a", b"once")

    answers = await asyncio.gather(*(bucket.commit(ticket, b"once") for _ in range(5)))
    await bucket.put("a", b"later")
    answers.append(await bucket.commit(ticket, b"once"))

    assert all(answer == answers[0] for answer in answers)
    assert answers[0].file.revision == 1
    stored = await events.until(FileStored, lambda e: e.bucket == bucket.name, count=2)
    assert [event.revision for event in stored] == [1, 2]


async def test_a_commit_cannot_be_repeated_with_other_bytes(bucket: Bucket) -> None:
    ticket = await bucket.begin("a", b"first")
    await bucket.commit(ticket, b"first")
    with refused_as("upload-committed"):
        await bucket.commit(ticket, b"other")


async def test_an_upload_nobody_began_is_not_found(ask: Ask) -> None:
    upload_id = new_id()
    with refused_as("upload-not-found", upload_id=str(upload_id)):
        await ask(CommitUpload(upload_id=upload_id, sha256=digest(b""), size=0))


async def test_an_expired_upload_is_refused(bucket: Bucket, db: Database) -> None:
    ticket = await bucket.begin("a", b"late")
    await _expire(db, ticket)
    with refused_as("upload-expired"):
        await bucket.commit(ticket, b"late")


async def test_an_aborted_upload_is_forgotten_and_its_object_doomed(
    bucket: Bucket, db: Database
) -> None:
    ticket = await bucket.begin("a", b"never")

    for _ in range(2):
        await bucket.ask(AbortUpload(upload_id=ticket.upload_id))

    with refused_as("upload-not-found"):
        await bucket.commit(ticket, b"never")
    assert await _goes(bucket, db, ticket.key)


async def test_a_committed_upload_cannot_be_aborted(bucket: Bucket) -> None:
    ticket = await bucket.begin("a", b"kept")
    await bucket.commit(ticket, b"kept")
    with refused_as("upload-committed"):
        await bucket.ask(AbortUpload(upload_id=ticket.upload_id))
    assert await bucket.read("a") == b"kept"


async def test_the_same_bytes_are_stored_once(bucket: Bucket, db: Database) -> None:
    body = new_id().bytes
    first = await bucket.begin("a", body)
    await bucket.commit(first, body)
    second = await bucket.begin("b", body)
    await bucket.commit(second, body)

    assert (await bucket.get("b")).blob == (await bucket.get("a")).blob
    assert await _goes(bucket, db, second.key)
    assert not await _goes(bucket, db, first.key)


async def test_twenty_commits_of_the_same_new_bytes_make_one_blob(
    bucket: Bucket, db: Database
) -> None:
    body = new_id().bytes
    tickets = await asyncio.gather(*(bucket.begin(f"f{n}", body) for n in range(20)))

    await asyncio.gather(*(bucket.commit(ticket, body) for ticket in tickets))

    places = {(await bucket.get(f"f{n}")).blob.key for n in range(20)}
    assert len(places) == 1
    doomed = [ticket.key for ticket in tickets if await _goes(bucket, db, ticket.key)]
    assert sorted([*doomed, *places]) == sorted(ticket.key for ticket in tickets)


async def test_fifty_commits_on_one_path_get_fifty_revisions(
    bucket: Bucket, events: Events
) -> None:
    bodies = [new_id().bytes for _ in range(50)]
    tickets = await asyncio.gather(*(bucket.begin("a", body) for body in bodies))

    answers = await asyncio.gather(
        *(bucket.commit(ticket, body) for ticket, body in zip(tickets, bodies, strict=True))
    )

    assert sorted(answer.file.revision for answer in answers) == list(range(1, 51))
    assert sum(answer.created for answer in answers) == 1
    in_order = sorted(answers, key=lambda answer: answer.file.revision)
    dates = [answer.file.modified_at for answer in in_order]
    assert dates == sorted(dates)
    assert (await bucket.get("a")).file == in_order[-1].file
    stored = await events.until(FileStored, lambda e: e.bucket == bucket.name, count=50)
    assert [event.revision for event in stored] == list(range(1, 51))


async def test_preconditions_are_checked_before_the_first_byte(bucket: Bucket) -> None:
    await bucket.put("a", b"here")
    for expect in (Expectation(absent=True), Expectation(any_of=[digest(b"other")])):
        with refused_as("precondition-failed", path="a"):
            await bucket.begin("a", b"new", expect=expect)
    with refused_as("precondition-failed"):
        await bucket.begin("b", b"new", expect=Expectation(any_of=[]))


async def test_preconditions_decide_at_the_commit(bucket: Bucket) -> None:
    await bucket.put("a", b"1")
    expect = Expectation(any_of=[digest(b"1")])
    slow = await bucket.begin("a", b"slow", expect=expect)
    await bucket.put("a", b"fast", expect=expect)

    with refused_as("precondition-failed"):
        await bucket.commit(slow, b"slow")

    assert await bucket.read("a") == b"fast"


@pytest.mark.parametrize("round_", range(10))
async def test_one_of_many_that_expect_no_file_makes_it(bucket: Bucket, round_: int) -> None:
    bodies = [new_id().bytes for _ in range(10)]
    absent = Expectation(absent=True)
    tickets = [await bucket.begin("a", body, expect=absent) for body in bodies]

    answers = await asyncio.gather(
        *(bucket.commit(ticket, body) for ticket, body in zip(tickets, bodies, strict=True)),
        return_exceptions=True,
    )

    refused = [answer for answer in answers if isinstance(answer, AnsweredWithProblem)]
    assert [problem.named for problem in refused] == ["precondition-failed"] * 9
    assert (await bucket.get("a")).file.revision == 1


async def test_a_deleted_file_counts_as_no_file(bucket: Bucket) -> None:
    await bucket.put("a", b"1")
    await bucket.delete("a")
    with refused_as("precondition-failed"):
        await bucket.put("a", b"2", expect=Expectation(any_of=[digest(b"1")]))
    put = await bucket.put("a", b"2", expect=Expectation(absent=True))
    assert put.file.revision == 3


async def test_bad_names_are_refused_with_their_field(bucket: Bucket) -> None:
    def wish(**changes: object) -> BeginUpload:
        fields = {"bucket": bucket.name, "path": "a", "actor": ACTOR} | changes
        return BeginUpload(**fields)  # type: ignore[arg-type]

    for changes, code, field in (
        ({"path": "a/../b"}, "invalid-path", "path"),
        ({"path": "a\x00"}, "invalid-path", "path"),
        ({"content_type": "text/html\r\nX: y"}, "invalid-content-type", "content_type"),
        ({"metadata": {"a b": "c"}}, "invalid-labels", "metadata"),
        ({"tags": {"a": "\x00"}}, "invalid-labels", "tags"),
    ):
        with refused_as(code, field=field):
            await bucket.ask(wish(**changes))


async def test_an_upload_into_no_bucket_is_refused(bucket: Bucket, store: BlobStore) -> None:
    nowhere = Bucket(bucket.ask, store, "no-such-bucket")
    with refused_as("bucket-not-found"):
        await nowhere.begin("a", b"x")
    with refused_as("bucket-not-found"):
        await nowhere.begin("a", b"x", expect=Expectation(absent=True))


async def _expire(db: Database, ticket: UploadTicket) -> None:
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE upload SET expires_at = now() - interval '1 s' WHERE upload_id = $1",
            ticket.upload_id,
        )


async def _goes(bucket: Bucket, db: Database, key: str) -> bool:
    """Tell whether the object is doomed, or was swept already."""
    async with db.connection() as conn:
        doomed: bool = await conn.fetchval(
            "SELECT EXISTS (SELECT FROM doomed_object WHERE key = $1)", key
        )
    return doomed or key not in {found.key async for found in bucket.store.list("blobs")}
