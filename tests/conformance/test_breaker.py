"""A circuit opens at the first failure, is probed with growing pauses, and closes by itself."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest

from libs.blobs import StoreUnavailable
from libs.blobs.breaker import Breaker
from tests.waiting import eventually

FAILURE = StoreUnavailable("the store", "is down")


class Store:
    """What a probe finds: up or down, and for how long it thinks about it."""

    def __init__(self) -> None:
        self.up = True
        self.thinking: asyncio.Event | None = None
        self.probed_at: list[float] = []

    async def probe(self) -> None:
        self.probed_at.append(monotonic())
        if self.thinking is not None:
            await self.thinking.wait()
        if not self.up:
            raise FAILURE

    async def probed(self, times: int) -> None:
        async def so_often() -> bool:
            return len(self.probed_at) >= times

        await eventually(so_often)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def breaker(store: Store) -> AsyncIterator[Breaker]:
    made = Breaker(
        "the store", store.probe, first_pause_s=0.02, longest_pause_s=0.3, answer_within_s=0.5
    )
    yield made
    await made.close()


async def reaches(breaker: Breaker, circuit: str) -> None:
    async def is_there() -> bool:
        return breaker.circuit == circuit

    await eventually(is_there, pause_s=0.001)


async def test_it_opens_at_the_first_failure_and_closes_when_a_probe_succeeds(
    store: Store, breaker: Breaker
) -> None:
    store.up = False

    breaker.failed(FAILURE)
    breaker.failed(FAILURE)
    await store.probed(3)

    assert breaker.circuit in {"open", "half-open"}
    assert breaker.openings == 1
    store.up = True
    await reaches(breaker, "closed")


async def test_it_is_half_open_while_a_probe_is_under_way(store: Store, breaker: Breaker) -> None:
    store.thinking = asyncio.Event()

    breaker.failed(FAILURE)
    await store.probed(1)

    assert breaker.circuit == "half-open"
    store.thinking.set()
    await reaches(breaker, "closed")


async def test_pauses_grow_until_the_store_did_real_work(store: Store, breaker: Breaker) -> None:
    for _ in range(4):
        breaker.failed(FAILURE)
        failed_at = monotonic()
        await reaches(breaker, "closed")
    paused_s = store.probed_at[-1] - failed_at

    breaker.succeeded()
    breaker.failed(FAILURE)
    failed_at = monotonic()
    await reaches(breaker, "closed")

    assert paused_s >= 0.16  # doubled three times
    assert store.probed_at[-1] - failed_at < paused_s


async def test_a_probe_that_gets_no_answer_is_a_failure(store: Store, breaker: Breaker) -> None:
    store.thinking = asyncio.Event()

    assert not await breaker.is_closed(fresh_s=0)
    assert breaker.circuit != "closed"


async def test_many_that_ask_at_once_share_one_probe(store: Store, breaker: Breaker) -> None:
    assert all(await asyncio.gather(*(breaker.is_closed(fresh_s=60) for _ in range(20))))

    assert await breaker.is_closed(fresh_s=60)
    assert len(store.probed_at) == 1


async def test_one_that_goes_away_takes_no_answer_from_the_others(
    store: Store, breaker: Breaker
) -> None:
    store.thinking = asyncio.Event()
    impatient, patient = (asyncio.create_task(breaker.is_closed(fresh_s=0)) for _ in range(2))
    await store.probed(1)

    impatient.cancel()
    store.thinking.set()

    assert await patient
    assert len(store.probed_at) == 1


async def test_nothing_is_probed_after_it_was_closed_for_good(
    store: Store, breaker: Breaker
) -> None:
    store.up = False
    breaker.failed(FAILURE)
    await store.probed(2)

    await breaker.close()
    probed = len(store.probed_at)
    await asyncio.sleep(0.4)

    assert len(store.probed_at) == probed
