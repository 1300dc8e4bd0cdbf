"""``strongroom branch``, ``tag``, ``put --ref``, ``staged`` and ``commit``."""

from pathlib import Path

import pytest

from libs.client import ApiProblem, Client
from libs.contracts.ids import new_id
from libs.contracts.storage import PutContent, RemovePath
from tests.service.client.command import Command
from tests.service.client.recording import put


@pytest.fixture
async def bucket(client: Client, bucket: str) -> str:
    """A bucket with one commit: a file that no other test has."""
    await put(client, bucket, "plan.md", b"plan " + new_id().bytes)
    return bucket


async def test_a_branch_is_created_listed_reset_and_deleted(
    strongroom: Command, bucket: str
) -> None:
    await strongroom.ok("tag", "create", bucket, "begin", "-m", "as it began")

    made = await strongroom.ok("branch", "create", bucket, "draft/one", "--from", "begin")
    listed = (await strongroom.ok("branch", "list", bucket, "--json")).json()
    reset = await strongroom.ok("branch", "reset", bucket, "draft/one", "main")
    await strongroom.ok("branch", "delete", bucket, "draft/one")

    assert made.out.startswith("created draft/one at ")
    assert [one["name"] for one in listed] == ["draft/one", "main"]
    assert listed[0]["commit_id"] == listed[1]["commit_id"]
    assert reset.out.startswith("draft/one is at ")
    assert "draft/one" not in (await strongroom.ok("branch", "list", bucket)).out
    missing = await strongroom("branch", "delete", bucket, "draft/one")
    assert (missing.code, len(missing.err.splitlines())) == (1, 1)


async def test_a_protected_branch_takes_no_writes(
    strongroom: Command, client: Client, bucket: str
) -> None:
    await strongroom.ok("branch", "create", bucket, "release")

    told = await strongroom.ok("branch", "protect", bucket, "release", "--check", "tests")
    refused = await strongroom("put", "-", f"{bucket}/x", "--ref", "release", stdin=b"x")
    await strongroom.ok("branch", "unprotect", bucket, "release")

    assert told.out == "release: protected, 1 check required: tests\n"
    assert (refused.code, "branch-protected" in refused.err) == (1, True)
    assert not (await client.branches.get(bucket, "release")).protected


async def test_what_is_merged_into_a_protected_branch_has_passed_its_checks(
    strongroom: Command, bucket: str
) -> None:
    await strongroom.ok("branch", "create", bucket, "draft")
    await strongroom.ok("branch", "protect", bucket, "main", "--check", "tests")
    await strongroom.ok("put", "-", f"{bucket}/new", "--ref", "draft", stdin=new_id().bytes)
    await strongroom.ok("commit", bucket, "-b", "draft")

    early = await strongroom("merge", bucket, "draft")
    told = await strongroom.ok("commit-checks", "report", bucket, "draft", "tests", "passed")
    (check,) = (await strongroom.ok("commit-checks", "list", bucket, "draft", "--json")).json()
    await strongroom.ok("merge", bucket, "draft")

    assert (early.code, "tests" in early.err) == (1, True)
    assert told.out.endswith(": tests passed\n")
    assert (check["name"], check["state"]) == ("tests", "passed")
    assert (await strongroom.ok("ls", bucket)).out == "new\nplan.md\n"


async def test_a_tag_is_meant_for_good(strongroom: Command, bucket: str) -> None:
    await strongroom.ok("tag", "create", bucket, "v1.0", "-m", "as printed")

    (tag,) = (await strongroom.ok("tag", "list", bucket, "--json")).json()
    again = await strongroom("tag", "create", bucket, "v1.0")
    unsure = await strongroom("tag", "delete", bucket, "v1.0")
    await strongroom.ok("tag", "delete", bucket, "v1.0", "--yes")

    assert (tag["name"], tag["message"]) == ("v1.0", "as printed")
    assert again.code == 1
    assert (unsure.code, "--yes" in unsure.err) == (2, True)
    assert (await strongroom.ok("tag", "list", bucket)).out.count("\n") == 1


async def test_what_is_staged_is_seen_on_its_branch_and_becomes_a_commit(
    strongroom: Command, client: Client, bucket: str
) -> None:
    await strongroom.ok("branch", "create", bucket, "draft")
    fresh = new_id().hex

    await strongroom.ok("put", "-", f"{bucket}/notes/new", "--ref", "draft", stdin=fresh.encode())
    await strongroom.ok("rm", f"{bucket}/plan.md", "--ref", "draft")
    staged = (await strongroom.ok("staged", "list", bucket, "-b", "draft", "--json")).json()
    committed = await strongroom.ok("commit", bucket, "-b", "draft", "-m", "notes for plan")

    assert [one["path"] for one in staged] == ["notes/new", "plan.md"]
    assert committed.out.startswith("draft: 2 files changed, now at ")
    on_draft = await strongroom.ok("cat", f"{bucket}/notes/new", "--ref", "draft")
    assert on_draft.out == fresh
    assert (await strongroom.ok("ls", bucket)).out == "plan.md\n"
    nothing = await strongroom("commit", bucket, "-b", "draft")
    assert "draft: nothing to change" in nothing.out or nothing.code == 1


async def test_what_is_staged_is_forgotten_when_asked(strongroom: Command, bucket: str) -> None:
    await strongroom.ok("branch", "create", bucket, "draft")
    for name in ("a", "d/b", "d/c"):
        content = new_id().bytes
        await strongroom.ok("put", "-", f"{bucket}/{name}", "--ref", "draft", stdin=content)

    one = await strongroom.ok("staged", "discard", f"{bucket}/a", "-b", "draft")
    unsure = await strongroom("staged", "discard", bucket, "-b", "draft")
    rest = await strongroom.ok("staged", "discard", f"{bucket}/d/", "-b", "draft", "--yes")

    assert one.out == "draft: 1 write forgotten, 2 left\n"
    assert unsure.code == 2
    assert rest.out == "draft: 2 writes forgotten, 0 left\n"


@pytest.mark.parametrize("branch", ["main", "draft"])
async def test_a_directory_becomes_one_commit(
    strongroom: Command, client: Client, bucket: str, tmp_path: Path, branch: str
) -> None:
    if branch != "main":
        await client.branches.create(bucket, branch)
    site = tmp_path / "site"
    site.mkdir()
    for name in ("index.html", "about.html", "old.html"):
        (site / name).write_text(f"{name} {new_id()}")

    place = f"{bucket}/site/"
    first = await strongroom.ok("commit", place, "site", "-b", branch, "-m", "publish")
    (site / "old.html").unlink()
    (site / "about.html").write_text(f"anew {new_id()}")
    second = await strongroom.ok("commit", place, "site", "-b", branch, "--exact")
    third = await strongroom.ok("commit", place, "site", "-b", branch, "--exact")

    assert "3 files changed" in first.out
    assert "2 files changed" in second.out
    assert third.out == f"{branch}: nothing to change\n"
    listed = await strongroom.ok("ls", "-r", place, "--ref", branch)
    assert listed.out.split() == ["site/about.html", "site/index.html"]
    commits = [one async for one in client.versions.commits(bucket, ref=branch)]
    assert [one.message for one in commits[:2]] == ["commit 2 files", "publish"]


async def test_of_two_who_commit_on_one_head_one_is_told(client: Client, bucket: str) -> None:
    head = (await client.branches.get(bucket, "main")).commit_id
    held = await client.contents.put(bucket, new_id().bytes)

    change = PutContent(path="a", sha256=held.sha256)
    made = await client.commits.create(bucket, [change], message="first", expect_head=head)
    with pytest.raises(ApiProblem) as refused:
        await client.commits.create(bucket, [RemovePath(path="a")], expect_head=head)

    assert made.commit is not None
    assert made.commit.parents == [head]
    assert refused.value.code == "stale-head"
