"""Grants: rows that storage keeps, one owner at least, and every change of them announced."""

import asyncio
from uuid import uuid4

import pytest
from msgspec.structs import replace

from libs.contracts.storage import (
    MOST_GRANTS,
    BucketMarked,
    CreateBucket,
    DeleteBucket,
    GetBucketPolicy,
    GrantChanged,
    ListBuckets,
    MarkBucket,
    RemoveGrant,
    SetGrant,
    UpdateBucket,
)
from tests.builders import a_bucket_name
from tests.listening import Events
from tests.service.storage.bucket import ACTOR, Ask
from tests.service.storage.refusals import refused_as


async def an_owned_bucket(ask: Ask, owner: str = "user:ann") -> str:
    name = a_bucket_name("grants")
    await ask(CreateBucket(name=name, actor=ACTOR, versioning="off", owned_by=owner))
    return name


async def grants_of(ask: Ask, bucket: str) -> list[tuple[str, str, str]]:
    policy = await ask(GetBucketPolicy(name=bucket))
    return [(grant.prefix, grant.principal, grant.role) for grant in policy.grants]


async def test_a_bucket_is_made_together_with_its_owner(ask: Ask, events: Events) -> None:
    bucket = await an_owned_bucket(ask)

    policy = await ask(GetBucketPolicy(name=bucket))

    assert policy.info.name == bucket
    assert await grants_of(ask, bucket) == [("", "user:ann", "owner")]
    (changed,) = await events.until(GrantChanged, lambda event: event.bucket == bucket)
    assert (changed.principal, changed.role, changed.actor) == ("user:ann", "owner", ACTOR)


async def test_a_bucket_without_an_owner_is_nobodys(ask: Ask) -> None:
    bucket = a_bucket_name("grants")
    await ask(CreateBucket(name=bucket, actor=ACTOR, versioning="off"))

    assert await grants_of(ask, bucket) == []


async def test_a_role_is_given_replaced_and_taken_back(ask: Ask, events: Events) -> None:
    bucket = await an_owned_bucket(ask)
    reader = SetGrant(
        bucket=bucket, principal="group:ops", prefix="reports/", role="reader", actor=ACTOR
    )

    given = await ask(reader)
    again = await ask(reader)
    await ask(replace(reader, role="writer"))
    known = await grants_of(ask, bucket)
    await ask(RemoveGrant(bucket=bucket, principal="group:ops", prefix="reports/", actor=ACTOR))

    assert given == again
    assert known == [("", "user:ann", "owner"), ("reports/", "group:ops", "writer")]
    assert await grants_of(ask, bucket) == [("", "user:ann", "owner")]
    await ask(MarkBucket(name=bucket))
    await events.until(BucketMarked, lambda event: event.bucket == bucket)
    heard = events.of(GrantChanged, lambda event: event.bucket == bucket)
    assert [(event.prefix, event.role) for event in heard] == [
        ("", "owner"),
        ("reports/", "reader"),
        ("reports/", "writer"),
        ("reports/", None),
    ]


async def test_what_was_not_given_cannot_be_taken(ask: Ask) -> None:
    bucket = await an_owned_bucket(ask)

    with refused_as("grant-not-found", principal="user:bob"):
        await ask(RemoveGrant(bucket=bucket, principal="user:bob", actor=ACTOR))


async def test_the_last_owner_stays_unless_somebody_may_do_everything(ask: Ask) -> None:
    bucket = await an_owned_bucket(ask)
    gone = RemoveGrant(bucket=bucket, principal="user:ann", actor=ACTOR)

    with refused_as("last-owner"):
        await ask(gone)
    with refused_as("last-owner"):
        await ask(SetGrant(bucket=bucket, principal="user:ann", role="writer", actor=ACTOR))
    assert await grants_of(ask, bucket) == [("", "user:ann", "owner")]

    await ask(replace(gone, may_leave_no_owner=True))
    assert await grants_of(ask, bucket) == []


async def test_an_owner_may_go_when_another_stays(ask: Ask) -> None:
    bucket = await an_owned_bucket(ask)
    await ask(SetGrant(bucket=bucket, principal="user:bob", role="owner", actor=ACTOR))

    await ask(RemoveGrant(bucket=bucket, principal="user:ann", actor=ACTOR))

    assert await grants_of(ask, bucket) == [("", "user:bob", "owner")]


async def test_an_owner_of_a_folder_is_no_owner_of_the_bucket(ask: Ask) -> None:
    bucket = await an_owned_bucket(ask)
    await ask(SetGrant(bucket=bucket, principal="user:bob", prefix="b/", role="owner", actor=ACTOR))

    with refused_as("last-owner"):
        await ask(RemoveGrant(bucket=bucket, principal="user:ann", actor=ACTOR))
    await ask(RemoveGrant(bucket=bucket, principal="user:bob", prefix="b/", actor=ACTOR))


async def test_of_two_owners_who_go_at_once_one_stays(ask: Ask) -> None:
    bucket = await an_owned_bucket(ask)
    await ask(SetGrant(bucket=bucket, principal="user:bob", role="owner", actor=ACTOR))

    await asyncio.gather(
        *(
            ask(RemoveGrant(bucket=bucket, principal=owner, actor=ACTOR))
            for owner in ("user:ann", "user:bob")
        ),
        return_exceptions=True,
    )

    assert len(await grants_of(ask, bucket)) == 1


@pytest.mark.parametrize(
    "prefix",
    ["reports", "/", "a//", "../", "a/./", "/a/", "a\x00/", "a\\/", "é" * 512 + "/"],
    ids=["no-slash", "slash", "empty-segment", "up", "dot", "root", "nul", "backslash", "long"],
)
async def test_a_prefix_is_whole_segments(ask: Ask, prefix: str) -> None:
    bucket = await an_owned_bucket(ask)

    with refused_as("invalid-path", field="prefix"):
        await ask(
            SetGrant(bucket=bucket, principal="everyone", prefix=prefix, role="reader", actor=ACTOR)
        )


@pytest.mark.parametrize(
    "principal",
    [
        "",
        "ann",
        "user:",
        "key:1",
        "key:0190a5b0-0000-7000-8000-000000000000\n",
        "user:a b",
        "everyone ",
        "user:-a",
        "role:x",
    ],
)
async def test_a_principal_has_a_form(ask: Ask, principal: str) -> None:
    bucket = await an_owned_bucket(ask)

    with refused_as("malformed-request"):
        await ask(SetGrant(bucket=bucket, principal=principal, role="reader", actor=ACTOR))


async def test_a_bucket_has_room_for_so_many_grants(ask: Ask) -> None:
    bucket = await an_owned_bucket(ask)
    for number in range(MOST_GRANTS - 1):
        await ask(SetGrant(bucket=bucket, principal=f"user:u{number}", role="reader", actor=ACTOR))

    with refused_as("too-many-grants"):
        await ask(SetGrant(bucket=bucket, principal="user:one-more", role="reader", actor=ACTOR))
    await ask(SetGrant(bucket=bucket, principal="user:u0", role="writer", actor=ACTOR))

    assert len(await grants_of(ask, bucket)) == MOST_GRANTS


async def test_grants_end_with_their_bucket(ask: Ask) -> None:
    bucket = await an_owned_bucket(ask)
    await ask(DeleteBucket(name=bucket, actor=ACTOR))

    with refused_as("bucket-not-found", bucket=bucket):
        await ask(GetBucketPolicy(name=bucket))
    await ask(CreateBucket(name=bucket, actor=ACTOR, versioning="off", owned_by="user:bob"))

    assert await grants_of(ask, bucket) == [("", "user:bob", "owner")]


async def test_a_list_shows_what_one_of_the_principals_may_see_and_what_is_public(
    ask: Ask,
) -> None:
    group = f"group:{uuid4()}"
    prefix = a_bucket_name("seen")
    names = [f"{prefix}-{n}" for n in range(4)]
    for name in names:
        await ask(CreateBucket(name=name, actor=ACTOR, versioning="off", owned_by="user:other"))
    await ask(SetGrant(bucket=names[1], principal=group, prefix="a/b/", role="reader", actor=ACTOR))
    await ask(SetGrant(bucket=names[1], principal=group, role="writer", actor=ACTOR))
    await ask(UpdateBucket(name=names[3], actor=ACTOR, public_read=True))

    found = await ask(ListBuckets(start_after=prefix, limit=1, visible_to=[group, "everyone"]))
    rest = await ask(
        ListBuckets(start_after=found.next or "", limit=1, visible_to=[group, "everyone"])
    )

    assert [bucket.name for bucket in (*found.items, *rest.items)] == [names[1], names[3]]
