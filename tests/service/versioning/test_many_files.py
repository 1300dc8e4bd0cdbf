"""Many files that change together are told in few events, and recorded like any others."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    ApplyChanges,
    Change,
    CreateBucket,
    MovePrefix,
    PutContent,
    RemovePrefix,
)
from libs.contracts.versioning import (
    CommitInfo,
    GetCommit,
    ListCommits,
    ListEntries,
    ListVersions,
    Restore,
)
from tests.builders import a_bucket_name
from tests.waiting import eventually

Ask = Callable[..., Awaitable[Any]]
FILES = 2_500


@pytest.fixture
async def bucket(ask: Ask) -> str:
    name = a_bucket_name("many")
    await ask(CreateBucket(name=name, actor="key:test"))
    return name


async def test_a_moved_folder_is_moved_in_history_too(
    ask: Ask, bucket: str, http: httpx.AsyncClient
) -> None:
    sha256 = await _seeded(http, bucket)
    names = [f"{number:04}" for number in range(FILES)]

    await _change(ask, bucket, *(PutContent(path=f"a/{n}", sha256=sha256) for n in names))
    before = (await _recorded(ask, bucket, {*names, "seed"}, "a/")).commit_id
    await _change(ask, bucket, MovePrefix(source_prefix="a/", prefix="b/"), message="tidy up")

    moved = await _recorded(ask, bucket, {*names, "seed"}, "b/")
    told = await ask(GetCommit(bucket=bucket, ref=moved.commit_id))
    there = await ask(ListVersions(bucket=bucket, path="b/0007"))
    gone = await ask(ListVersions(bucket=bucket, path="a/0007"))
    assert (moved.message, moved.operation) == ("tidy up", "move")
    assert {change.path[:2] for change in told.changes} <= {"a/", "b/"}
    assert [(v.version, v.operation, v.sha256) for v in there.items] == [(1, "move", sha256)]
    assert [(v.version, v.sha256) for v in gone.items] == [(2, None), (1, sha256)]

    await ask(Restore(bucket=bucket, to=before, actor="key:test"))
    await _recorded(ask, bucket, {*names, "seed"}, "a/")


async def test_a_deleted_folder_can_be_restored_from_history(
    ask: Ask, bucket: str, http: httpx.AsyncClient
) -> None:
    sha256 = await _seeded(http, bucket)
    names = [f"{number:04}" for number in range(150)]
    await _change(ask, bucket, *(PutContent(path=f"a/{n}", sha256=sha256) for n in names))
    before = (await _recorded(ask, bucket, {*names, "seed"}, "a/")).commit_id

    await _change(ask, bucket, RemovePrefix(prefix="a/"))
    await _recorded(ask, bucket, {"seed"}, "a/")
    restored = await ask(Restore(bucket=bucket, to=before, actor="key:test", prefix="a/"))

    assert restored.changed == 150
    await _recorded(ask, bucket, {*names, "seed"}, "a/")


async def _seeded(http: httpx.AsyncClient, bucket: str) -> str:
    """Put a file of its own into the bucket and return its digest."""
    content = bucket.encode()
    stored = await http.put(f"/api/v1/buckets/{bucket}/files/seed", content=content)
    assert stored.status_code == 201, stored.text
    return hashlib.sha256(content).hexdigest()


async def _change(ask: Ask, bucket: str, *changes: Change, message: str = "") -> None:
    await ask(ApplyChanges(bucket=bucket, actor="key:test", changes=list(changes), message=message))


async def _recorded(ask: Ask, bucket: str, names: set[str], prefix: str) -> CommitInfo:
    """Return the newest commit, once it holds just the files ``names``, below ``prefix`` or not."""

    async def recorded() -> CommitInfo | None:
        try:
            newest: CommitInfo = (await ask(ListCommits(bucket=bucket, limit=1))).items[0]
        except (AnsweredWithProblem, IndexError):  # history has not heard of the bucket yet
            return None
        found: set[str] = set()
        after = ""
        while True:
            page = await ask(
                ListEntries(bucket=bucket, ref=newest.commit_id, start_after=after, limit=1000)
            )
            found |= {entry.path.removeprefix(prefix) for entry in page.items}
            if page.next is None:
                return newest if found == names else None
            after = page.next

    return await eventually(recorded, timeout_s=30.0)
