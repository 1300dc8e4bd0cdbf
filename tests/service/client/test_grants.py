"""Grants from Python and from the command line."""

from uuid import uuid4

import pytest

from libs.client import ApiProblem, Client
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.client.command import Command


async def test_a_role_is_given_listed_explained_and_taken(client: Client, bucket: str) -> None:
    who = f"user:ann-{uuid4()}"

    given = await client.grants.give(bucket, who, "writer", prefix="reports/")
    listed = await client.grants.list(bucket, "reports/")
    checked = await client.grants.check(bucket, "write", "reports/a", principal=who)
    await client.grants.take(bucket, who, prefix="reports/")

    assert listed == [given]
    assert checked.allowed
    assert checked.rule is not None
    assert checked.rule.grant == given
    assert not (await client.grants.check(bucket, "read", "reports/a", principal=who)).allowed
    with pytest.raises(ApiProblem) as refused:
        await client.grants.take(bucket, who)
    assert refused.value.code == "grant-not-found"


async def test_a_key_that_acts_for_a_group_has_its_grants(
    client: Client, bucket: str, platform: Platform
) -> None:
    group = f"editors-{uuid4()}"
    key = await client.keys.create("ci", ["read"], groups=[group])
    other = await client.buckets.create(a_bucket_name("others"))
    await client.grants.give(bucket, f"group:{group}", "reader")

    async with Client(platform.url, key.key) as reader:
        found = {one.name async for one in reader.buckets.list()}

    assert key.groups == [group]
    assert bucket in found
    assert other.name not in found


async def test_the_command_says_who_may_do_what_and_why(strongroom: Command, bucket: str) -> None:
    place = f"{bucket}/reports/"

    await strongroom.ok("grants", "give", place, "group:ops", "writer")
    listed = await strongroom.ok("grants", "ls", bucket)
    may = await strongroom("access-check", f"{place}a", "write", "--as", "user:a", "--group", "ops")
    may_not = await strongroom("access-check", f"{bucket}/b", "--as", "group:ops")
    await strongroom.ok("grants", "take", place, "group:ops")
    gone = await strongroom("grants", "take", place, "group:ops")

    assert "group:ops" in listed.out
    assert (may.code, may_not.code, gone.code) == (0, 1, 1)
    assert "allowed: group:ops is writer at reports/" in may.out
    assert "refused: nothing gives the role reader at b" in may_not.out
    assert "grant-not-found" in gone.err


async def test_a_key_is_made_for_a_user(strongroom: Command) -> None:
    words = ("keys", "create", "laptop", "--user", "ann@example.org", "--group", "ops")

    created = (await strongroom.ok(*words, "--json")).json()[0]
    listed = await strongroom.ok("keys", "ls")

    assert (created["user"], created["groups"]) == ("ann@example.org", ["ops"])
    assert "ann@example.org group:ops" in listed.out
