"""Listings against a model of ten lines."""

import random
from collections.abc import Sequence
from itertools import product
from typing import Any

from libs.chassis.database import Database
from libs.contracts.storage import (
    CopyPath,
    CopyPrefix,
    GetBucket,
    MovePrefix,
    RemovePrefix,
    UpdateFile,
)
from tests.service.storage.bucket import ACTOR, Bucket
from tests.service.storage.planting import plant
from tests.service.storage.refusals import refused_as

SEGMENTS = ("a", "ab", "b", "B", "é", "😀", "a-b", "50%", "x_y", "z.txt")


def modelled(paths: Sequence[str], prefix: str, delimiter: str) -> list[str]:
    """Return what a listing has to show: paths, and what several have in common, in order."""
    shown = set()
    for path in paths:
        if path.startswith(prefix):
            at = path.find(delimiter, len(prefix)) if delimiter else -1
            shown.add(path if at < 0 else path[: at + len(delimiter)])
    return sorted(shown, key=str.encode)


async def listed(bucket: Bucket, limit: int, **wish: Any) -> list[str]:
    """Go through all pages and return what they showed."""
    shown: list[str] = []
    start_after = ""
    while True:
        page = await bucket.list(limit=limit, start_after=start_after, **wish)
        entries = sorted([*(file.path for file in page.items), *page.prefixes], key=str.encode)
        assert len(entries) <= limit
        shown += entries
        if page.next is None:
            return shown
        assert page.next == entries[-1]
        start_after = page.next


async def test_every_listing_shows_what_the_model_shows(bucket: Bucket, db: Database) -> None:
    chosen = random.Random(7)
    deep = ["/".join(path) for path in product(SEGMENTS, repeat=3)]
    paths = sorted({*SEGMENTS[:5], *(f"{a}/{b}" for a, b in product(SEGMENTS, repeat=2)), *deep})
    paths = chosen.sample(paths, 300)
    gone = chosen.sample(paths, 60)
    await plant(bucket, db, paths)
    for path in gone:
        await bucket.delete(path)
    present = [path for path in paths if path not in gone]

    for prefix, delimiter, limit in product(
        ("", "a", "a/", "a/b", "a/b/", "é/", "😀", "50%", "x_", "nothing", "\U0010ffff"),
        ("", "/", "b", "/a", "-"),
        (7, 1000),
    ):
        shown = await listed(bucket, limit, prefix=prefix, delimiter=delimiter)
        assert shown == modelled(present, prefix, delimiter), (prefix, delimiter, limit)


async def test_a_listing_can_begin_anywhere(bucket: Bucket) -> None:
    for path in ("a/1", "a/2", "b", "c/1"):
        await bucket.put(path)

    inside = await bucket.list(start_after="a/1", delimiter="/")
    behind = await bucket.list(start_after="a/", delimiter="/")
    before = await bucket.list(start_after="a", prefix="c/")

    assert (inside.prefixes, [file.path for file in inside.items]) == (["a/", "c/"], ["b"])
    assert (behind.prefixes, [file.path for file in behind.items]) == (["c/"], ["b"])
    assert [file.path for file in before.items] == ["c/1"]


async def test_a_big_group_is_jumped_over_and_not_read(bucket: Bucket, db: Database) -> None:
    paths = [f"{group}/{n:05}" for group in "abc" for n in range(20_000)]
    await plant(bucket, db, [*paths, "d"])

    page = await bucket.list(delimiter="/")

    assert (page.prefixes, [file.path for file in page.items]) == (["a/", "b/", "c/"], ["d"])
    info = await bucket.ask(GetBucket(name=bucket.name))
    async with db.connection() as conn:
        first = await conn.fetchval(
            """
            EXPLAIN (ANALYZE, FORMAT JSON)
            SELECT path
            FROM file
            WHERE bucket_id = $1
                AND deleted_at IS NULL
                AND path > 'a/\U0010ffff'
                AND path >= ''
                AND path < '\U0010ffff'
            ORDER BY path
            LIMIT 1
            """,
            info.bucket_id,
        )
    assert first[0]["Plan"]["Plans"][0]["Index Name"] == "file_by_path"


async def test_a_bucket_that_is_not_there_cannot_be_listed(bucket: Bucket) -> None:
    with refused_as("bucket-not-found"):
        await Bucket(bucket.ask, bucket.store, "no-such-bucket").list()


async def test_a_search_that_is_no_text_is_refused_and_an_odd_one_finds_nothing(
    bucket: Bucket,
) -> None:
    await bucket.put("a")
    for field in ("prefix", "delimiter", "start_after"):
        with refused_as("invalid-path", field=field):
            await bucket.list(**{field: "\x00"})
    assert (await bucket.list(prefix="' OR 1=1 --")).items == []
    assert (await bucket.list(prefix="%")).items == []
    assert (await bucket.list(prefix="_")).items == []


async def test_only_files_with_all_the_tags_are_listed(bucket: Bucket, db: Database) -> None:
    paths = [f"{folder}/{number:03}" for folder in "ab" for number in range(60)]
    await plant(bucket, db, paths, tags={"kind": "photo"})
    await bucket.put("a/mine", b"1", tags={"kind": "photo", "by": "ann=bob"})
    await bucket.put("c/mine", b"2", tags={"by": "ann=bob"})
    await bucket.put("c/other", b"3", tags={"kind": "letter"})

    both = {"kind": "photo", "by": "ann=bob"}
    photos = await listed(bucket, 7, tags={"kind": "photo"})
    folders = await listed(bucket, 7, tags={"kind": "photo"}, delimiter="/")
    within = await listed(bucket, 1000, tags={"kind": "photo"}, prefix="b/")
    mine = await listed(bucket, 1000, tags=both)

    assert photos == sorted([*paths, "a/mine"])
    assert folders == ["a/", "b/"]
    assert within == [path for path in paths if path.startswith("b/")]
    assert mine == ["a/mine"]
    assert await listed(bucket, 1000, tags={"kind": "phot"}) == []
    assert await listed(bucket, 1000, tags={"kindp": "hoto"}) == []


async def test_a_list_by_tag_follows_whatever_happens_to_files(bucket: Bucket) -> None:
    red, blue = {"colour": "red"}, {"colour": "blue"}
    for path in ("a/1", "a/2", "a/3"):
        await bucket.put(path, b"x", tags=red)

    await bucket.put("a/1", b"y", tags=blue)
    await bucket.ask(UpdateFile(bucket=bucket.name, path="a/2", actor=ACTOR, tags=red | {"n": "2"}))
    await bucket.delete("a/3")
    await bucket.change(CopyPath(source="a/2", path="copy"))
    changed = await listed(bucket, 10, tags=red), await listed(bucket, 10, tags=blue)
    await bucket.change(MovePrefix(source_prefix="a/", prefix="b/"))
    await bucket.change(CopyPrefix(source_prefix="b/", prefix="c/"))
    moved = await listed(bucket, 10, tags=red), await listed(bucket, 10, tags=blue)
    await bucket.change(RemovePrefix(prefix="b/"))

    assert changed == (["a/2", "copy"], ["a/1"])
    assert moved == (["b/2", "c/2", "copy"], ["b/1", "c/1"])
    assert await listed(bucket, 10, tags=red) == ["c/2", "copy"]
    with refused_as("invalid-labels", field="tags"):
        await bucket.list(tags={"": "x"})
