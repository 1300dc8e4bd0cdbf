"""``strongroom trash``, ``usage``, ``lock``, ``lifecycle``, ``quota`` and ``buckets set``."""

import json

import pytest

from libs.client import Client
from libs.contracts.ids import new_id
from tests.builders import a_bucket_name
from tests.service.client.command import Command


@pytest.fixture
async def bucket(client: Client) -> str:
    """A bucket with a trash and three files."""
    made = await client.buckets.create(a_bucket_name("command"), trash_s=3600)
    for path in ("a", "d/1", "d/2"):
        await client.files.put(made.name, path, new_id().bytes)
    return made.name


async def test_what_was_removed_comes_back_from_the_trash(
    strongroom: Command, client: Client, bucket: str
) -> None:
    await strongroom.ok("rm", "-r", f"{bucket}/d/", "--yes")
    await strongroom.ok("rm", f"{bucket}/a")

    listed = await strongroom.ok("trash", "ls", bucket, "--json")
    assert [one["path"] for one in listed.json()] == ["a", "d/1", "d/2"]
    assert "d/1" in (await strongroom.ok("trash", "ls", f"{bucket}/d/")).out
    back = await strongroom.ok("trash", "restore", f"{bucket}/d/", "--into", "old/")
    assert back.out == "restored 2 files\n"
    assert (await client.files.stat(bucket, "old/d/1")).size == 16
    unsure = await strongroom("trash", "empty", f"{bucket}/a")
    assert (unsure.code, "--yes" in unsure.err) == (2, True)
    gone = await strongroom.ok("trash", "empty", f"{bucket}/a", "--yes")
    assert gone.out == "forgot 1 file, 16 bytes\n"
    missing = await strongroom("trash", "restore", f"{bucket}/a")
    assert (missing.code, "not-in-trash" in missing.err) == (1, True)


async def test_a_lock_is_shown_listed_and_kept(strongroom: Command, bucket: str) -> None:
    endless = await strongroom("lock", "set", f"{bucket}/a")
    assert endless.code == 2
    locked = await strongroom.ok("lock", "set", f"{bucket}/a", "--days", "1", "--hold")
    assert "(governance) and under a legal hold" in locked.out

    refused = await strongroom("rm", f"{bucket}/a")
    kept = await strongroom("lock", "rm", f"{bucket}/a")
    (listed,) = (await strongroom.ok("lock", "ls", bucket, "--json")).json()
    assert (refused.code, "file-locked" in refused.err) == (1, True)
    assert (kept.code, "lock-kept" in kept.err) == (1, True)
    assert (listed["path"], listed["legal_hold"]) == ("a", True)

    lifted = await strongroom.ok("lock", "rm", f"{bucket}/a", "--bypass-governance")
    assert lifted.out.endswith("is not locked\n")
    await strongroom.ok("rm", f"{bucket}/a")


async def test_usage_of_a_bucket_and_of_yourself_is_told(strongroom: Command, bucket: str) -> None:
    (used,) = (await strongroom.ok("usage", bucket, "--json")).json()
    assert (used["used_bytes"], used["live"]["number"]) == (48, 3)
    assert "48 bytes used, quota none" in (await strongroom.ok("usage", bucket)).out
    (mine,) = (await strongroom.ok("usage", "--json")).json()
    assert mine["used_bytes"] >= 48


async def test_settings_are_changed_and_shown(strongroom: Command, bucket: str) -> None:
    rules = json.dumps([{"id": "tmp", "prefix": "d/", "expire_after_days": 7}])

    shown = await strongroom.ok("buckets", "set", bucket, "quota_bytes=1000", f"lifecycle={rules}")
    assert "quota_bytes" in shown.out
    foreseen = (await strongroom.ok("lifecycle", bucket, "--json")).json()
    assert [(one["path"], one["rule"]) for one in foreseen] == [("d/1", "tmp"), ("d/2", "tmp")]
    assert "d/1" in (await strongroom.ok("lifecycle", bucket)).out
    wrong = await strongroom("buckets", "set", bucket, "trash_s=-1")
    assert (wrong.code, "trash_s" in wrong.err or "invalid-input" in wrong.err) == (1, True)
    assert (await strongroom("buckets", "set", bucket, "nonsense")).code == 2


async def test_a_quota_is_set_listed_and_removed(strongroom: Command) -> None:
    principal = f"user:{new_id().hex}"

    await strongroom.ok("quota", "set", principal, "1000")
    listed = await strongroom.ok("quota", "ls", "--json")
    await strongroom.ok("quota", "rm", principal)

    assert [one["quota_bytes"] for one in listed.json() if one["principal"] == principal] == [1000]
    assert principal not in (await strongroom.ok("quota", "ls")).out
