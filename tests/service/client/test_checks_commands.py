"""``strongroom checks``: people pass and refuse what waits."""

import asyncio
from pathlib import Path

import httpx
import pytest

from libs.client import Client
from libs.contracts.ids import new_id
from libs.contracts.storage import FileCheck
from tests.builders import a_bucket_name
from tests.service.client.command import Command
from tests.waiting import eventually


@pytest.fixture
async def bucket(http: httpx.AsyncClient) -> str:
    """A bucket whose files two have to look at."""
    name = a_bucket_name("command")
    wish = {"name": name, "checks": ["license", "review"]}
    (await http.post("/api/v1/buckets", json=wish)).raise_for_status()
    return name


async def put(http: httpx.AsyncClient, bucket: str, path: str) -> str:
    answer = await http.put(f"/api/v1/buckets/{bucket}/files/{path}", content=new_id().bytes)
    return str(answer.json()["check_id"])


async def test_what_waits_is_listed_passed_and_refused(
    strongroom: Command, client: Client, http: httpx.AsyncClient, bucket: str
) -> None:
    good, bad = await put(http, bucket, "good"), await put(http, bucket, "bad")

    waits = await strongroom.ok("checks", "ls", bucket, "--state", "waiting", "--json")
    half = await strongroom.ok("checks", "pass", bucket, good, "--check", "license")
    whole = await strongroom.ok("checks", "pass", bucket, good)
    refused = await strongroom.ok("checks", "refuse", bucket, bad, "--reason", "not ours")
    table = await strongroom.ok("checks", "ls", bucket)
    late = await strongroom("checks", "pass", bucket, bad, "--check", "review")
    misused = await strongroom("checks", "ls", f"{bucket}/good")

    assert [one["path"] for one in waits.json()] == ["good", "bad"]
    assert half.out == f"{bucket}/good is waiting\n"
    assert whole.out == f"{bucket}/good is visible\n"
    assert refused.out == f"{bucket}/bad is refused: license: not ours\n"
    assert "license: not ours" in table.out
    assert (late.code, "check-decided" in late.err) == (1, True)
    assert misused.code == 2
    assert (await client.files.stat(bucket, "good")).revision == 1


async def test_a_put_ends_when_its_checks_have_passed(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "plan.md").write_bytes(new_id().bytes)

    async def first_waiting() -> FileCheck | None:
        async for check in client.checks.list(bucket, state="waiting"):
            return check
        return None

    putting = asyncio.create_task(
        strongroom.ok("put", str(tmp_path / "plan.md"), f"{bucket}/plan.md")
    )
    check = await eventually(first_waiting, timeout_s=30)
    before = putting.done()
    for name in check.checks:
        await client.checks.give(bucket, check.check_id, name, "passed")
    await putting

    assert not before
    assert (await client.files.stat(bucket, "plan.md")).revision == 1
