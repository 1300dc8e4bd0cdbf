"""What is staged on a branch: all or none of a write, kept over commits, and its bytes with it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import FindBlobs, HoldContents, PutContent
from libs.contracts.versioning import (
    CreateBranch,
    CreateCommit,
    DeleteBranch,
    DiscardStaged,
    GetBranch,
    ListStaged,
    Staged,
    StagedWrite,
    StageUpdate,
    StageWrites,
    VersionsExpired,
)
from services.storage.collecting import collect_condemned_blobs, condemn_unnamed_blobs
from services.storage.settings import Settings
from tests.listening import Events
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, digest
from tests.service.storage.refusals import refused_as
from tests.service.versioning.branching import Branching
from tests.service.versioning.steps import DbOf
from tests.waiting import eventually

Collect = Callable[[], Awaitable[None]]


@pytest.fixture
async def draft(scene: Branching) -> Branching:
    """A bucket with one file, and a branch ``draft`` of it that stages what is written."""
    await scene.put(a="one")
    await scene.ask(CreateBranch(bucket=scene.name, name="draft", actor=ACTOR))
    return scene


@pytest.fixture
async def storage(db_of: DbOf) -> Database:
    """The schema of storage."""
    return await db_of("storage")


@pytest.fixture
def collect(storage: Database, admin_bus: Bus, platform: Platform) -> Collect:
    """Delete what nothing names any more, as a second replica without patience."""
    impatient = Settings(
        database_url=platform.database_urls["storage"],
        nats_url=platform.nats_url,
        store_url=platform.stack.env("storage")["STRONGROOM_STORAGE_STORE_URL"],
        blob_grace_s=0.001,
        object_grace_s=0.001,
    )

    async def collect() -> None:
        await condemn_unnamed_blobs(storage)
        await collect_condemned_blobs(storage, admin_bus, impatient)

    return collect


async def stage(scene: Branching, *writes: StagedWrite, **wish: Any) -> Staged:
    wish = {"branch": "draft", "actor": ACTOR} | wish
    return await scene.ask(StageWrites(bucket=scene.name, writes=list(writes), **wish))


async def held(scene: Branching, *words: str) -> datetime:
    """Have storage hold words; return until when."""
    await scene.hold(*words)
    digests = [scene.sha256(word) for word in words]
    return (await scene.ask(HoldContents(bucket=scene.name, digests=digests))).held_until


def a_write(scene: Branching, path: str, word: str, **described: Any) -> StagedWrite:
    body = scene.body(word)
    return StagedWrite(path=path, sha256=digest(body), size=len(body), **described)


async def write(scene: Branching, **words: str) -> Staged:
    """Stage words at paths."""
    until = await held(scene, *words.values())
    writes = [a_write(scene, path, word) for path, word in words.items()]
    return await stage(scene, *writes, held_until=until)


async def staged(scene: Branching) -> list[str]:
    found = await scene.ask(ListStaged(bucket=scene.name, branch="draft", limit=1000))
    return [item.path for item in found.items]


async def commit(scene: Branching, **wish: Any) -> int:
    wish = {"branch": "draft", "actor": ACTOR} | wish
    return (await scene.ask(CreateCommit(bucket=scene.name, **wish))).changed


async def is_there(scene: Branching, word: str) -> bool:
    digests = [scene.sha256(word)]
    return bool((await scene.ask(FindBlobs(bucket=scene.name, digests=digests))).items)


async def end_holds(storage: Database, scene: Branching) -> None:
    async with storage.connection() as conn:
        await conn.execute(
            """
            DELETE FROM held_content
            USING bucket
            WHERE bucket.bucket_id = held_content.bucket_id
                AND bucket.name = $1
            """,
            scene.name,
        )


async def test_bytes_that_nothing_holds_cannot_be_named(draft: Branching) -> None:
    await draft.bucket.put("elsewhere", draft.body("held"), hold=True)
    soon = datetime.now(UTC) + timedelta(minutes=5)

    for until in (None, soon):
        with refused_as("content-not-held"):
            await stage(draft, a_write(draft, "b", "held"), held_until=until)

    assert await staged(draft) == []
    await stage(draft, a_write(draft, "b", "held"), held_until=await held(draft, "held"))
    assert await draft.words("draft") == {"a": "one", "b": "held"}


async def test_bytes_of_the_buckets_history_need_no_hold(draft: Branching) -> None:
    await write(draft, b="staged")

    await stage(draft, a_write(draft, "c", "one"), a_write(draft, "d", "staged"))

    assert await draft.words("draft") == {"a": "one", "b": "staged", "c": "one", "d": "staged"}


async def test_of_several_writes_all_are_staged_or_none(draft: Branching) -> None:
    until = await held(draft, "two")
    good = a_write(draft, "b", "two")
    one, other = draft.sha256("one"), digest(new_id().bytes)

    with refused_as("precondition-failed"):
        await stage(draft, good, held_until=until, expect={"a": [other]})
    with refused_as("precondition-failed"):
        await stage(draft, good, held_until=until, expect={"b": []})
    with refused_as("precondition-failed"):
        await stage(draft, good, held_until=until, expect={"a": None})
    with refused_as("file-not-found"):
        await stage(draft, good, StagedWrite(path="no"), held_until=until, lenient=False)
    with refused_as("path-changed-twice"):
        await stage(draft, good, StagedWrite(path="b"), held_until=until)
    assert await staged(draft) == []

    answer = await stage(draft, good, held_until=until, expect={"a": [other, one], "b": None})

    assert (answer.changed, answer.staged, answer.created) == (1, 1, True)
    assert await staged(draft) == ["b"]


@pytest.mark.parametrize(
    ("described", "refusal"),
    [
        ({"path": "../b"}, "invalid-path"),
        ({"path": "b\n"}, "invalid-path"),
        ({"path": "b\\c"}, "invalid-path"),
        ({"content_type": "text"}, "invalid-content-type"),
        ({"metadata": {"a b": "c"}}, "invalid-labels"),
        ({"tags": {"k": "\n"}}, "invalid-labels"),
    ],
    ids=["climbing", "line-end", "backslash", "type", "metadata", "tags"],
)
async def test_a_branch_takes_nothing_that_could_be_no_file_of_main(
    draft: Branching, described: dict[str, Any], refusal: str
) -> None:
    wish = {"path": "b"} | described

    with refused_as(refusal):
        await stage(draft, a_write(draft, word="one", **wish))

    assert await staged(draft) == []


async def test_nothing_is_staged_on_main(draft: Branching) -> None:
    remove = StagedWrite(path="a")

    with refused_as("main-moves-by-commits"):
        await stage(draft, remove, branch="main")
    with refused_as("main-moves-by-commits"):
        await draft.ask(DiscardStaged(bucket=draft.name, branch="main", actor=ACTOR))
    with refused_as("main-moves-by-commits"):
        await draft.ask(StageUpdate(bucket=draft.name, branch="main", actor=ACTOR, path="a"))
    nothing = await draft.ask(ListStaged(bucket=draft.name, branch="main"))

    assert nothing.items == []


async def test_a_commit_of_what_is_staged_takes_all_of_it(draft: Branching) -> None:
    await write(draft, b="two", c="three")
    await stage(draft, StagedWrite(path="a"))

    changed = await commit(draft)

    assert changed == 3
    assert await staged(draft) == []
    assert await draft.words("draft") == {"b": "two", "c": "three"}
    assert await draft.words("draft~1") == {"a": "one"}
    assert (await draft.ask(GetBranch(bucket=draft.name, name="draft"))).staged == 0


async def test_a_commit_of_named_changes_leaves_the_rest_staged(draft: Branching) -> None:
    await write(draft, b="two", c="three", d="four")
    put = [
        PutContent(path="b", sha256=draft.sha256("other")),
        PutContent(path="c", sha256=draft.sha256("three")),
        PutContent(path="e", sha256=draft.sha256("one")),
    ]
    await draft.hold("other", "three")

    await commit(draft, changes=put)

    assert await staged(draft) == ["d"]
    shown = {"a": "one", "b": "other", "c": "three", "d": "four", "e": "one"}
    assert await draft.words("draft") == shown
    del shown["d"]
    assert await draft.words("draft~0") == shown


async def test_writers_and_committers_of_one_branch_lose_nothing(draft: Branching) -> None:
    words = {f"f{number:02}": f"word {number}" for number in range(24)}
    until = await held(draft, *words.values())

    async def write_one(path: str) -> None:
        await stage(draft, a_write(draft, path, words[path]), held_until=until)

    async def commit_some() -> None:
        for _ in range(4):
            await commit(draft)

    await asyncio.gather(commit_some(), commit_some(), *(write_one(path) for path in words))

    assert await draft.words("draft") == {"a": "one", **words}
    await commit(draft)
    assert await draft.words("draft~0") == {"a": "one", **words}
    history = await draft.commits("draft")
    assert [commit.parents for commit in history] == [
        *([after.commit_id] for after in history[1:]),
        [],
    ]


async def test_branches_with_the_same_writes_staged_are_committed_at_once(
    draft: Branching,
) -> None:
    both = ("draft", "other")
    await draft.ask(CreateBranch(bucket=draft.name, name="other", actor=ACTOR))
    for times in range(4):
        words = {f"{times} {number}": f"word {times} {number}" for number in range(20)}
        until = await held(draft, *words.values())
        for number, (path, word) in enumerate(words.items()):
            # Neither branch is the first to have staged all of it.
            for branch in both if number % 2 else reversed(both):
                await stage(draft, a_write(draft, path, word), held_until=until, branch=branch)

        changed = await asyncio.gather(*(commit(draft, branch=branch) for branch in both))

        assert changed == [20, 20]


async def test_bytes_stay_while_they_are_staged_and_go_when_that_is_discarded(
    draft: Branching, storage: Database, collect: Collect, events: Events
) -> None:
    await write(draft, b="kept", c="gone", d="replaced")
    await write(draft, d="again")
    await end_holds(storage, draft)

    await collect()
    while_staged = [await is_there(draft, word) for word in ("kept", "gone", "again")]
    await draft.ask(DiscardStaged(bucket=draft.name, branch="draft", actor=ACTOR, paths=["c", "d"]))
    told = await events.until(VersionsExpired, lambda e: e.bucket == draft.name, count=2)

    assert while_staged == [True, True, True]
    assert [event.digests for event in told] == [
        [draft.sha256("replaced")],
        sorted([draft.sha256("gone"), draft.sha256("again")]),
    ]

    async def gone() -> bool:
        await collect()
        return not any([await is_there(draft, word) for word in ("gone", "replaced", "again")])

    await eventually(gone)
    assert await is_there(draft, "kept")
    await commit(draft)
    await collect()
    assert await is_there(draft, "kept")


async def test_bytes_of_a_deleted_branch_go_unless_they_are_needed_elsewhere(
    draft: Branching, events: Events
) -> None:
    await write(draft, b="gone", c="shared")
    await draft.ask(CreateBranch(bucket=draft.name, name="other", actor=ACTOR))
    await stage(draft, a_write(draft, "x", "shared"), branch="other")

    await draft.ask(DeleteBranch(bucket=draft.name, name="draft", actor=ACTOR, discard=True))

    (told,) = await events.until(VersionsExpired, lambda e: e.bucket == draft.name)
    assert told.digests == [draft.sha256("gone")]
