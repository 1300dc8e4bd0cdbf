"""Lifecycle rules: what is old enough goes, as the preview said, and nothing else."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import (
    CreateBucket,
    Expiry,
    FileDeleted,
    GetBucket,
    LifecycleRule,
    ListTrash,
    PreviewLifecycle,
    SetLock,
    UpdateBucket,
)
from services.storage.lifecycle import apply_lifecycle
from services.storage.repository.lifecycle import find_expiries
from tests.builders import a_bucket_name
from tests.listening import Events
from tests.service.storage.bucket import ACTOR, Ask, Bucket, Making
from tests.service.storage.refusals import refused_as


def a_rule(name: str, days: int, **meant: Any) -> LifecycleRule:
    return LifecycleRule(id=name, expire_after_days=days, **meant)


async def age(db: Database, bucket: Bucket, days: float, prefix: str = "") -> None:
    """Let files have been put some days ago."""
    async with db.connection() as conn:
        await conn.execute(
            """
            UPDATE file
            SET modified_at = modified_at - make_interval(secs => 86400 * $2::float8)
            FROM bucket
            WHERE file.bucket_id = bucket.bucket_id
                AND name = $1
                AND starts_with(path, $3)
            """,
            bucket.name,
            days,
            prefix,
        )


async def preview(bucket: Bucket, *, limit: int = 100) -> list[Expiry]:
    items: list[Expiry] = []
    after: str | None = ""
    while after is not None:
        page = await bucket.ask(
            PreviewLifecycle(bucket=bucket.name, start_after=after, limit=limit)
        )
        items += page.items
        after = page.next
    return items


async def test_what_is_old_enough_goes_by_age_prefix_and_tag_as_the_preview_said(
    a_bucket_with: Making, db: Database, events: Events
) -> None:
    rules = [
        a_rule("tmp", 7, prefix="tmp/"),
        a_rule("drafts", 30, tags={"state": "draft"}),
        a_rule("tmp-drafts", 3, prefix="tmp/", tags={"state": "draft"}),
    ]
    bucket = await a_bucket_with(lifecycle=rules, versioning="auto")
    await bucket.put("tmp/a", new_id().bytes)
    await bucket.put("tmp/b", new_id().bytes, tags={"state": "draft", "more": "yes"})
    await bucket.put("doc/c", new_id().bytes, tags={"state": "draft"})
    await bucket.put("doc/d", new_id().bytes, tags={"state": "done"})
    await age(db, bucket, 5)

    foreseen = {one.path: (one.rule, one.expires_at) for one in await preview(bucket, limit=1)}
    files = await bucket.all()
    assert foreseen == {
        "doc/c": ("drafts", files["doc/c"].modified_at + timedelta(days=30)),
        "tmp/a": ("tmp", files["tmp/a"].modified_at + timedelta(days=7)),
        "tmp/b": ("tmp-drafts", files["tmp/b"].modified_at + timedelta(days=3)),
    }
    await asyncio.gather(apply_lifecycle(db), apply_lifecycle(db))
    assert set(await bucket.all()) == {"tmp/a", "doc/c", "doc/d"}
    (gone,) = await events.until(FileDeleted, lambda e: e.bucket == bucket.name)
    assert (gone.path, gone.actor, gone.message) == (
        "tmp/b",
        "service:storage",
        "lifecycle rule tmp-drafts",
    )

    await age(db, bucket, 30)
    await apply_lifecycle(db)
    assert set(await bucket.all()) == {"doc/d"}


async def test_a_change_begins_the_time_of_a_file_anew(a_bucket_with: Making, db: Database) -> None:
    bucket = await a_bucket_with(lifecycle=[a_rule("all", 1)])
    await bucket.put("a", new_id().bytes)
    await age(db, bucket, 2)

    await bucket.put("a", new_id().bytes)
    await apply_lifecycle(db)

    assert set(await bucket.all()) == {"a"}


async def test_what_is_locked_is_never_deleted_by_a_rule(
    a_bucket_with: Making, db: Database
) -> None:
    bucket = await a_bucket_with(lifecycle=[a_rule("all", 1)])
    for path in ("held", "free"):
        await bucket.put(path, new_id().bytes)
    await age(db, bucket, 2)
    await bucket.ask(SetLock(bucket=bucket.name, path="held", actor=ACTOR, legal_hold=True))

    assert [(one.path, one.legal_hold) for one in await preview(bucket)] == [
        ("free", False),
        ("held", True),
    ]
    await apply_lifecycle(db)

    assert set(await bucket.all()) == {"held"}


async def test_what_a_rule_deletes_is_in_the_trash_where_there_is_one(
    a_bucket_with: Making, db: Database
) -> None:
    bucket = await a_bucket_with(lifecycle=[a_rule("all", 1)], trash_s=3600)
    await bucket.put("a", new_id().bytes)
    await age(db, bucket, 2)

    await apply_lifecycle(db)

    (entry,) = (await bucket.ask(ListTrash(bucket=bucket.name))).items
    assert (entry.path, entry.deleted_by) == ("a", "service:storage")


async def test_without_rules_nothing_is_foreseen_and_nothing_goes(
    a_bucket_with: Making, db: Database
) -> None:
    bucket = await a_bucket_with(lifecycle=[a_rule("all", 1)])
    await bucket.put("a", new_id().bytes)
    await age(db, bucket, 9)

    await bucket.ask(UpdateBucket(name=bucket.name, actor=ACTOR, lifecycle=[]))
    await apply_lifecycle(db)

    assert await preview(bucket) == []
    assert set(await bucket.all()) == {"a"}


async def test_a_bucket_is_looked_through_in_slices(a_bucket_with: Making, db: Database) -> None:
    rules = [a_rule("odd", 1, tags={"odd": "yes"})]
    bucket = await a_bucket_with(lifecycle=rules)
    for n in range(12):
        await bucket.put(f"{n:02}", new_id().bytes, tags={"odd": "yes"} if n % 2 else {})
    info = await bucket.ask(GetBucket(name=bucket.name))

    seen: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        async with db.connection() as conn:
            found, after = await find_expiries(
                conn, info.bucket_id, rules, start_after=after, looked_at=5, most=2
            )
        seen.append([one.expiry.path for one in found])

    assert seen == [["01", "03"], ["05", "07"], ["09", "11"], []]


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ([a_rule("a", 1), a_rule("a", 2)], "lifecycle[1].id"),
        ([a_rule("a", 1, prefix="\0")], "lifecycle[0].prefix"),
        ([a_rule("a", 1, tags={"": "x"})], "lifecycle[0].tags"),
    ],
    ids=["twice", "nul", "no-key"],
)
async def test_a_rule_that_cannot_mean_anything_is_refused_by_its_field(
    ask: Ask, a_bucket_with: Making, rules: list[LifecycleRule], field: str
) -> None:
    bucket = await a_bucket_with()

    with refused_as("invalid-lifecycle", field=field):
        await bucket.ask(UpdateBucket(name=bucket.name, actor=ACTOR, lifecycle=rules))
    name = a_bucket_name("never")
    with refused_as("invalid-lifecycle", field=field):
        await ask(CreateBucket(name=name, actor=ACTOR, lifecycle=rules))

    with refused_as("bucket-not-found"):
        await ask(GetBucket(name=name))
