import asyncio

from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    BucketCreated,
    BucketDeleted,
    BucketMarked,
    BucketUpdated,
    CreateBucket,
    DeleteBucket,
    FileStored,
    GetBucket,
    ListBuckets,
    MarkBucket,
    UpdateBucket,
)
from tests.builders import a_bucket_name
from tests.listening import Events
from tests.service.storage.bucket import ACTOR, Ask, Bucket
from tests.service.storage.refusals import refused_as


async def test_a_bucket_is_made_announced_and_found(ask: Ask, events: Events) -> None:
    name = a_bucket_name()

    made = await ask(CreateBucket(name=name, actor=ACTOR, versioning="off"))

    assert (made.name, made.versioning, made.created_by) == (name, "off", ACTOR)
    assert await ask(GetBucket(name=name)) == made
    (created,) = await events.until(BucketCreated, lambda event: event.bucket == name)
    assert created.bucket_id == made.bucket_id


async def test_a_name_is_taken_once_however_many_ask_at_once(ask: Ask) -> None:
    name = a_bucket_name()

    answers = await asyncio.gather(
        *(ask(CreateBucket(name=name, actor=ACTOR)) for _ in range(8)), return_exceptions=True
    )

    refused = [answer for answer in answers if isinstance(answer, AnsweredWithProblem)]
    assert [problem.named for problem in refused] == ["bucket-exists"] * 7


async def test_a_bucket_that_is_not_there_is_not_found(ask: Ask) -> None:
    name = a_bucket_name()
    with refused_as("bucket-not-found", bucket=name):
        await ask(GetBucket(name=name))
    with refused_as("bucket-not-found"):
        await ask(DeleteBucket(name=name, actor=ACTOR))
    with refused_as("bucket-not-found"):
        await ask(UpdateBucket(name=name, actor=ACTOR, versioning="off"))
    with refused_as("bucket-not-found"):
        await ask(MarkBucket(name=name))


async def test_a_name_that_would_split_a_subject_is_refused(ask: Ask) -> None:
    for name in ("a.b.c", "a*c", "a>c", "a b", "abc\n", "-abc", "abc-", "ab", "a" * 64, "Abc"):
        with refused_as("malformed-request"):
            await ask(CreateBucket(name=name, actor=ACTOR))


async def test_buckets_are_listed_by_name_page_by_page(ask: Ask) -> None:
    prefix = a_bucket_name("page")
    names = [f"{prefix}-{n}" for n in range(5)]
    for name in reversed(names):
        await ask(CreateBucket(name=name, actor=ACTOR))

    first = await ask(ListBuckets(start_after=prefix, limit=3))
    second = await ask(ListBuckets(start_after=first.next or "", limit=2))

    assert [bucket.name for bucket in (*first.items, *second.items)] == names
    assert first.next == names[2]


async def test_a_setting_is_changed_and_announced_once(ask: Ask, events: Events) -> None:
    name = a_bucket_name()
    await ask(CreateBucket(name=name, actor=ACTOR))

    for _ in range(2):
        changed = await ask(UpdateBucket(name=name, actor=ACTOR, versioning="off"))
        assert changed.versioning == "off"

    await ask(MarkBucket(name=name))
    await events.until(BucketMarked, lambda event: event.bucket == name)
    assert len(events.of(BucketUpdated, lambda event: event.bucket == name)) == 1


async def test_only_an_empty_bucket_is_deleted(bucket: Bucket, events: Events) -> None:
    await bucket.put("a")
    with refused_as("bucket-not-empty"):
        await bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR))

    await bucket.delete("a")
    await bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR))

    with refused_as("bucket-not-found"):
        await bucket.ask(GetBucket(name=bucket.name))
    await events.until(BucketDeleted, lambda event: event.bucket == bucket.name)


async def test_a_bucket_made_again_is_another_and_begins_anew(bucket: Bucket) -> None:
    first = await bucket.ask(GetBucket(name=bucket.name))
    await bucket.put("a")
    await bucket.put("a")
    await bucket.delete("a")
    await bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR))

    second = await bucket.ask(CreateBucket(name=bucket.name, actor=ACTOR, versioning="off"))

    assert second.bucket_id != first.bucket_id
    assert (await bucket.put("a")).file.revision == 1


async def test_an_upload_begun_before_its_bucket_went_is_refused(bucket: Bucket) -> None:
    ticket = await bucket.begin("a", b"late")
    await bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR))
    await bucket.ask(CreateBucket(name=bucket.name, actor=ACTOR, versioning="off"))

    with refused_as("bucket-not-found"):
        await bucket.commit(ticket, b"late")

    assert await bucket.all() == {}


async def test_a_file_and_the_end_of_its_bucket_exclude_each_other(bucket: Bucket) -> None:
    tickets = [await bucket.begin(f"f{n}", b"race") for n in range(8)]

    deletion = asyncio.ensure_future(
        bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR)),
    )
    answers = await asyncio.gather(
        *(bucket.commit(ticket, b"race") for ticket in tickets), return_exceptions=True
    )
    await asyncio.wait([deletion])

    committed = [answer for answer in answers if not isinstance(answer, BaseException)]
    if deletion.exception():
        assert len(committed) == 8
        assert len(await bucket.all()) == 8
    else:
        assert committed == []


async def test_a_mark_is_announced_behind_all_that_was_answered_before(
    bucket: Bucket, events: Events
) -> None:
    await asyncio.gather(*(bucket.put(f"f{n}", b"marked") for n in range(20)))

    mark = await bucket.ask(MarkBucket(name=bucket.name))

    await events.until(BucketMarked, lambda event: event.mark_id == mark.mark_id)
    assert len(events.of(FileStored, lambda event: event.bucket == bucket.name)) == 20
