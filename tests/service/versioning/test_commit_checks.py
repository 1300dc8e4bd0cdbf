"""Checks say of a commit whether it is good; a protected branch asks for them before a merge."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from libs.chassis.database import Database
from libs.contracts.ids import new_id
from services.versioning.domain.commits import CommitId
from services.versioning.repository import commit_checks
from tests.builders import a_bucket_name
from tests.waiting import eventually


@pytest.fixture
async def bucket(http: httpx.AsyncClient) -> str:
    name = a_bucket_name("checked")
    (await http.post("/api/v1/buckets", json={"name": name})).raise_for_status()
    return name


@pytest.fixture
async def commit(http: httpx.AsyncClient, bucket: str) -> str:
    """The id of the bucket's first commit."""
    await http.put(f"/api/v1/buckets/{bucket}/files/a", content=new_id().bytes)

    async def look() -> str:
        items = (await http.get(f"/api/v1/buckets/{bucket}/commits")).json()["items"]
        assert items
        found: str = items[0]["commit_id"]
        return found

    return await eventually(look)


async def report(
    http: httpx.AsyncClient, bucket: str, commit: str, name: str, state: str, detail: str = ""
) -> httpx.Response:
    body = {"name": name, "state": state, "detail": detail}
    return await http.put(f"/api/v1/buckets/{bucket}/commits/{commit}/checks", json=body)


async def test_the_last_word_of_each_check_counts(
    http: httpx.AsyncClient, bucket: str, commit: str
) -> None:
    await report(http, bucket, commit, "unit", "pending")
    await report(http, bucket, "main", "lint", "failed", "line 3")
    said = await report(http, bucket, commit[:12], "unit", "passed")

    listed = (await http.get(f"/api/v1/buckets/{bucket}/commits/{commit}/checks")).json()

    assert said.json()["commit_id"] == commit
    assert [(c["name"], c["state"], c["detail"]) for c in listed["items"]] == [
        ("lint", "failed", "line 3"),
        ("unit", "passed", ""),
    ]


async def test_what_has_not_passed_is_missing(
    http: httpx.AsyncClient,
    bucket: str,
    commit: str,
    db_of: Callable[[str], Awaitable[Database]],
) -> None:
    for name, state in (("unit", "passed"), ("lint", "failed"), ("slow", "pending")):
        await report(http, bucket, commit, name, state)

    async with (await db_of("versioning")).connection() as conn:
        bucket_id = await conn.fetchval(
            "SELECT bucket_id FROM repository WHERE bucket = $1", bucket
        )
        missing = await commit_checks.list_missing(
            conn, bucket_id, CommitId(bytes.fromhex(commit)), ["unit", "slow", "never", "lint"]
        )

    assert missing == ["slow", "never", "lint"]


@pytest.mark.parametrize(
    ("ref", "body", "status", "problem"),
    [
        ("no-such-branch", {"name": "unit", "state": "passed"}, 404, "ref-not-found"),
        ("main", {"name": "no spaces", "state": "passed"}, 400, "invalid-input"),
        ("main", {"name": "unit", "state": "perhaps"}, 400, "invalid-input"),
    ],
    ids=["no-commit", "bad-name", "bad-state"],
)
async def test_nonsense_is_named(
    http: httpx.AsyncClient,
    bucket: str,
    commit: str,
    ref: str,
    body: dict[str, str],
    status: int,
    problem: str,
) -> None:
    answer = await http.put(f"/api/v1/buckets/{bucket}/commits/{ref}/checks", json=body)

    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (status, problem)
