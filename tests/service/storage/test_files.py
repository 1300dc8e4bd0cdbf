import asyncio

from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    Expectation,
    FileDeleted,
    FileStored,
    UpdateFile,
)
from tests.listening import Events
from tests.service.storage.bucket import ACTOR, Bucket, digest
from tests.service.storage.refusals import refused_as


async def test_a_file_or_bucket_that_is_not_there_is_not_found(bucket: Bucket) -> None:
    with refused_as("file-not-found", path="nope"):
        await bucket.get("nope")
    with refused_as("bucket-not-found"):
        await Bucket(bucket.ask, bucket.store, "no-such-bucket").get("nope")


async def test_a_path_no_file_can_have_is_refused_everywhere(bucket: Bucket) -> None:
    for path in ("../x", "a\\b", "a\nb", "/a"):
        with refused_as("invalid-path", field="path"):
            await bucket.get(path)
        with refused_as("invalid-path", field="path"):
            await bucket.delete(path)
        with refused_as("invalid-path", field="path"):
            await bucket.ask(UpdateFile(bucket=bucket.name, path=path, actor=ACTOR))


async def test_paths_that_only_look_alike_are_different_files(bucket: Bucket) -> None:
    await bucket.put("\u00e9", b"composed")
    await bucket.put("e\u0301", b"decomposed")
    assert await bucket.read("\u00e9") == b"composed"
    assert await bucket.read("e\u0301") == b"decomposed"
    assert len(await bucket.all()) == 2


async def test_a_deleted_file_is_gone_and_announced(bucket: Bucket, events: Events) -> None:
    await bucket.put("a", b"x")

    await bucket.delete("a")

    with refused_as("file-not-found"):
        await bucket.get("a")
    with refused_as("file-not-found"):
        await bucket.delete("a")
    assert await bucket.all() == {}
    (event,) = await events.until(FileDeleted, lambda event: event.bucket == bucket.name)
    assert (event.path, event.revision, event.operation) == ("a", 2, "delete")


async def test_a_delete_keeps_to_its_preconditions(bucket: Bucket) -> None:
    await bucket.put("a", b"x")
    with refused_as("precondition-failed"):
        await bucket.delete("a", expect=Expectation(any_of=[digest(b"y")]))
    await bucket.delete("a", expect=Expectation(any_of=[digest(b"x")]))
    with refused_as("precondition-failed"):
        await bucket.delete("a", expect=Expectation(any_of=[]))


async def test_one_of_many_deletes_removes_the_file(bucket: Bucket, events: Events) -> None:
    await bucket.put("a", b"x")

    answers = await asyncio.gather(*(bucket.delete("a") for _ in range(8)), return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, AnsweredWithProblem)]
    assert [problem.named for problem in refused] == ["file-not-found"] * 7
    await bucket.put("a", b"x")
    await events.until(FileStored, lambda e: e.bucket == bucket.name and e.revision == 3)


async def test_an_update_changes_what_is_given_and_leaves_the_bytes(
    bucket: Bucket, events: Events
) -> None:
    await bucket.put("a", b"x", content_type="text/plain", metadata={"m": "1"}, tags={"t": "1"})

    updated = await bucket.ask(
        UpdateFile(bucket=bucket.name, path="a", actor="key:other", tags={"t": "2"})
    )

    assert (updated.revision, updated.modified_by) == (2, "key:other")
    assert (updated.content_type, updated.metadata, updated.tags) == (
        "text/plain",
        {"m": "1"},
        {"t": "2"},
    )
    assert (await bucket.get("a")).file == updated
    stored = await events.until(FileStored, lambda e: e.bucket == bucket.name, count=2)
    assert (stored[1].operation, stored[1].tags) == ("update", {"t": "2"})


async def test_an_update_that_changes_nothing_makes_no_revision(bucket: Bucket) -> None:
    put = await bucket.put("a", b"x", tags={"t": "1"})
    same = UpdateFile(bucket=bucket.name, path="a", actor="key:other", tags={"t": "1"})
    assert await bucket.ask(same) == put.file


async def test_an_update_refuses_what_an_upload_would(bucket: Bucket) -> None:
    await bucket.put("a")
    with refused_as("invalid-labels", field="tags"):
        await bucket.ask(UpdateFile(bucket=bucket.name, path="a", actor=ACTOR, tags={"t": "\r\n"}))
    with refused_as("file-not-found"):
        await bucket.ask(UpdateFile(bucket=bucket.name, path="b", actor=ACTOR, tags={}))
    with refused_as("precondition-failed"):
        await bucket.ask(
            UpdateFile(bucket=bucket.name, path="a", actor=ACTOR, expect=Expectation(absent=True))
        )
