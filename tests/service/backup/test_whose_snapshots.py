"""Snapshots belong to their bucket's owners, not to whoever takes its name later."""

from uuid import uuid4

import httpx

from libs.contracts.backup import TargetInfo
from libs.contracts.storage import DeleteBucket
from tests.journeys.callers import calling, give, new_key, told
from tests.service.backup.steps import ACTOR, Ask, Backups, Files

SNAPSHOTS = "/api/v1/backups/snapshots"


async def test_an_owner_sees_the_snapshots_and_nobody_else(
    http: httpx.AsyncClient, files: Files, target: TargetInfo, backups: Backups
) -> None:
    await files.put("a", uuid4().bytes)
    snapshot = await backups.take(files.bucket, target.name)
    owner, writer = [await new_key(http, "read", "write") for _ in range(2)]
    await give(http, files.bucket, f"key:{owner['key_id']}", "owner")
    await give(http, files.bucket, f"key:{writer['key_id']}", "writer")
    one, query = f"{SNAPSHOTS}/{snapshot.snapshot_id}", {"bucket": files.bucket}

    async with calling(http, owner["key"]) as client:
        listed = await client.get(SNAPSHOTS, params=query)
        shown = await client.get(one)
    async with calling(http, writer["key"]) as client:
        hidden = await client.get(one)
        nothing = await client.get(f"{SNAPSHOTS}/{(absent := uuid4())}")
        refused = [
            await client.post(f"{one}/verifications"),
            await client.post(
                "/api/v1/backups/restores", json={"snapshot": str(snapshot.snapshot_id)}
            ),
        ]

    assert [one["snapshot_id"] for one in listed.json()["items"]] == [str(snapshot.snapshot_id)]
    assert shown.status_code == 200
    assert hidden.status_code == 404
    assert told(hidden).keys() == told(nothing).keys()
    assert str(told(hidden)).replace(str(snapshot.snapshot_id), str(absent)) == str(told(nothing))
    assert [answer.status_code for answer in refused] == [404, 404]


async def test_who_takes_a_buckets_name_does_not_get_its_snapshots(
    http: httpx.AsyncClient, ask: Ask, files: Files, target: TargetInfo, backups: Backups
) -> None:
    await files.put("a", uuid4().bytes)
    before = await backups.take(files.bucket, target.name)
    await files.remove_all()
    await ask(DeleteBucket(name=files.bucket, actor=ACTOR))
    other = await new_key(http, "read", "write")

    async with calling(http, other["key"]) as client:
        made = await client.post("/api/v1/buckets", json={"name": files.bucket})
        listed = await client.get(SNAPSHOTS, params={"bucket": files.bucket})
        shown = await client.get(f"{SNAPSHOTS}/{before.snapshot_id}")

    assert made.status_code == 201
    assert listed.json() == {"items": [], "next": None}
    assert shown.status_code == 404
