"""Purging gives up all past content of chosen paths, on every line, and nothing present."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.versioning import Restore
from tests.builders import a_bucket_name
from tests.service.versioning.keeping import Kept
from tests.service.versioning.steps import Ask

DbOf = Callable[[str], Awaitable[Database]]


@pytest.fixture
async def kept(http: httpx.AsyncClient, db_of: DbOf, admin_bus: Bus) -> Kept:
    """A bucket whose past is to be purged."""
    name = a_bucket_name("purged")
    (await http.post("/api/v1/buckets", json={"name": name})).raise_for_status()
    return Kept(http, name, await db_of("versioning"), admin_bus)


async def test_all_past_states_of_a_path_are_given_up_and_the_present_one_stays(
    kept: Kept,
) -> None:
    *_, present = await kept.write("a", 3)
    (other, _) = await kept.write("ab", 2)

    purged = await kept.post("purges", {"path": "a"})

    assert (purged["versions"], purged["bytes"]) == (2, 2 * 116)
    assert [await kept.read("a", version=n) for n in (1, 2, 3)] == [
        "version-expired",
        "version-expired",
        present,
    ]
    assert await kept.read("ab", version=1) == other


async def test_a_deleted_file_is_purged_altogether_tag_or_not(kept: Kept) -> None:
    await kept.write("secret/key")
    await kept.post("tags", {"name": "v1"})
    await kept.remove("secret/key")

    purged = await kept.post("purges", {"prefix": "secret/"})

    assert purged["versions"] == 1
    assert await kept.read("secret/key", version=1) == "version-expired"
    assert await kept.read("secret/key", ref="v1") == "version-expired"
    listed = await kept.http.get(f"{kept.url}/files", params={"ref": "v1"})
    assert [file["path"] for file in listed.json()["items"]] == ["secret/key"]


async def test_what_any_branch_has_now_stays_and_what_it_had_goes(kept: Kept) -> None:
    (on_main,) = await kept.write("a")
    await kept.post("branches", {"name": "same"})
    await kept.post("branches", {"name": "other", "auto_commit": True})
    was, has = await kept.write("a", 2, ref="other")
    middle, _ = await kept.write("a", 2)
    commit = (await kept.http.get(f"{kept.url}/commits", params={"ref": "other"})).json()
    before = commit["items"][1]["commit_id"]

    purged = await kept.post("purges", {"prefix": ""})

    assert purged["versions"] == 2
    assert await kept.read("a", ref="same") == on_main
    assert await kept.read("a", ref="other") == has
    assert await kept.read("a", ref=before) == "version-expired", was
    assert await kept.read("a", version=2) == "version-expired", middle


async def test_no_other_way_leads_to_purged_content(kept: Kept) -> None:
    await kept.write("a", 2)
    old = await kept.read("a", ref="main~1")
    await kept.post("purges", {"path": "a"})

    archive = await kept.http.get(f"{kept.url}/archive", params={"ref": "main~1"})
    listed = (await kept.http.get(f"{kept.url}/files", params={"ref": "main~1"})).json()["items"]
    diff = await kept.http.get(
        f"{kept.url}/diff/content", params={"from": "main~1", "to": "main", "path": "a"}
    )

    assert isinstance(old, bytes)
    for answer in (archive, diff):
        assert answer.status_code == 410, answer.text
        assert answer.json()["type"].endswith(":version-expired")
    assert [(entry["path"], entry["expired"]) for entry in listed] == [("a", True)]


async def test_a_dry_run_tells_the_same_and_takes_nothing(kept: Kept) -> None:
    first, _ = await kept.write("a", 2)

    told = await kept.post("purges", {"path": "a", "dry_run": True})
    still = await kept.read("a", version=1)
    purged = await kept.post("purges", {"path": "a"})

    assert (told, still) == (purged, first)


async def test_a_purge_takes_no_locked_state(kept: Kept) -> None:
    first, *_ = await kept.write("a", 3)
    await kept.http.put(
        f"{kept.url}/lock", params={"path": "a", "version": 1}, json={"legal_hold": True}
    )

    purged = await kept.post("purges", {"path": "a"})

    assert (purged["versions"], purged["locked"]) == (1, 1)
    assert await kept.read("a", version=1) == first
    assert await kept.read("a", version=2) == "version-expired"


async def test_a_second_purge_finds_nothing_left(kept: Kept) -> None:
    for path in ("a", "b", "c"):
        await kept.write(path, 5)

    again = [await kept.post("purges", {"prefix": ""}) for _ in range(2)]

    assert [purged["versions"] for purged in again] == [12, 0]


@pytest.mark.parametrize(
    "body", [{}, {"path": "a", "prefix": "a"}], ids=["nothing-named", "both-named"]
)
async def test_a_purge_says_what_is_meant(kept: Kept, body: dict[str, Any]) -> None:
    answer = await kept.http.post(f"{kept.url}/purges", json=body)

    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (422, "invalid-purge")


@pytest.mark.parametrize("branch", ["main", "dev"])
async def test_what_was_purged_cannot_be_restored(kept: Kept, ask: Ask, branch: str) -> None:
    await kept.write("a", 2)
    await kept.write("b")
    await kept.post("branches", {"name": "dev"})
    await kept.post("purges", {"path": "a"})

    with pytest.raises(AnsweredWithProblem) as refusal:
        await ask(Restore(bucket=kept.name, to="main~2", actor="key:ann", branch=branch))

    assert refusal.value.named == "version-expired"
    assert refusal.value.fields["paths"] == ["a"]


async def test_purged_content_may_come_again(kept: Kept) -> None:
    first, _ = await kept.write("a", 2)
    await kept.post("purges", {"path": "a"})

    await kept.http.put(f"{kept.url}/files/a", content=first)
    await kept.recorded("a", 3)

    assert await kept.read("a", version=3) == first
    assert [v["expired"] for v in await kept.versions("a")] == [False, False, False]
