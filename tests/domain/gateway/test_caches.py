"""What the gateway remembers: bounded, fresh, and asked for once."""

import asyncio

import pytest

from services.gateway.cache.fetches import Fetches
from services.gateway.cache.lru import Lru


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_not_asked_for_the_longest_makes_room() -> None:
    cache: Lru[str, int] = Lru("test", most_bytes=30)
    for number, key in enumerate("abc"):
        cache.remember(key, number, 10)

    cache.find("a")
    cache.remember("d", 3, 10)

    assert [cache.find(key) for key in "abcd"] == [0, None, 2, 3]
    assert (cache.bytes, len(cache), cache.evictions) == (30, 3, 1)


def test_nothing_is_believed_for_longer_than_it_may_be() -> None:
    clock = Clock()
    cache: Lru[str, int] = Lru("test", most_bytes=30, believe_s=2.0, clock=clock)
    cache.remember("a", 1, 10)

    clock.now = 1.9
    assert cache.find("a") == 1
    clock.now = 2.0
    assert cache.find("a") is None
    assert cache.bytes == 0


def test_what_is_larger_than_the_cache_pushes_nothing_out() -> None:
    cache: Lru[str, int] = Lru("test", most_bytes=30)
    cache.remember("a", 1, 10)

    cache.remember("large", 2, 31)

    assert cache.find("a") == 1
    assert cache.find("large") is None


def test_a_thing_that_is_remembered_again_counts_once() -> None:
    cache: Lru[str, int] = Lru("test", most_bytes=30)
    cache.remember("a", 1, 10)
    cache.remember("a", 2, 20)

    assert (cache.find("a"), cache.bytes) == (2, 20)


class Source:
    """Answers when it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.kept: list[int] = []

    async def fetch(self) -> int:
        self.asked += 1
        mine = self.asked
        await self.may_answer.wait()
        return mine


async def test_who_asks_at_the_same_time_asks_once() -> None:
    source, fetches = Source(), Fetches[str, int]()
    asking = [
        asyncio.create_task(fetches.run("a", source.fetch, source.kept.append)) for _ in range(5)
    ]
    await asyncio.sleep(0)

    source.may_answer.set()

    assert await asyncio.gather(*asking) == [1] * 5
    assert source.kept == [1]


async def test_an_answer_from_before_a_change_is_not_kept() -> None:
    source, fetches = Source(), Fetches[str, int]()
    before = asyncio.create_task(fetches.run("a", source.fetch, source.kept.append))
    await asyncio.sleep(0)

    fetches.forget("a")
    after = asyncio.create_task(fetches.run("a", source.fetch, source.kept.append))
    await asyncio.sleep(0)
    source.may_answer.set()

    assert (await before, await after) == (1, 2)
    assert source.kept == [2]


async def test_who_gives_up_takes_the_answer_from_nobody_else() -> None:
    source, fetches = Source(), Fetches[str, int]()
    impatient = asyncio.create_task(fetches.run("a", source.fetch, source.kept.append))
    patient = asyncio.create_task(fetches.run("a", source.fetch, source.kept.append))
    await asyncio.sleep(0)

    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    source.may_answer.set()

    assert await patient == 1


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    fetches, kept = Fetches[str, int](), list[int]()

    async def fail() -> int:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            await fetches.run("a", fail, kept.append)
    assert kept == []
