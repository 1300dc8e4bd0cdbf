"""What a gateway believes of buckets: not for long, not more than it may, and never a refusal."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from libs.chassis.bus import Bus
from libs.contracts.problems import AnsweredWithProblem, Problem
from libs.contracts.storage import (
    CreateBucket,
    DeleteBucket,
    RemoveGrant,
    SetGrant,
    UpdateBucket,
)
from services.gateway.domain.keys import Identity
from services.gateway.edge.access import Access
from services.gateway.edge.known_buckets import KnownBuckets
from services.gateway.edge.platform import Platform
from tests.builders import a_bucket_name
from tests.service.storage.bucket import ACTOR, Ask
from tests.waiting import eventually


class Changes:
    """Names of buckets that were heard to change."""

    def __init__(self, known: KnownBuckets) -> None:
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        known.when_changed(self._heard.put_nowait)

    async def until(self, name: str) -> None:
        async with asyncio.timeout(20):
            while await self._heard.get() != name:
                pass


@pytest.fixture
async def known(admin_bus: Bus) -> AsyncIterator[KnownBuckets]:
    """A second gateway's memory: nothing that the first one does reaches it but by events."""
    async with remembering(admin_bus) as known:
        yield known


@asynccontextmanager
async def remembering(bus: Bus, **limits: float) -> AsyncIterator[KnownBuckets]:
    async with KnownBuckets(Platform(bus, 5.0), bus, **limits) as known:  # type: ignore[arg-type]
        yield known


@pytest.fixture
async def bucket(ask: Ask) -> str:
    """A bucket that nobody owns: an owner's grant would be heard of at some later moment."""
    name = a_bucket_name("known")
    await ask(CreateBucket(name=name, actor=ACTOR, versioning="off"))
    return name


def key() -> Identity:
    return Identity(key_id=uuid4(), name="k", scopes=frozenset({"read", "write"}))


async def test_a_bucket_is_asked_for_once_by_however_many(known: KnownBuckets, bucket: str) -> None:
    at_once = await asyncio.gather(*(known.get(bucket) for _ in range(20)))
    later = await known.get(bucket)

    assert {id(each) for each in at_once} == {id(later)}
    assert later.info.name == bucket
    assert later.grants == []


async def test_what_is_believed_ends_by_itself(admin_bus: Bus, bucket: str) -> None:
    async with remembering(admin_bus, believe_s=0.0) as known:
        assert await known.get(bucket) is not await known.get(bucket)


async def test_who_wants_it_as_it_is_now_gets_that(known: KnownBuckets, bucket: str) -> None:
    believed = await known.get(bucket)
    now = time.monotonic()

    fresh = await known.get(bucket, since=now)

    assert believed.asked_at < now <= fresh.asked_at
    assert await known.get(bucket) is fresh


async def test_a_change_that_another_gateway_made_is_heard(
    ask: Ask, known: KnownBuckets, bucket: str
) -> None:
    changes = Changes(known)
    await known.get(bucket)

    await ask(UpdateBucket(name=bucket, actor=ACTOR, public_read=True))
    await changes.until(bucket)
    assert (await known.get(bucket)).info.public_read

    await ask(SetGrant(bucket=bucket, principal="everyone", role="reader", actor=ACTOR))
    await changes.until(bucket)
    assert [grant.principal for grant in (await known.get(bucket)).grants] == ["everyone"]

    await ask(DeleteBucket(name=bucket, actor=ACTOR))
    await changes.until(bucket)
    with pytest.raises(AnsweredWithProblem) as refused:
        await known.get(bucket)
    assert refused.value.named == "bucket-not-found"


async def test_a_grant_that_was_taken_back_ends_on_other_gateways_too(
    ask: Ask, known: KnownBuckets, bucket: str
) -> None:
    who = key()
    changes, access = Changes(known), Access(who, known)
    await ask(SetGrant(bucket=bucket, principal=who.actor, role="reader", actor=ACTOR))
    await access.check(bucket, "a")
    await changes.until(bucket)  # the grant that was given
    await access.check(bucket, "a")

    await ask(RemoveGrant(bucket=bucket, principal=who.actor, actor=ACTOR))
    await changes.until(bucket)

    with pytest.raises(Problem, match=bucket):
        await access.check(bucket, "a")


async def test_a_refusal_never_comes_from_memory(
    ask: Ask, known: KnownBuckets, bucket: str
) -> None:
    access = Access(key(), known)
    believed = await known.get(bucket)

    with pytest.raises(Problem) as hidden:
        await access.check(bucket)
    with pytest.raises(Problem) as nothing:
        await access.check(a_bucket_name("absent"))

    assert (await known.get(bucket)).asked_at > believed.asked_at
    assert hidden.value.details().code == nothing.value.details().code == "bucket-not-found"
    assert hidden.value.details().title == nothing.value.details().title


async def test_an_answer_that_a_change_overtook_is_not_believed(
    known: KnownBuckets, bucket: str
) -> None:
    on_its_way = asyncio.create_task(known.get(bucket))
    await asyncio.sleep(0)

    known.forget(bucket)

    assert await known.get(bucket) is not await on_its_way


async def test_who_gives_up_waiting_takes_nothing_from_others(
    known: KnownBuckets, bucket: str
) -> None:
    impatient, patient = (asyncio.create_task(known.get(bucket)) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()

    assert (await patient).info.name == bucket


async def test_memory_is_bounded_by_buckets_and_grants(admin_bus: Bus, ask: Ask) -> None:
    names = [a_bucket_name("bound") for _ in range(3)]
    for name in names:
        await ask(CreateBucket(name=name, actor=ACTOR, versioning="off", owned_by="user:ann"))

    async with remembering(admin_bus, most=4) as known:

        async def two_of_three_are_remembered() -> bool:
            # Until the events of their owners' grants have come, any may be forgotten at any time.
            first, second, third = [await known.get(name) for name in names]
            assert await known.get(names[2]) is third
            assert await known.get(names[1]) is second
            assert await known.get(names[0]) is not first
            return True

        await eventually(two_of_three_are_remembered)
