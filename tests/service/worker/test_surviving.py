"""What is lost when something dies: nothing."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from libs.chassis.bus import Bus
from libs.contracts.problems import ServiceUnavailable
from libs.contracts.progress import CreateTask, GetTask, ListTaskLogs
from tests.platform import Platform
from tests.service.progress.ledger import Ask, DbOf, a_queue, make_due, until_state
from tests.service.worker.jobs import Diary
from tests.service.worker.working import a_worker, an_order, done, until_stored
from tests.waiting import eventually

NOTICED_WITHIN_S = 15.0
FIRST_PAUSE_S = 1.0


@asynccontextmanager
async def a_program(platform: Platform, queue: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a worker in a process of its own."""
    program = [sys.executable, "-m", "tests.service.worker.program", platform.nats_url, queue]
    process = await asyncio.create_subprocess_exec(*program)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until_done_is(ask: Ask, order: CreateTask, least: int) -> None:
    """Wait until the task has come so far."""

    async def so_far() -> bool:
        return (await ask(GetTask(task_id=order.task_id))).done >= least

    await eventually(so_far, timeout_s=20)


async def test_a_task_goes_on_from_its_checkpoint_when_its_worker_is_killed(
    ask: Ask, admin_bus: Bus, platform: Platform
) -> None:
    order = an_order("test.count", a_queue(), args={"to": 12, "pause_s": 0.2})
    await ask(order)
    async with a_program(platform, order.queue or "") as process:
        await until_done_is(ask, order, 3)
        process.kill()
        await process.wait()
        killed_at = asyncio.get_running_loop().time()

    async with a_worker(admin_bus, order.queue or ""):
        await until_state(ask, order.task_id, "retrying", "queued", "running", timeout_s=1)

        async def given_on() -> bool:
            return (await ask(GetTask(task_id=order.task_id))).attempt == 2

        await eventually(given_on, timeout_s=30)
        noticed_after_s = asyncio.get_running_loop().time() - killed_at
        task = await done(ask, order.task_id)

    assert noticed_after_s <= NOTICED_WITHIN_S + FIRST_PAUSE_S + 1.5
    assert (task.state, task.attempt, task.done) == ("succeeded", 2, 12)
    assert task.result is not None
    assert task.result["resumed_from"] >= 3


async def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_not_finished(
    ask: Ask, admin_bus: Bus, platform: Platform
) -> None:
    order = an_order("test.count", a_queue(), args={"to": 20, "pause_s": 0.1}, max_attempts=1)
    await ask(order)
    async with a_program(platform, order.queue or "") as process:
        await until_done_is(ask, order, 3)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), timeout=5) == 0

    given_back = await ask(GetTask(task_id=order.task_id))
    async with a_worker(admin_bus, order.queue or ""):
        task = await done(ask, order.task_id)

    assert (given_back.state, given_back.attempt, given_back.max_attempts) == ("queued", 1, 2)
    assert (task.state, task.attempt) == ("succeeded", 2)
    assert task.result is not None
    assert task.result["resumed_from"] >= 3


async def test_a_deaf_job_is_stopped_when_its_worker_must_go(
    ask: Ask, admin_bus: Bus, diary: Diary
) -> None:
    order = an_order("test.hold", a_queue(), args={"name": "deaf"})
    await ask(order)

    async with a_worker(admin_bus, order.queue or "", diary, drain_timeout_s=0.3):
        await until_state(ask, order.task_id, "running")

    assert diary.lines == ["begin deaf", "stopped deaf"]
    assert (await ask(GetTask(task_id=order.task_id))).state == "queued"


async def test_a_lane_that_the_server_lost_is_made_again(
    ask: Ask, admin_bus: Bus, diary: Diary
) -> None:
    queue = a_queue()
    async with a_worker(admin_bus, queue, diary):
        first = an_order("test.write", queue, args={"name": "first"})
        await ask(first)
        await done(ask, first.task_id)

        await admin_bus.jetstream.delete_consumer("WORK", f"work-{queue}-normal")
        second = an_order("test.write", queue, args={"name": "second"})
        await ask(second)
        await done(ask, second.task_id)

    assert diary.lines == ["first", "second"]


async def test_work_is_offered_again_when_the_stream_lost_it(
    ask: Ask, admin_bus: Bus, diary: Diary, db_of: DbOf
) -> None:
    queue = a_queue()
    order = an_order("test.write", queue, args={"name": "lost and found"})
    await ask(order)
    await until_stored(admin_bus, queue, 1)
    await admin_bus.jetstream.purge_stream("WORK", subject=f"work.{queue}.>")

    async with a_worker(admin_bus, queue, diary):
        await make_due(db_of, order.task_id)
        await done(ask, order.task_id)

    assert diary.lines == ["lost and found"]


async def test_a_job_goes_on_while_nats_and_the_ledger_are_gone(
    ask: Ask, admin_bus: Bus, platform: Platform
) -> None:
    order = an_order("test.count", a_queue(), args={"to": 15, "pause_s": 0.1})
    await ask(order)

    async with a_worker(admin_bus, order.queue or ""):
        await until_done_is(ask, order, 2)
        platform.stack.kill("nats")
        platform.stack.kill("progress")
        await asyncio.to_thread(platform.stack.wait_ready, "nats", "progress")

        async def over() -> bool:
            with suppress(ServiceUnavailable):
                return (await ask(GetTask(task_id=order.task_id))).state == "succeeded"
            return False

        await eventually(over, timeout_s=30)
        task = await ask(GetTask(task_id=order.task_id))
        logs = await ask(ListTaskLogs(task_id=order.task_id))

    assert (task.attempt, task.result) == (1, {"counted": 15, "resumed_from": 0})
    assert [line.message for line in logs.items] == ["counted to 15"]
