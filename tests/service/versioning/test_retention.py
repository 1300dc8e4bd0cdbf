"""Retention gives up the content of past states, as the policy says, and never history."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import httpx
import pytest

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.versioning import VersionsExpired
from tests.builders import a_bucket_name
from tests.listening import Events
from tests.service.versioning.keeping import Kept

DbOf = Callable[[str], Awaitable[Database]]


@pytest.fixture
async def kept(http: httpx.AsyncClient, db_of: DbOf, admin_bus: Bus) -> Kept:
    """A bucket that is to forget."""
    name = a_bucket_name("kept")
    (await http.post("/api/v1/buckets", json={"name": name})).raise_for_status()
    return Kept(http, name, await db_of("versioning"), admin_bus)


async def test_only_the_newest_states_of_each_path_keep_their_content(kept: Kept) -> None:
    contents = {path: await kept.write(path, 5) for path in ("a", "b/c")}

    told = await kept.retain(keep_last=2)

    for path, (_, _, third, fourth, fifth) in contents.items():
        assert [await kept.read(path, version=n) for n in range(1, 6)] == [
            "version-expired",
            "version-expired",
            "version-expired",
            fourth,
            fifth,
        ], third
    assert (told["expired"], told["expired_bytes"]) == (6, 6 * 116)


async def test_history_goes_on_naming_what_expired(kept: Kept) -> None:
    contents = await kept.write("a", 3)

    await kept.retain(keep_last=1)

    listed = await kept.versions("a")
    assert [(v["version"], v["expired"]) for v in listed] == [(3, False), (2, True), (1, True)]
    assert [v["sha256"] for v in listed] == [digest(body) for body in reversed(contents)]
    assert await kept.read("a", ref="main~1") == "version-expired"
    assert await kept.read("a", ref="main") == contents[-1]


async def test_a_state_is_kept_for_days_from_when_it_ended(kept: Kept) -> None:
    await kept.write("a", 4)
    # States 1 and 2 ended when 2 and 3 came.
    await age(kept, "a", {1: 90, 2: 40, 3: 20})

    shown = await kept.preview(policy={"keep_days": 30})

    assert {version: expires for (_, version), (expires, _) in shown.items()} == {
        4: False,
        3: False,
        2: False,
        1: True,
    }


@pytest.mark.parametrize("keep_tagged", [True, False], ids=["tags-keep", "tags-do-not"])
async def test_what_a_tag_has_is_kept_if_the_policy_says_so(kept: Kept, keep_tagged: bool) -> None:
    (first,) = await kept.write("a")
    await kept.write("elsewhere")
    await kept.post("tags", {"name": "v1"})
    await kept.write("a", 3)

    await kept.retain(keep_last=1, keep_tagged=keep_tagged)

    assert await kept.read("a", ref="v1") == (first if keep_tagged else "version-expired")
    assert await kept.read("a", version=2) == "version-expired"


async def test_what_a_branch_shows_of_main_is_kept_wherever_it_came_off(kept: Kept) -> None:
    (first,) = await kept.write("a")
    await kept.post("branches", {"name": "early"})
    (second,) = await kept.write("a")
    await kept.post("branches", {"name": "late", "auto_commit": True})
    await kept.write("b", ref="late")
    await kept.post("branches", {"name": "latest", "source": "late"})
    await kept.http.delete(f"{kept.url}/branches/late")
    await kept.write("a", 2)

    shown = await kept.preview(policy={"keep_last": 1})
    await kept.retain(keep_last=1)

    assert shown["a", 1] == (False, "branch early has it")
    assert shown["a", 2] == (False, "branch latest has it")
    assert shown["a", 3] == (True, "a newer state is there")
    assert shown["a", 4] == (False, "it is the present state")
    assert await kept.read("a", ref="early") == first
    assert await kept.read("a", ref="latest") == second
    assert await kept.read("a", version=3) == "version-expired"


async def test_the_same_bytes_kept_by_another_state_stay_readable(kept: Kept) -> None:
    (body,) = await kept.write("a")
    await kept.http.put(f"{kept.url}/files/b", content=body)
    await kept.recorded("b", 1)
    await kept.write("a")

    told = await kept.retain(keep_last=1)

    assert told["expired"] == 1
    assert await kept.read("a", version=1) == body
    assert [v["expired"] for v in await kept.versions("a")] == [False, False]


async def test_only_digests_that_nothing_keeps_are_announced(kept: Kept, events: Events) -> None:
    shared, only = await kept.write("a", 2)
    await kept.http.put(f"{kept.url}/files/b", content=shared)
    await kept.recorded("b", 1)
    await kept.write("a")

    await kept.retain(keep_last=1)

    (heard,) = await events.until(VersionsExpired, lambda event: event.bucket == kept.name)
    assert heard.digests == [digest(only)]


async def test_deleted_files_lose_their_content_by_age_and_number_alike(kept: Kept) -> None:
    await kept.write("a", 2)
    await kept.remove("a")

    await kept.retain(keep_last=1, keep_days=0)

    assert await kept.read("a", version=1) == "version-expired"
    # The newest state with content is one of the newest, although it is not the present.
    assert isinstance(await kept.read("a", version=2), bytes)


async def test_nothing_goes_without_a_rule(kept: Kept) -> None:
    await kept.write("a", 3)

    shown = await kept.preview(policy={"keep_tagged": False})

    assert [expires for expires, _ in shown.values()] == [False, False, False]


async def test_a_preview_in_pages_tells_the_same_as_one(kept: Kept) -> None:
    for path in ("a", "a/b", "b"):
        await kept.write(path, 4)
    policy = {"keep_last": 2}

    whole = await kept.preview(policy=policy)
    paged = await kept.preview(policy=policy, limit=1)
    below = await kept.preview(policy=policy, prefix="a", limit=3)

    assert paged == whole
    assert list(paged) == [(path, n) for path in ("a", "a/b", "b") for n in (4, 3, 2, 1)]
    assert {path for path, _ in below} == {"a", "a/b"}


async def test_a_locked_state_keeps_its_content(kept: Kept) -> None:
    first, *_ = await kept.write("a", 3)
    await kept.http.put(
        f"{kept.url}/lock", params={"path": "a", "version": 1}, json={"legal_hold": True}
    )

    shown = await kept.preview(policy={"keep_last": 1})
    await kept.retain(keep_last=1)

    assert shown["a", 1] == (False, "it is locked")
    assert await kept.read("a", version=1) == first
    assert await kept.read("a", version=2) == "version-expired"


async def test_content_of_a_deleted_branch_goes_after_the_grace_and_is_named_on(
    kept: Kept,
) -> None:
    await kept.write("a")
    await kept.post("branches", {"name": "dev", "auto_commit": True})
    (on_dev,) = await kept.write("b", ref="dev")
    commit = (await kept.http.get(f"{kept.url}/branches/dev")).json()["commit_id"]
    await kept.give_up_unreached(0)
    assert await kept.read("b", ref="dev") == on_dev
    await kept.http.delete(f"{kept.url}/branches/dev")

    await kept.give_up_unreached(3600)
    before = await kept.read("b", ref=commit)
    await kept.give_up_unreached(0)

    assert before == on_dev
    assert await kept.read("b", ref=commit) == "version-expired"
    refused = await kept.http.post(f"{kept.url}/branches", json={"name": "x", "source": commit})
    assert (refused.status_code, refused.json()["paths"]) == (410, ["b"])


async def bring(kept: Kept, word: str, *parents: str) -> str:
    """Import a commit that puts one file; return it."""
    content = f"{kept.name} {word}".encode()
    await kept.http.post(f"{kept.url}/contents", content=content)
    put = {"op": "put", "path": word, "sha256": hashlib.sha256(content).hexdigest()}
    body = {"author": "ann@example.org", "committed_at": "2001-02-03T04:05:06Z", "changes": [put]}
    made = await kept.post("imports", {**body, "parents": parents})
    commit: str = made["commit"]["commit_id"]
    return commit


async def test_an_import_that_was_given_up_can_be_brought_again(kept: Kept) -> None:
    await kept.write("a")
    commit = await bring(kept, "b")
    await kept.give_up_unreached(0)
    given_up = await kept.read("b", ref=commit)

    again = await bring(kept, "b")
    await kept.give_up_unreached(3600)
    await kept.post("branches", {"name": "brought", "source": commit})

    assert given_up == "version-expired"
    assert again == commit
    assert await kept.read("b", ref="brought") == f"{kept.name} b".encode()


async def test_an_import_that_goes_on_after_a_long_time_is_not_given_up(kept: Kept) -> None:
    await kept.write("a")
    first = await bring(kept, "b")
    await kept.give_up_unreached(3600)
    async with kept.db.connection() as conn:
        await conn.execute(
            """
            UPDATE unreached_line
            SET since = since - interval '2 hours'
            FROM line
            JOIN repository USING (bucket_id)
            WHERE line.line_id = unreached_line.line_id
                AND repository.bucket = $1
            """,
            kept.name,
        )

    second = await bring(kept, "c", first)
    await kept.give_up_unreached(3600)

    read = [await kept.read(path, ref=second) for path in ("b", "c")]
    assert read == [f"{kept.name} {path}".encode() for path in ("b", "c")]


async def test_a_branch_cannot_begin_where_content_was_given_up(kept: Kept) -> None:
    await kept.write("a", 3)
    await kept.write("b")
    await kept.retain(keep_last=1)

    old = await kept.http.post(f"{kept.url}/branches", json={"name": "x", "source": "main~2"})
    new = await kept.http.post(f"{kept.url}/branches", json={"name": "y", "source": "main~1"})

    assert (old.status_code, old.json()["type"].rsplit(":", 1)[-1]) == (410, "version-expired")
    assert old.json()["paths"] == ["a"]
    assert new.status_code == 201


async def test_many_states_are_given_up_in_batches_while_files_change(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.versioning.retaining.STATES_AT_ONCE", 7)
    paths = [f"file-{n}" for n in range(6)]
    for path in paths:
        await kept.write(path, 6)

    told, *_ = await asyncio.gather(
        kept.retain(keep_last=3), *(kept.write(path, 2) for path in paths[:2])
    )

    assert told["expired"] >= 6 * 3
    for path in paths[2:]:
        states = [v["expired"] for v in await kept.versions(path)]
        assert states == [False, False, False, True, True, True]


async def test_what_a_branch_names_while_it_expires_is_kept_or_was_refused(kept: Kept) -> None:
    contents = await kept.write("a", 12)
    old = [await kept.http.get(f"{kept.url}/commits", params={"limit": 20})]
    commits = [item["commit_id"] for item in old[0].json()["items"]][::-1]
    for n in range(11):
        await kept.post("branches", {"name": f"b{n}"})

    async def bring_back(n: int) -> int:
        answer = await kept.http.post(
            f"{kept.url}/restores", json={"to": commits[n], "paths": ["a"], "branch": f"b{n}"}
        )
        return answer.status_code

    codes, _ = await asyncio.gather(
        asyncio.gather(*(bring_back(n) for n in range(11))), kept.retain(keep_last=1)
    )

    assert set(codes) <= {200, 410}
    for n, code in enumerate(codes):
        shown = await kept.read("a", ref=f"b{n}")
        assert shown == (contents[n] if code == 200 else contents[-1])


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def age(kept: Kept, path: str, days: dict[int, int]) -> None:
    """Let versions be made so many days ago."""
    async with kept.db.connection() as conn:
        for version, since in days.items():
            await conn.execute(
                """
                UPDATE version
                SET created_at = now() - make_interval(days => $4)
                FROM repository
                WHERE repository.bucket = $1
                    AND version.bucket_id = repository.bucket_id
                    AND path = $2
                    AND revision = $3
                """,
                kept.name,
                path,
                version,
                since,
            )
