"""Whoever takes over the name of a deleted bucket is never shown its history."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import httpx

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.problems import ServiceUnavailable
from libs.contracts.storage import CreateBucket, DeleteBucket, DeleteFile
from libs.contracts.versioning import ListCommits, Restore
from services.gateway.edge.known_buckets import KnownBuckets
from services.gateway.edge.platform import Platform
from tests.builders import a_bucket_name
from tests.journeys.callers import calling, new_key
from tests.service.storage.bucket import ACTOR, Ask
from tests.service.storage.refusals import refused_as
from tests.waiting import eventually

API = "/api/v1/buckets"
SECRET = "for-nobody-else"
QUESTIONS = (
    "/commits",
    "/commits/main",
    f"/versions?path={SECRET}",
    f"/files/{SECRET}?ref=main",
    f"/files/{SECRET}?version=1",
    "/files?ref=main",
    "/files?ref=main~1",
)


async def a_bucket_with_history(http: httpx.AsyncClient) -> str:
    name = a_bucket_name("taken")
    await http.post(API, json={"name": name})
    await http.put(f"{API}/{name}/files/{SECRET}", content=new_id().bytes)

    async def recorded() -> bool:
        return bool((await http.get(f"{API}/{name}/commits")).json()["items"])

    await eventually(recorded)
    return name


@asynccontextmanager
async def history_stands_still(versioning: Database, bucket: str) -> AsyncIterator[UUID]:
    """Let versioning hear of nothing that happens from now on: it waits behind this bucket."""
    async with versioning.transaction() as tx:
        bucket_id: UUID = await tx.fetchval(
            "SELECT bucket_id FROM repository WHERE bucket = $1 FOR UPDATE", bucket
        )
        yield bucket_id


async def delete_with_files(http: httpx.AsyncClient, name: str) -> None:
    await http.delete(f"{API}/{name}", params={"force": True})

    async def gone() -> bool:
        return (await http.get(f"{API}/{name}")).status_code == 404

    await eventually(gone, timeout_s=30)


async def test_a_taken_name_shows_nothing_of_before_although_history_lags_behind(
    http: httpx.AsyncClient, db_of: Callable[[str], Awaitable[Database]]
) -> None:
    name = await a_bucket_with_history(http)
    key = (await new_key(http, "read", "write"))["key"]
    async with calling(http, key) as heir:
        async with history_stands_still(await db_of("versioning"), name):
            await delete_with_files(http, name)
            assert (await heir.post(API, json={"name": name})).status_code == 201

            asked = await asyncio.gather(
                *(
                    caller.get(f"{API}/{name}{question}")
                    for question in QUESTIONS
                    for caller in (heir, http)
                )
            )

        assert {answer.status_code for answer in asked} == {503}

        async def caught_up() -> bool:
            return (await heir.get(f"{API}/{name}/commits")).status_code == 200

        await eventually(caught_up, timeout_s=30)
        assert (await heir.get(f"{API}/{name}/commits")).json()["items"] == []


async def test_a_gateway_that_missed_a_change_of_names_asks_again(
    admin_bus: Bus, ask: Ask, http: httpx.AsyncClient
) -> None:
    name = await a_bucket_with_history(http)
    platform = Platform(admin_bus, 5.0)
    # It hears no events: it was never opened.
    deaf = KnownBuckets(platform, admin_bus, believe_s=3600.0)
    platform.bucket_ids.append(deaf)
    before = await platform.ask(ListCommits(bucket=name))

    await ask(DeleteFile(bucket=name, path=SECRET, actor=ACTOR))
    await ask(DeleteBucket(name=name, actor=ACTOR))
    now = await ask(CreateBucket(name=name, actor=ACTOR))

    async def of_the_new_one() -> bool:
        try:
            return (await platform.ask(ListCommits(bucket=name))).items == []
        except ServiceUnavailable:
            return False

    assert before.items
    await eventually(of_the_new_one)
    assert await deaf.id_of(name) == now.bucket_id


async def test_a_question_that_says_which_bucket_is_left_as_it_is(
    admin_bus: Bus, ask: Ask, http: httpx.AsyncClient
) -> None:
    name = await a_bucket_with_history(http)
    platform = Platform(admin_bus, 5.0)
    platform.bucket_ids.append(KnownBuckets(platform, admin_bus))

    with refused_as("bucket-not-found"):
        await platform.ask(Restore(bucket=name, bucket_id=new_id(), to="main", actor=ACTOR))
