"""What the gateway remembers: bounded, fresh, and asked for once."""

import asyncio

import pytest

from services.gateway.cache.doubts import A_MOMENT_S, MOST_PLACES, Doubts
from services.gateway.cache.fetches import Fetches
from services.gateway.cache.lru import Lru
from services.gateway.cache.touched import ALL, Touched


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


def test_a_thing_is_believed_from_when_it_was_asked_for() -> None:
    clock = Clock()
    clock.now = 1.5
    cache: Lru[str, int] = Lru("test", most_bytes=30, believe_s=2.0, clock=clock)

    cache.remember("a", 1, 10, since=0.0)

    assert cache.find("a") == 1
    clock.now = 2.0
    assert cache.find("a") is None


def test_many_things_are_forgotten_together() -> None:
    cache: Lru[str, int] = Lru("test", most_bytes=100)
    for key in ("a1", "b1", "a2"):
        cache.remember(key, 1, 10)

    cache.forget_where(lambda key: key.startswith("a"))

    assert (len(cache), cache.bytes, cache.find("b1")) == (1, 10, 1)


def test_what_changed_is_doubted_for_a_moment() -> None:
    clock = Clock()
    doubts = Doubts(clock)

    doubts.begin(Touched(places=[("reports", "a")]))
    doubts.begin(Touched(bucket="photos"))

    places = [("reports", "a"), ("reports", "b"), ("photos", "b")]
    assert list(map(doubts.about, places)) == [True, False, True]
    clock.now = A_MOMENT_S
    assert not any(map(doubts.about, places))


def test_all_is_doubted_when_too_much_changes_to_tell_apart() -> None:
    clock = Clock()
    doubts = Doubts(clock)

    doubts.begin(Touched(places=[("reports", str(number)) for number in range(MOST_PLACES + 1)]))

    assert doubts.about(("photos", "a"))
    clock.now = A_MOMENT_S
    assert not doubts.about(("photos", "a"))
    doubts.begin(ALL, for_s=60.0)
    clock.now += 59.0
    assert doubts.about(("photos", "a"))


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
