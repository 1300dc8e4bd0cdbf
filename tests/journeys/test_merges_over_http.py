"""Merging over HTTP: a conflict is listed, resolved path by path, and nothing else is touched."""

from typing import Any

import httpx
import pytest

from tests.journeys.callers import CallerWith, give, principal_of

API = "/api/v1/buckets"


class Draft:
    """A bucket with a branch ``draft``, on which each write is a commit."""

    def __init__(self, http: httpx.AsyncClient, bucket: str) -> None:
        self.http = http
        self.bucket = bucket

    async def put(self, path: str, text: str, branch: str | None = None) -> str:
        """Write a file of main, or of a branch; return its digest."""
        answer = await self.http.put(
            f"{API}/{self.bucket}/files/{path}",
            content=f"{self.bucket} {text}".encode(),
            params={} if branch is None else {"ref": branch},
        )
        assert answer.is_success, answer.text
        digest: str = answer.json()["sha256"]
        return digest

    async def read(self, path: str) -> str:
        answer = await self.http.get(f"{API}/{self.bucket}/files/{path}")
        assert answer.status_code == 200, answer.text
        return answer.text.removeprefix(f"{self.bucket} ")

    async def merge(self, **wish: Any) -> httpx.Response:
        body = {"from": "draft", "into": "main", **wish}
        return await self.http.post(f"{API}/{self.bucket}/merges", json=body)

    async def head(self, branch: str = "main") -> str:
        answer = await self.http.get(f"{API}/{self.bucket}/branches/{branch}")
        head: str = answer.json()["commit_id"]
        return head


@pytest.fixture
async def draft(http: httpx.AsyncClient, bucket: str) -> Draft:
    draft = Draft(http, bucket)
    await draft.put("plan.txt", "one")
    await draft.put("notes.txt", "one")
    answer = await http.post(
        f"{API}/{bucket}/branches", json={"name": "draft", "auto_commit": True}
    )
    assert answer.status_code == 201, answer.text
    return draft


async def test_a_draft_is_written_beside_main_and_merged(draft: Draft) -> None:
    await draft.put("plan.txt", "two", "draft")
    await draft.put("new.txt", "new", "draft")
    assert await draft.read("plan.txt") == "one"

    answer = await draft.merge(message="publish the draft")

    assert answer.status_code == 200, answer.text
    merged = answer.json()
    assert merged["commit"]["message"] == "publish the draft"
    assert merged["commit"]["parents"][1] == await draft.head("draft")
    assert merged["changed"] == 2
    assert (await draft.read("plan.txt"), await draft.read("new.txt")) == ("two", "new")
    again = (await draft.merge()).json()
    assert (again["commit"], again["changed"]) == (None, 0)


async def test_a_conflict_is_listed_and_resolved_path_by_path(draft: Draft) -> None:
    for path in ("plan.txt", "notes.txt", "more.txt", "last.txt"):
        await draft.put(path, "theirs", "draft")
    ours = [await draft.put(path, "ours") for path in ("plan.txt", "notes.txt", "more.txt")]
    await draft.put("last.txt", "ours")

    refused = await draft.merge()

    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "urn:strongroom:problem:merge-conflict"
    assert [conflict["path"] for conflict in problem["conflicts"]] == [
        "last.txt",
        "more.txt",
        "notes.txt",
        "plan.txt",
    ]
    assert problem["conflicts_total"] == 4
    assert problem["conflicts"][3]["ours"]["sha256"] == ours[0]
    assert problem["conflicts"][1]["base"] is None

    both = await draft.http.post(
        f"{API}/{draft.bucket}/contents", content=f"{draft.bucket} both".encode()
    )
    merged = await draft.merge(
        resolutions={
            "plan.txt": "ours",
            "notes.txt": "theirs",
            "more.txt": {"sha256": both.json()["sha256"], "content_type": "text/plain"},
            "last.txt": {},
        }
    )

    assert merged.status_code == 200, merged.text
    assert merged.json()["changed"] == 3
    assert [await draft.read(path) for path in ("plan.txt", "notes.txt", "more.txt")] == [
        "ours",
        "theirs",
        "both",
    ]
    gone = await draft.http.get(f"{API}/{draft.bucket}/files/last.txt")
    assert gone.status_code == 404


async def test_a_dry_run_changes_nothing(draft: Draft) -> None:
    await draft.put("plan.txt", "theirs", "draft")
    await draft.put("new.txt", "new", "draft")
    await draft.put("plan.txt", "ours")

    told = (await draft.merge(dry_run=True)).json()
    head = await draft.head()
    again = (await draft.merge(dry_run=True, otherwise="theirs")).json()

    assert (told["commit"], told["changed"], told["conflicts_total"]) == (None, 1, 1)
    assert [conflict["path"] for conflict in told["conflicts"]] == ["plan.txt"]
    assert (again["changed"], again["conflicts"]) == (2, [])
    assert await draft.head() == head
    assert await draft.read("plan.txt") == "ours"


async def test_a_squash_leaves_the_history_of_the_draft_behind(draft: Draft) -> None:
    await draft.put("plan.txt", "two", "draft")
    await draft.put("plan.txt", "three", "draft")
    before = await draft.head()

    merged = (await draft.merge(squash=True, expect_head=before)).json()

    assert merged["commit"]["parents"] == [before]
    assert await draft.read("plan.txt") == "three"
    stale = await draft.merge(squash=True, expect_head=before)
    assert (stale.status_code, stale.json()["type"].rpartition(":")[2]) == (412, "stale-head")


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"resolutions": {"plan.txt": "ours"}}, 422, "resolution-unused"),
        ({"from": "nowhere"}, 404, "ref-not-found"),
        ({"into": "nowhere"}, 404, "branch-not-found"),
        ({"into": "v 1"}, 400, None),
        ({"resolutions": {"plan.txt": "mine"}}, 400, None),
        ({"resolutions": {"plan.txt": {"sha256": "short"}}}, 400, None),
        ({"otherwise": "both"}, 400, None),
        ({"held_until": "2030-01-01T00:00:00Z"}, 400, None),
        ({"expect_head": "main"}, 400, None),
    ],
    ids=[
        "resolves-nothing",
        "from-nowhere",
        "into-nowhere",
        "no-name",
        "no-side",
        "no-digest",
        "no-such-side",
        "unknown-field",
        "no-commit",
    ],
)
async def test_what_cannot_be_merged_is_refused_by_name(
    draft: Draft, wish: dict[str, Any], status: int, code: str | None
) -> None:
    await draft.put("new.txt", "new", "draft")

    answer = await draft.merge(**wish)

    assert answer.status_code == status, answer.text
    if code is not None:
        assert answer.json()["type"] == f"urn:strongroom:problem:{code}"


async def test_a_merge_into_main_is_asked_for_twice_and_made_once(draft: Draft) -> None:
    await draft.put("plan.txt", "two", "draft")
    body = {"from": "draft", "into": "main"}
    headers = {"Idempotency-Key": f"merge-{draft.bucket}"}

    first, second = [
        await draft.http.post(f"{API}/{draft.bucket}/merges", json=body, headers=headers)
        for _ in range(2)
    ]

    assert first.json() == second.json()
    assert first.json()["commit"] is not None


async def test_who_may_not_write_the_whole_bucket_merges_nothing(
    draft: Draft, caller: CallerWith
) -> None:
    await draft.put("plan.txt", "two", "draft")
    someone = await caller()
    await give(draft.http, draft.bucket, principal_of(someone), "writer", "notes/")

    answer = await someone.post(
        f"{API}/{draft.bucket}/merges", json={"from": "draft", "into": "main"}
    )

    assert answer.status_code == 403, answer.text
