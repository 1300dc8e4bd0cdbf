"""How the ledger takes requests, dispatches and keeps what it promises."""

import asyncio
from typing import Any

import asyncpg
import pytest

from libs.chassis.bus import Bus
from libs.contracts import envelope
from libs.contracts.base import Request
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.progress import (
    CancelTask,
    ClaimTask,
    FinishTask,
    GetTask,
    GiveBackTask,
    ListTasks,
    ReportTask,
    RetryTask,
    TaskCreated,
    TaskRequested,
    WorkReady,
)
from services.progress.ledger import Ledger
from services.progress.loops import Hearing, see_to_due_tasks
from services.progress.repository import counts
from services.progress.settings import Settings
from tests.listening import Events
from tests.service.progress.ledger import Ask, DbOf, a_queue, an_order, make_due, until_state


async def publish(bus: Bus, event: TaskRequested) -> None:
    await bus.jetstream.publish(
        event.subject(), envelope.encode(event), headers=envelope.headers(event)
    )


def a_request(**changes: object) -> TaskRequested:
    fields = {"task_id": new_id(), "kind": "test.work", "queue": a_queue(), "actor": "key:test"}
    return TaskRequested(**(fields | changes))  # type: ignore[arg-type]


async def test_a_requested_task_is_recorded_once_and_dispatched(
    ask: Ask, admin_bus: Bus, events: Events
) -> None:
    request = a_request(priority="high", title="Take a snapshot")
    waiting = asyncio.create_task(ask(GetTask(task_id=request.task_id, wait_s=2)))

    await publish(admin_bus, request)
    await publish(admin_bus, request)
    await publish(admin_bus, a_request(task_id=request.task_id, queue=request.queue))

    task = await waiting
    assert (task.state, task.attempt, task.title) == ("queued", 0, "Take a snapshot")
    [ready] = await events.until(WorkReady, lambda e: e.task_id == request.task_id)
    assert (ready.subject(), ready.attempt) == (f"work.{request.queue}.high", 1)
    after = a_request()
    await publish(admin_bus, after)
    await ask(GetTask(task_id=after.task_id, wait_s=2))
    assert len(events.of(TaskCreated, lambda e: e.task_id == request.task_id)) == 1


async def test_a_request_that_is_too_large_becomes_a_task_that_failed(
    ask: Ask, admin_bus: Bus
) -> None:
    request = a_request(args={"x": "y" * 65_536})

    await publish(admin_bus, request)

    task = await ask(GetTask(task_id=request.task_id, wait_s=2))
    assert task.state == "failed"
    assert task.problem is not None
    assert task.problem.code == "task-too-large"


async def test_nobody_waits_for_a_task_longer_than_was_asked(ask: Ask) -> None:
    begun = asyncio.get_running_loop().time()

    with pytest.raises(AnsweredWithProblem, match="task-not-found"):
        await ask(GetTask(task_id=new_id(), wait_s=0.3))

    assert 0.3 <= asyncio.get_running_loop().time() - begun < 1.5


async def test_an_attempt_is_given_to_one_worker(ask: Ask) -> None:
    order = an_order(queue=a_queue(), args={"n": 7})
    await ask(order)
    claims = [ClaimTask(task_id=order.task_id, attempt=1, worker=f"w{n}") for n in range(8)]

    answers = await asyncio.gather(*(ask(claim) for claim in claims), return_exceptions=True)

    given = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer.named for answer in answers if isinstance(answer, AnsweredWithProblem)]
    assert [(claimed.attempt, claimed.args) for claimed in given] == [(1, {"n": 7})]
    assert refused == ["task-not-claimable"] * 7


async def test_a_late_worker_cannot_overwrite(ask: Ask, db_of: DbOf) -> None:
    order = an_order(queue=a_queue())
    await ask(order)
    await ask(ClaimTask(task_id=order.task_id, attempt=1, worker="late"))
    await ask(ReportTask(task_id=order.task_id, attempt=1, checkpoint={"at": 5}))
    await make_due(db_of, order.task_id)
    await until_state(ask, order.task_id, "queued", timeout_s=20)
    second = await ask(ClaimTask(task_id=order.task_id, attempt=2, worker="quick"))
    assert second.checkpoint == {"at": 5}

    too_late: list[Request[Any]] = [
        ReportTask(task_id=order.task_id, attempt=1, checkpoint={"at": 6}),
        FinishTask(task_id=order.task_id, attempt=1, outcome="succeeded"),
        GiveBackTask(task_id=order.task_id, attempt=1),
    ]
    for late in too_late:
        with pytest.raises(AnsweredWithProblem) as refused:
            await ask(late)
        assert (refused.value.named, refused.value.details().status) == ("attempt-is-over", 409)

    done = await ask(FinishTask(task_id=order.task_id, attempt=2, outcome="succeeded"))
    assert (done.state, done.attempt) == ("succeeded", 2)


async def test_a_lost_worker_of_a_cancelled_task_is_not_replaced(ask: Ask, db_of: DbOf) -> None:
    order = an_order(queue=a_queue())
    await ask(order)
    await ask(ClaimTask(task_id=order.task_id, attempt=1, worker="w"))
    await ask(CancelTask(task_id=order.task_id, actor="key:test"))

    await make_due(db_of, order.task_id)

    await until_state(ask, order.task_id, "cancelled", timeout_s=20)


async def test_a_task_that_nobody_runs_is_cancelled_at_once_and_can_run_again(
    ask: Ask, events: Events
) -> None:
    order = an_order(queue=a_queue())
    await ask(order)

    cancelled = await ask(CancelTask(task_id=order.task_id, actor="key:test"))
    with pytest.raises(AnsweredWithProblem, match="task-not-claimable"):
        await ask(ClaimTask(task_id=order.task_id, attempt=1, worker="w"))
    again = await ask(RetryTask(task_id=order.task_id, actor="key:test"))

    assert cancelled.state == "cancelled"
    assert (again.state, again.cancel_requested) == ("queued", False)
    await events.until(WorkReady, lambda e: e.task_id == order.task_id, count=2)
    assert (await ask(ClaimTask(task_id=order.task_id, attempt=1, worker="w"))).attempt == 1


async def test_unclaimed_work_is_offered_again(ask: Ask, db_of: DbOf, events: Events) -> None:
    order = an_order(queue=a_queue())
    await ask(order)

    await make_due(db_of, order.task_id)

    ready = await events.until(WorkReady, lambda e: e.task_id == order.task_id, count=2)
    assert [event.attempt for event in ready] == [1, 1]
    assert ready[0].event_id != ready[1].event_id


async def test_two_ledgers_that_look_at_once_offer_everything_once(
    ask: Ask, db_of: DbOf, admin_bus: Bus, events: Events
) -> None:
    orders = [an_order(queue=a_queue()) for _ in range(60)]
    for order in orders:
        await ask(order)
    ids = {order.task_id for order in orders}
    settings = Settings(database_url="", nats_url="")
    db = await db_of("progress")
    ledgers = [Ledger(db, admin_bus, settings.pace(), settings.limits()) for _ in range(2)]
    async with db.transaction() as tx:
        await tx.execute("UPDATE task SET due_at = now() WHERE task_id = ANY ($1)", list(ids))

    await asyncio.gather(*(see_to_due_tasks(ledger, Hearing(admin_bus)) for ledger in ledgers))

    await events.until(WorkReady, lambda e: e.task_id in ids, count=120)
    async with db.connection() as conn:
        offered = await conn.fetchval(
            "SELECT array_agg(DISTINCT dispatches) FROM task WHERE task_id = ANY ($1)", list(ids)
        )
    assert offered == [2]
    assert len(events.of(WorkReady, lambda e: e.task_id in ids)) == 120


async def test_tasks_are_listed_newest_first_by_state_and_kind(ask: Ask) -> None:
    kind = f"test.listed-{new_id().hex[-12:]}"
    ids = []
    for _ in range(5):
        order = an_order(kind=kind)
        await ask(order)
        ids.append(order.task_id)
    await ask(FinishTask(task_id=ids[2], outcome="succeeded"))

    first = await ask(ListTasks(kind=kind, limit=3))
    rest = await ask(ListTasks(kind=kind, limit=3, before=first.next))
    over = await ask(ListTasks(kind=kind, state="succeeded"))
    newest = await ask(ListTasks(limit=1))

    assert [task.task_id for task in first.items] == [ids[4], ids[3], ids[2]]
    assert [task.task_id for task in rest.items] == [ids[1], ids[0]]
    assert rest.next is None
    assert [task.task_id for task in over.items] == [ids[2]]
    assert len(newest.items) == 1


async def test_the_counts_of_states_are_those_of_the_rows(ask: Ask, db_of: DbOf) -> None:
    order = an_order(queue=a_queue())
    await ask(order)
    await ask(CancelTask(task_id=order.task_id, actor="key:test"))
    db = await db_of("progress")

    async with db.transaction(isolation="repeatable_read") as tx:
        await counts.fold(tx)
        counted = await counts.by_state(tx)
        rows = await tx.fetch("SELECT state, count(*) AS tasks FROM task GROUP BY state")

    assert {state: tasks for state, tasks in counted.items() if tasks} == {
        row["state"]: row["tasks"] for row in rows
    }


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("state = 'cancelled', worker = NULL", "task_that_is_over_has_its_time"),
        ("state = 'retrying'", "task_external_is_never_dispatched"),
        ("state = 'sleeping', worker = NULL", "task_state_is_known"),
        ("worker = NULL", "task_has_a_worker_while_it_runs"),
        ("due_at = now()", "task_is_due_while_it_is_watched"),
        ("attempt = max_attempts + 1", "task_attempts_are_bounded"),
        ("done = -1", "task_progress_not_negative"),
        ("result = '{}'", "task_result_is_of_a_success"),
        ("problem = '{}'", "task_problem_is_of_a_failed_attempt"),
    ],
)
async def test_the_table_refuses_what_the_state_machine_never_makes(
    ask: Ask, db_of: DbOf, change: str, rule: str
) -> None:
    order = an_order()
    await ask(order)
    db = await db_of("progress")

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        async with db.transaction() as tx:
            await tx.execute(f"UPDATE task SET {change} WHERE task_id = $1", order.task_id)  # noqa: S608

    assert refused.value.constraint_name == rule
