"""A worker runs what the ledger gives it, and tells how it went."""

import asyncio

import pytest

from libs.chassis.bus import Bus
from libs.contracts.progress import (
    CancelTask,
    GetTask,
    TaskFinished,
)
from libs.worker import Worker
from tests.listening import Events
from tests.service.progress.ledger import Ask, DbOf, a_queue, make_due, ticks_of, until_state
from tests.service.worker import jobs
from tests.service.worker.jobs import Diary
from tests.service.worker.working import a_worker, an_order, done, lines, until_stored
from tests.waiting import eventually


async def test_a_task_is_run_and_everybody_can_watch(
    ask: Ask, admin_bus: Bus, events: Events
) -> None:
    order = an_order("test.count", a_queue(), args={"to": 5, "pause_s": 0.15})
    async with ticks_of(admin_bus, order.task_id) as ticks, a_worker(admin_bus, order.queue or ""):
        await ask(order)
        task = await done(ask, order.task_id)
        [over] = await events.until(TaskFinished, lambda e: e.task_id == order.task_id)

    assert (task.state, task.result) == ("succeeded", {"counted": 5, "resumed_from": 0})
    assert (task.done, task.total, task.unit, task.attempt) == (5, 5, "items", 1)
    assert await lines(ask, order.task_id) == ["counted to 5"]
    assert over.result == task.result
    assert [tick.offset for tick in ticks] == list(range(1, len(ticks) + 1))
    assert [tick.state for tick in ticks][:2] == ["queued", "running"]
    assert ticks[-1].state == "succeeded"
    seen = [tick.done for tick in ticks]
    assert seen == sorted(seen)
    assert set(range(5)) <= set(seen)


async def test_arguments_that_do_not_fit_fail_for_good(ask: Ask, admin_bus: Bus) -> None:
    order = an_order("test.count", a_queue(), args={"to": "five"})
    await ask(order)

    async with a_worker(admin_bus, order.queue or ""):
        task = await done(ask, order.task_id)

    assert (task.state, task.attempt) == ("failed", 1)
    assert task.problem is not None
    assert task.problem.code == "bad-arguments"
    assert "$.to" in task.problem.detail


async def test_a_named_failure_is_final_and_shown_as_it_is(ask: Ask, admin_bus: Bus) -> None:
    order = an_order("test.refuse", a_queue())
    await ask(order)

    async with a_worker(admin_bus, order.queue or ""):
        task = await done(ask, order.task_id)

    assert (task.state, task.attempt) == ("failed", 1)
    assert task.problem is not None
    assert (task.problem.code, task.problem.detail) == ("out-of-paper", "tray 2")


async def test_a_failure_that_passes_is_tried_again(ask: Ask, admin_bus: Bus) -> None:
    order = an_order("test.pass-by", a_queue())
    await ask(order)

    async with a_worker(admin_bus, order.queue or ""):
        task = await done(ask, order.task_id)

    assert (task.state, task.result) == ("succeeded", {"attempt": 2})


async def test_a_broken_job_is_tried_again_after_growing_pauses(ask: Ask, admin_bus: Bus) -> None:
    order = an_order("test.break", a_queue())
    begun = asyncio.get_running_loop().time()
    await ask(order)

    async with a_worker(admin_bus, order.queue or ""):
        retrying = await until_state(ask, order.task_id, "retrying")
        task = await done(ask, order.task_id)

    assert asyncio.get_running_loop().time() - begun >= 1 + 4
    assert (task.state, task.result, task.problem) == ("succeeded", {"attempt": 3}, None)
    assert retrying.problem is not None
    assert retrying.problem.code == "internal-error"
    told = await lines(ask, order.task_id)
    assert len(told) == 2
    assert retrying.problem.fields["incident"] in told[0]
    assert not any("secret" in text for text in [*told, repr(retrying.problem)])


async def test_a_result_that_is_too_large_is_a_failure_with_a_name(
    ask: Ask, admin_bus: Bus
) -> None:
    order = an_order("test.boast", a_queue())
    await ask(order)

    async with a_worker(admin_bus, order.queue or ""):
        task = await done(ask, order.task_id)

    assert task.state == "failed"
    assert task.problem is not None
    assert task.problem.code == "task-too-large"


async def test_a_task_of_an_unknown_kind_waits_for_a_worker_that_knows_it(
    ask: Ask, admin_bus: Bus
) -> None:
    order = an_order("test.unheard-of", a_queue())
    await ask(order)

    async with a_worker(admin_bus, order.queue or ""):
        task = await until_state(ask, order.task_id, "retrying")

    assert task.problem is not None
    assert task.problem.code == "no-such-job"


async def test_a_cancelled_job_stops_at_its_next_safe_point(ask: Ask, admin_bus: Bus) -> None:
    order = an_order("test.count", a_queue(), args={"to": 1000, "pause_s": 0.02})
    await ask(order)

    async with a_worker(admin_bus, order.queue or ""):
        await until_state(ask, order.task_id, "running")
        await ask(CancelTask(task_id=order.task_id, actor="key:test"))
        task = await done(ask, order.task_id)

    assert task.state == "cancelled"
    assert task.cancel_requested
    assert 0 <= task.done < 1000


async def test_urgent_work_goes_first(ask: Ask, admin_bus: Bus, diary: Diary) -> None:
    queue = a_queue()
    for priority in ("low", "normal", "high", "low", "high"):
        args = {"name": priority}
        await ask(an_order("test.write", queue, priority=priority, args=args))
    waiting = await until_stored(admin_bus, queue, 5)
    assert waiting == 5

    async with a_worker(admin_bus, queue, diary, concurrency=1):

        async def all_written() -> bool:
            return len(diary.lines) == 5

        await eventually(all_written)

    assert diary.lines == ["high", "high", "normal", "low", "low"]


async def test_a_worker_takes_no_more_than_it_has_room_for(
    ask: Ask, admin_bus: Bus, diary: Diary
) -> None:
    queue = a_queue()
    orders = [an_order("test.hold", queue, args={"name": str(n)}) for n in range(4)]
    for order in orders:
        await ask(order)

    async with a_worker(admin_bus, queue, diary, concurrency=2):

        async def two_begun() -> bool:
            return len(diary.lines) == 2

        await eventually(two_begun)
        states = [(await ask(GetTask(task_id=order.task_id))).state for order in orders]
        assert sorted(states) == ["queued", "queued", "running", "running"]
        diary.go_on.set()
        for order in orders:
            assert (await done(ask, order.task_id)).state == "succeeded"


async def test_work_that_comes_twice_is_done_once(
    ask: Ask, admin_bus: Bus, diary: Diary, db_of: DbOf
) -> None:
    queue = a_queue()
    order = an_order("test.write", queue, args={"name": "once"})
    await ask(order)
    await make_due(db_of, order.task_id)
    assert await until_stored(admin_bus, queue, 2) == 2

    async with a_worker(admin_bus, queue, diary):
        await done(ask, order.task_id)
        last = an_order("test.write", queue, args={"name": "last"})
        await ask(last)
        await done(ask, last.task_id)

    assert diary.lines == ["once", "last"]


async def test_an_attempt_that_was_given_to_another_worker_is_stopped(
    ask: Ask, admin_bus: Bus, diary: Diary, db_of: DbOf
) -> None:
    order = an_order("test.hold", a_queue(), args={"name": "a"})
    await ask(order)

    async with a_worker(admin_bus, order.queue or "", diary):
        await until_state(ask, order.task_id, "running")
        await make_due(db_of, order.task_id)

        async def begun_again() -> bool:
            return diary.lines == ["begin a", "stopped a", "begin a"] or (
                sorted(diary.lines) == ["begin a", "begin a", "stopped a"]
            )

        await eventually(begun_again, timeout_s=30)
        diary.go_on.set()
        task = await done(ask, order.task_id)

    assert (task.state, task.attempt) == ("succeeded", 2)


async def test_a_job_that_asks_for_what_is_not_given_stops_the_start(admin_bus: Bus) -> None:
    with pytest.raises(TypeError, match="diary"):
        Worker(admin_bus, queue=a_queue(), jobs=[jobs])
