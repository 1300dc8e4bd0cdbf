"""Commits, restores, reverts and imports over HTTP: one document each, and the right rights."""

import hashlib
from typing import Any

import httpx
import pytest

from tests.builders import a_bucket_name
from tests.journeys.callers import calling, give, new_key, principal_of

API = "/api/v1/buckets"


@pytest.fixture
async def bucket(http: httpx.AsyncClient) -> str:
    name = a_bucket_name("commits")
    assert (await http.post(API, json={"name": name})).status_code == 201
    return name


async def held(http: httpx.AsyncClient, bucket: str, words: str) -> str:
    """Store bytes that no file names, and return their digest."""
    content = f"{bucket} {words}".encode()
    answer = await http.post(f"{API}/{bucket}/contents", content=content)
    assert answer.status_code == 201, answer.text
    digest = hashlib.sha256(content).hexdigest()
    assert answer.json()["sha256"] == digest
    return digest


async def post(http: httpx.AsyncClient, bucket: str, what: str, **body: Any) -> dict[str, Any]:
    answer = await http.post(f"{API}/{bucket}/{what}", json=body)
    assert answer.status_code in (200, 201), answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("branch", ["main", "drafts"])
async def test_a_commit_is_made_restored_and_reverted(
    http: httpx.AsyncClient, bucket: str, branch: str
) -> None:
    one, two = await held(http, bucket, "one"), await held(http, bucket, "two")
    changes = [{"op": "put", "path": path, "sha256": one} for path in ("a/b", "plan")]
    first = await post(http, bucket, "commits", changes=changes, message="begin")
    if branch != "main":
        await post(http, bucket, "branches", name=branch)

    second = await post(
        http,
        bucket,
        "commits",
        branch=branch,
        changes=[
            {"op": "put", "path": "plan", "sha256": two},
            {"op": "move", "source": "a/b", "path": "b"},
        ],
        expect={"plan": f'"{one}"'},
        expect_head=first["commit"]["commit_id"],
    )
    restored = await post(http, bucket, "restores", to=f"{branch}~1", branch=branch)
    again = await post(http, bucket, "reverts", commit=restored["commit_id"], branch=branch)

    assert (second["changed"], restored["changed"], again["changed"]) == (3, 3, 3)
    assert again["commit"]["tree"] == second["commit"]["tree"]
    read = await http.get(f"{API}/{bucket}/files/plan", params={"ref": branch})
    assert read.text == f"{bucket} two"


async def test_a_cherry_pick_that_conflicts_names_the_paths(
    http: httpx.AsyncClient, bucket: str
) -> None:
    digests = [await held(http, bucket, words) for words in ("one", "two", "three")]
    ones, twos, threes = ([{"op": "put", "path": "p", "sha256": d}] for d in digests)
    await post(http, bucket, "commits", changes=ones)
    await post(http, bucket, "branches", name="drafts")
    picked = await post(http, bucket, "commits", branch="drafts", changes=twos)
    await post(http, bucket, "commits", changes=threes)

    answer = await http.post(
        f"{API}/{bucket}/cherry-picks", json={"commit": picked["commit"]["commit_id"]}
    )

    assert (answer.status_code, code(answer)) == (409, "merge-conflict")
    (conflict,) = answer.json()["conflicts"]
    told = [conflict[side]["sha256"] for side in ("base", "theirs", "ours")]
    assert (conflict["path"], told) == ("p", digests)


async def test_a_history_from_elsewhere_becomes_a_branch(
    http: httpx.AsyncClient, bucket: str
) -> None:
    one, two = await held(http, bucket, "one"), await held(http, bucket, "two")
    root = {"author": "ann@example.org", "committed_at": "2001-02-03T04:05:06Z"}
    part = await post(
        http,
        bucket,
        "imports",
        **root,
        changes=[{"op": "put", "path": "a", "sha256": one}],
        partial=True,
    )
    tree = part["commit"]["tree"]
    rest = [{"op": "put", "path": "b", "sha256": one}]
    first = await post(http, bucket, "imports", **root, tree=tree, changes=rest)
    second: dict[str, Any] = {
        **root,
        "parents": [first["commit"]["commit_id"]],
        "message": "second",
        "changes": [{"op": "put", "path": "a", "sha256": two}, {"op": "delete", "path": "b"}],
    }

    made = await post(http, bucket, "imports", **second)
    again = await post(http, bucket, "imports", **second)
    await post(http, bucket, "branches", name="past", source=made["commit"]["commit_id"])

    assert (first["changed"], made["changed"], again["changed"]) == (2, 2, 0)
    assert again["commit"] == made["commit"]
    log = (await http.get(f"{API}/{bucket}/commits", params={"ref": "past"})).json()["items"]
    assert [one["message"] for one in log] == ["second", ""]
    assert {(one["author"], one["created_at"]) for one in log} == {
        ("ann@example.org", "2001-02-03T04:05:06Z")
    }
    merged = await post(http, bucket, "merges", **{"from": "past"})
    assert merged["changed"] == 1
    files = (await http.get(f"{API}/{bucket}/files")).json()["items"]
    assert [file["path"] for file in files] == ["a"]


async def test_only_the_tree_of_a_former_part_is_gone_on_from(
    http: httpx.AsyncClient, bucket: str
) -> None:
    root = {"author": "ann@example.org", "committed_at": "2001-02-03T04:05:06Z"}

    unknown = await http.post(f"{API}/{bucket}/imports", json={**root, "tree": "ab" * 32})
    orphan = await http.post(f"{API}/{bucket}/imports", json={**root, "parents": ["ab" * 32]})

    assert (unknown.status_code, code(unknown)) == (404, "tree-not-found")
    assert (orphan.status_code, code(orphan)) == (404, "ref-not-found")


async def test_who_may_write_a_folder_commits_there_and_nowhere_else(
    http: httpx.AsyncClient, bucket: str
) -> None:
    one = await held(http, bucket, "one")
    await post(http, bucket, "commits", changes=[{"op": "put", "path": "a/1", "sha256": one}])
    key = await new_key(http, "read", "write")
    async with calling(http, key["key"]) as folder:
        await give(http, bucket, principal_of(folder), "writer", "a/")
        inside = {"changes": [{"op": "copy", "source": "a/1", "path": "a/2"}]}
        outside = {"changes": [{"op": "copy", "source": "a/1", "path": "b"}]}
        anything = {"changes": [{"op": "put", "path": "a/3", "sha256": one}]}

        allowed = await folder.post(f"{API}/{bucket}/commits", json=inside)
        refused = [
            await folder.post(f"{API}/{bucket}/commits", json=body)
            for body in (outside, anything, {"branch": "drafts"})
        ]
        back = await folder.post(f"{API}/{bucket}/restores", json={"to": "main~1", "prefix": "a/"})
        all_back = await folder.post(f"{API}/{bucket}/restores", json={"to": "main~1"})

    assert allowed.status_code == 200, allowed.text
    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert (back.status_code, all_back.status_code) == (200, 403)


def code(answer: httpx.Response) -> str:
    named: str = answer.json()["type"].removeprefix("urn:strongroom:problem:")
    return named
