"""``strongroom merge``, ``revert`` and ``cherry-pick``."""

import pytest

from libs.client import Client
from libs.contracts.ids import new_id
from tests.service.client.command import Command


async def commit(client: Client, bucket: str, branch: str, **files: str) -> str:
    """Stage files on a branch, commit them, and return the commit's id."""
    for name, text in files.items():
        await client.staging.put(bucket, branch, name, text.encode())
    made = await client.commits.create(bucket, branch=branch, message=f"{branch}: {[*files]}")
    assert made.commit is not None
    return made.commit.commit_id


@pytest.fixture
async def bucket(client: Client, bucket: str) -> str:
    """A bucket with a branch ``draft``, on which ``a`` differs from what main made of it."""
    unique = new_id().hex
    await client.files.put(bucket, "a", f"one {unique}\n".encode())
    await client.branches.create(bucket, "draft")
    await commit(client, bucket, "draft", a=f"theirs {unique}\n", new=f"new {unique}\n")
    return bucket


async def test_a_branch_is_merged_after_a_dry_run(
    strongroom: Command, client: Client, bucket: str
) -> None:
    foreseen = await strongroom.ok("merge", bucket, "draft", "--dry-run")
    merged = await strongroom.ok("merge", bucket, "draft", "-m", "take the draft")
    again = await strongroom.ok("merge", bucket, "draft")

    assert foreseen.out.splitlines() == [
        "M a",
        "A new",
        "main: 2 files would change, no conflicts",
    ]
    assert "main: 2 files changed, now at " in merged.out
    assert "already" in again.out
    (newest,) = [one async for one in client.versions.commits(bucket, limit=1)]
    assert (newest.message, len(newest.parents)) == ("take the draft", 2)


async def test_conflicts_are_shown_and_resolved_by_path(
    strongroom: Command, client: Client, bucket: str
) -> None:
    await client.files.put(bucket, "a", f"ours {new_id()}\n".encode())

    refused = await strongroom("merge", bucket, "draft")
    told = await strongroom("merge", bucket, "draft", "--json")
    confused = await strongroom("merge", bucket, "draft", "--ours", "a", "--theirs", "a")
    merged = await strongroom.ok("merge", bucket, "draft", "--theirs", "a")

    assert refused.code == 1
    assert refused.out.splitlines()[0].split() == ["conflict", "before", "ours", "theirs"]
    assert "1 path changed on both sides; nothing was changed" in refused.err
    assert [one["path"] for one in told.json()] == ["a"]
    assert confused.code == 2
    assert "2 files changed" in merged.out
    assert (await client.files.get(bucket, "a")).startswith(b"theirs ")


async def test_who_merges_before_committing_is_told_what_is_staged(
    strongroom: Command, client: Client, bucket: str
) -> None:
    await strongroom.ok("merge", bucket, "draft")
    await client.staging.put(bucket, "draft", "late", f"late {new_id()}".encode())

    early = await strongroom.ok("merge", bucket, "draft")

    assert f"1 write on draft is in no commit yet: strongroom commit {bucket} -b draft" in early.err


async def test_a_squashed_merge_has_one_parent(
    strongroom: Command, client: Client, bucket: str
) -> None:
    await client.files.put(bucket, "a", f"ours {new_id()}\n".encode())

    await strongroom.ok("merge", bucket, "draft", "--otherwise", "ours", "--squash")

    (newest,) = [one async for one in client.versions.commits(bucket, limit=1)]
    assert len(newest.parents) == 1
    assert (await client.files.get(bucket, "a")).startswith(b"ours ")


async def test_a_commit_is_taken_back_unless_its_files_changed_since(
    strongroom: Command, client: Client, bucket: str
) -> None:
    merged = await client.merges.merge(bucket, "draft")
    assert merged.commit is not None
    by_id = merged.commit.commit_id[:12]

    reverted = await strongroom.ok("revert", bucket, by_id, "-m", "not yet")
    await client.files.put(bucket, "a", f"later {new_id()}\n".encode())
    await client.files.put(bucket, "new", f"later {new_id()}\n".encode())
    refused = await strongroom("revert", bucket, "main~2")

    assert "2 files changed" in reverted.out
    assert refused.code == 1
    assert "changed on both sides" in refused.err
    assert "Write on the branch what is to be there" in refused.err


async def test_what_a_commit_did_is_done_on_another_branch(
    strongroom: Command, client: Client, bucket: str
) -> None:
    await client.branches.create(bucket, "release")
    picked = await commit(client, bucket, "draft", fix=f"fix {new_id()}\n")

    done = await strongroom.ok("cherry-pick", bucket, picked, "-b", "release")

    assert "release: 1 file changed" in done.out
    on_release = [file.path async for file in client.files.list(bucket, ref="release")]
    assert on_release == ["a", "fix"]
