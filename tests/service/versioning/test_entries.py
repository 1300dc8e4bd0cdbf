"""Buckets as they were."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from libs.chassis import outbox
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    DeleteFile,
    FileStored,
)
from libs.contracts.versioning import (
    GetBlame,
    GetDiff,
    GetEntry,
    GetVersion,
    ListCommits,
    ListEntries,
    ListVersions,
    Restore,
)
from tests.service.versioning.steps import (
    ANN,
    Ask,
    DbOf,
    Put,
    bucket_id_of,
    commits,
    digest,
    versions,
)
from tests.waiting import eventually


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


async def test_pages_end_where_a_message_is_full(ask: Ask, bucket: str, db_of: DbOf) -> None:
    """Paths, messages and metadata may be long: 300 of them are more than one answer holds."""
    storage = await db_of("storage")
    names = [f"{number:03}/{'x' * 1000}" for number in range(300)]
    told: dict[str, Any] = {
        "bucket": bucket,
        "bucket_id": await bucket_id_of(storage, bucket),
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
    blamed = await _walk(
        ask, lambda after: GetBlame(bucket=bucket, limit=1000, start_after=after or "")
    )

    assert [entry.path for entry in listed] == [*names, "one"]
    assert [touch.path for touch in blamed] == [*names, "one"]
    assert {touch.commit_id for touch in blamed} <= {commit.commit_id for commit in history}
    assert [version.version for version in seen] == list(range(300, 0, -1))
    assert len({commit.commit_id for commit in history}) == len(history) >= 300


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


@pytest.mark.parametrize(
    "question",
    [
        ListCommits(bucket="any-bucket", ref="a\0b"),
        ListVersions(bucket="any-bucket", path="a\0b"),
        ListVersions(bucket="any-bucket", path="a", below=2**70),
        GetVersion(bucket="any-bucket", path="a\0b", version=1),
        GetEntry(bucket="any-bucket", path="a\0b", ref="\0"),
        ListEntries(bucket="any-bucket", ref="\0", prefix="\0"),
        ListCommits(bucket="any-bucket", path="a\0b"),
        ListCommits(bucket="any-bucket", author="a\0b"),
        ListCommits(bucket="any-bucket", message="a\0b"),
        GetDiff(bucket="any-bucket", source="main", target="\0"),
        GetBlame(bucket="any-bucket", ref="\0"),
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
