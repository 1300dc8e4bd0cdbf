"""Recording: what storage announces becomes versions and commits."""

from typing import Any
from uuid import UUID

import pytest

from libs.chassis import outbox
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    ApplyChanges,
    BucketCreated,
    Change,
    CreateBucket,
    DeleteBucket,
    FileStored,
    PutContent,
    RemovePath,
)
from libs.contracts.versioning import (
    GetEntry,
    ListVersions,
    Restore,
    VersionCreated,
)
from tests.builders import a_bucket_name
from tests.listening import Events
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
    ask: Ask, bucket: str, put: Put, db_of: DbOf
) -> None:
    stored = (await put(bucket, "plan.txt", b"one")).file
    (first,) = await versions(ask, bucket, "plan.txt", 1)
    storage = await db_of("storage")
    bucket_id = await bucket_id_of(storage, bucket)
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


async def _catches_up(ask: Ask, bucket: str) -> str:
    """A restore waits for the history; here nothing was recorded, so there is no main."""
    with pytest.raises(AnsweredWithProblem) as caught:
        await ask(Restore(bucket=bucket, to="main", actor=ANN))
    assert caught.value.named == "ref-not-found"
    ref: str = caught.value.details().fields["ref"]
    return ref


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


async def test_a_bucket_s_birth_told_late_takes_the_name_from_nobody(
    ask: Ask, bucket: str, put: Put, db_of: DbOf
) -> None:
    """Events of an older bucket of that name may be redriven, or come late from a replica."""
    storage = await db_of("storage")
    await put(bucket, "plan.txt", b"one")
    await versions(ask, bucket, "plan.txt", 1)
    older = UUID(int=(await bucket_id_of(storage, bucket)).int - (1 << 90))

    async with storage.transaction() as tx:
        await outbox.add(
            tx, BucketCreated(bucket=bucket, bucket_id=older, actor=ANN, versioning="auto")
        )
    await put(bucket, "plan.txt", b"two")

    await versions(ask, bucket, "plan.txt", 2)
