"""Whatever is altered in the database, behind everybody's back, verification finds it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.contracts.ids import new_id
from services.versioning import proving
from services.versioning.domain.commits import CommitId
from services.versioning.proving import Proved, Prover
from services.versioning.repository.repositories import Repository
from tests.builders import a_bucket_name
from tests.service.versioning.keeping import Kept

DbOf = Callable[[str], Awaitable[Database]]


class Undo(Exception):
    """Ends a transaction whose changes nobody is to see."""


@pytest.fixture
async def kept(http: httpx.AsyncClient, db_of: DbOf, admin_bus: Bus) -> Kept:
    """A bucket with a history to prove."""
    name = a_bucket_name("proved")
    (await http.post("/api/v1/buckets", json={"name": name})).raise_for_status()
    return Kept(http, name, await db_of("versioning"), admin_bus)


async def verify(kept: Kept, **query: Any) -> dict[str, Any]:
    """Prove a history over HTTP, page by page, and add the pages up."""
    whole: dict[str, Any] = {"commits": 0, "nodes": 0, "signatures": [], "faults": []}
    cursor: str | None = None
    while True:
        params = query | ({} if cursor is None else {"cursor": cursor})
        page = (await kept.http.get(f"{kept.url}/verification", params=params)).json()
        for name in whole:
            whole[name] += page[name]
        cursor = page.get("next")
        if cursor is None:
            return whole | {"head": page["head"]}


@asynccontextmanager
async def altered(kept: Kept, *statements: str) -> AsyncIterator[Callable[[], Awaitable[Proved]]]:
    """Alter the database in a transaction that is undone, with the rules of its tables dropped."""
    try:
        async with kept.db.transaction() as tx:
            bucket_id = await tx.fetchval(
                "SELECT bucket_id FROM repository WHERE bucket = $1", kept.name
            )
            head = await _head(tx, bucket_id)
            await tx.execute(
                """
                ALTER TABLE node DROP CONSTRAINT node_is_named_by_its_sha256;
                ALTER TABLE commit DROP CONSTRAINT commit_is_named_by_its_sha256;
                ALTER TABLE commit DROP CONSTRAINT commit_is_recorded_once CASCADE;
                DROP INDEX commit_stands_alone;
                """
            )
            for statement in statements:
                await tx.execute(statement.replace("BUCKET", f"'{bucket_id}'"))

            async def prove() -> Proved:
                prover = Prover(tx, Repository(bucket_id, kept.name), trees=True)
                return await prover.prove(head, None, 1000)

            yield prove
            raise Undo
    except Undo:
        pass


async def _head(tx: Connection, bucket_id: Any) -> CommitId:
    found = await tx.fetchval(
        "SELECT commit_id FROM ref WHERE bucket_id = $1 AND name = 'main'", bucket_id
    )
    return CommitId(found)


async def test_a_whole_history_is_proved_in_pages_of_any_size(kept: Kept) -> None:
    for path in ("a", "b", "c"):
        await kept.write(path, 4)

    whole = await verify(kept)
    paged = await verify(kept, limit=5)

    assert (whole["commits"], whole["faults"], whole["head"]) == (12, [], await kept.head())
    assert whole["nodes"] == 12
    assert {name: paged[name] for name in whole} == whole


async def test_all_parents_are_walked_and_each_commit_once(kept: Kept) -> None:
    await kept.write("a")
    await kept.post("branches", {"name": "dev", "auto_commit": True})
    await kept.write("b", 3, ref="dev")
    await kept.write("c")
    await kept.post("merges", {"from": "dev", "into": "main"})
    await kept.http.delete(f"{kept.url}/branches/dev")

    proved = await verify(kept, limit=2)

    assert (proved["commits"], proved["faults"]) == (6, [])


async def test_each_node_is_read_about_once_however_long_the_history(kept: Kept) -> None:
    for n in range(60):
        await kept.http.put(f"{kept.url}/files/dir/file-{n:03}", content=new_id().bytes)
    await kept.recorded("dir/file-059", 1)
    async with kept.db.connection() as conn:
        stored = await conn.fetchval(
            """
            SELECT count(*)
            FROM commit
            JOIN repository USING (bucket_id)
            WHERE bucket = $1
            """,
            kept.name,
        )

    proved = await verify(kept)

    # At most the path to the root for each commit, and the neighbours of a boundary.
    assert proved["commits"] == stored
    assert proved["nodes"] <= 4 * stored


@pytest.mark.parametrize(
    ("alteration", "code"),
    [
        (
            """
            UPDATE node SET data = set_byte(data, 9, get_byte(data, 9) # 1)
            WHERE node_id = (
                SELECT substring(data FROM 2 FOR 32) FROM commit
                WHERE bucket_id = BUCKET ORDER BY position OFFSET 1 LIMIT 1
            )
            """,
            "corrupt-node",
        ),
        (
            """
            DELETE FROM node
            WHERE node_id = (
                SELECT substring(data FROM 2 FOR 32) FROM commit
                WHERE bucket_id = BUCKET ORDER BY position OFFSET 1 LIMIT 1
            )
            """,
            "node-not-found",
        ),
        (
            """
            UPDATE commit SET data = set_byte(data, 70, get_byte(data, 70) # 1)
            WHERE bucket_id = BUCKET AND position = 1
            """,
            "corrupt-commit",
        ),
        (
            """
            UPDATE commit SET commit_id = sha256('another')
            WHERE bucket_id = BUCKET AND position = 1
            """,
            "corrupt-commit",
        ),
        (
            "DELETE FROM commit WHERE bucket_id = BUCKET AND position = 1",
            "commit-not-found",
        ),
        (
            "UPDATE commit SET author = 'key:mallory' WHERE bucket_id = BUCKET AND position = 1",
            "corrupt-commit",
        ),
        (
            """
            UPDATE commit SET committed_at = committed_at - interval '1 day'
            WHERE bucket_id = BUCKET AND position = 1
            """,
            "corrupt-commit",
        ),
        (
            "UPDATE commit SET bytes = bytes + 1 WHERE bucket_id = BUCKET AND position = 1",
            "corrupt-commit",
        ),
        (
            "UPDATE commit SET position = 7 WHERE bucket_id = BUCKET AND position = 1",
            "misplaced-commit",
        ),
    ],
    ids=[
        "a-flipped-bit-in-a-node",
        "a-missing-node",
        "a-flipped-bit-in-a-commit",
        "a-renamed-commit",
        "a-missing-commit",
        "another-author",
        "another-time",
        "other-sums",
        "another-place",
    ],
)
async def test_every_alteration_is_found(kept: Kept, alteration: str, code: str) -> None:
    await kept.write("a", 3)

    async with altered(kept, alteration) as prove:
        proved = await prove()

    assert code in {fault.code for fault in proved.faults}, proved.faults
    assert (await verify(kept))["faults"] == []


async def test_a_cut_off_merge_is_found(kept: Kept) -> None:
    await kept.write("a")
    await kept.post("branches", {"name": "dev", "auto_commit": True})
    await kept.write("b", ref="dev")
    await kept.write("c")
    await kept.post("merges", {"from": "dev", "into": "main"})
    cut = """
        DELETE FROM merge_parent
        USING line
        WHERE line.line_id = merge_parent.line_id AND bucket_id = BUCKET
        """

    async with altered(kept, cut) as prove:
        proved = await prove()

    assert [fault.code for fault in proved.faults] == ["misplaced-commit"]


async def test_a_page_ends_when_it_has_read_enough(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept.write("a", 6)
    monkeypatch.setattr(proving, "NODES_AT_ONCE", 2)

    async with altered(kept) as prove:
        proved = await prove()

    assert (proved.commits, proved.nodes, proved.behind is not None) == (2, 2, True)


async def test_history_is_whole_after_content_was_given_up(kept: Kept) -> None:
    await kept.write("a", 4)
    before = await verify(kept)

    await kept.retain(keep_last=1)
    await kept.post("purges", {"prefix": ""})

    assert await verify(kept) == before
