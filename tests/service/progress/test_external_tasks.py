"""Tasks that a user's program runs and reports."""

from datetime import UTC, datetime
from typing import Any

import pytest

from libs.chassis.bus import Bus
from libs.contracts.base import Request
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem, ProblemDetails
from libs.contracts.progress import (
    CancelTask,
    DeleteTask,
    FinishTask,
    GetTask,
    ListTaskLogs,
    ReportTask,
    RetryTask,
    TaskCreated,
    TaskFinished,
    TaskLog,
    TaskProgressed,
    TaskProgressNow,
    WorkReady,
)
from tests.listening import Events
from tests.service.progress.ledger import Ask, DbOf, an_order, make_due, ticks_of, until_state
from tests.waiting import eventually


async def test_an_external_task_lives_by_what_its_program_reports(
    ask: Ask, admin_bus: Bus, events: Events
) -> None:
    order = an_order(title="Train the model")
    async with ticks_of(admin_bus, order.task_id) as ticks:
        created = await ask(order)
        now = TaskProgressNow(done=40, unit="percent", current_step="epoch 2")
        wanted = await ask(ReportTask(task_id=order.task_id, now=now))
        reported = await ask(GetTask(task_id=order.task_id))
        finish = FinishTask(task_id=order.task_id, outcome="succeeded", result={"loss": 0.1})
        finished = await ask(finish)

        async def all_told() -> bool:
            return [tick.state for tick in ticks] == ["running", "running", "succeeded"]

        await eventually(all_told)

    assert (created.state, created.attempt, created.title) == ("running", 1, "Train the model")
    assert wanted.go_on
    assert (reported.done, reported.total, reported.progress) == (40, 100, 0.4)
    assert (finished.state, finished.result, finished.progress) == ("succeeded", {"loss": 0.1}, 1.0)
    assert [tick.offset for tick in ticks] == [1, 2, 3]
    assert ticks[-1] == finished

    [over] = await events.until(TaskFinished, lambda e: e.task_id == order.task_id)
    assert (over.state, over.result) == ("succeeded", {"loss": 0.1})
    assert len(events.of(TaskCreated, lambda e: e.task_id == order.task_id)) == 1
    told = events.of(TaskProgressed, lambda e: e.task_id == order.task_id)
    assert [event.state for event in told] == ["running", "succeeded"]
    assert not events.of(WorkReady, lambda e: e.task_id == order.task_id)


async def test_asking_again_with_the_same_id_returns_the_same_task(ask: Ask) -> None:
    order = an_order(title="once")

    first = await ask(order)
    second = await ask(an_order(task_id=order.task_id, title="twice"))

    assert second == first


async def test_an_id_is_not_given_to_another_kind_of_task(ask: Ask) -> None:
    order = an_order()
    await ask(order)

    with pytest.raises(AnsweredWithProblem) as refused:
        await ask(an_order(task_id=order.task_id, kind="test.other"))

    assert refused.value.named == "task-id-taken"


async def test_finishing_twice_is_finishing_once_and_another_end_is_refused(ask: Ask) -> None:
    order = an_order()
    await ask(order)
    finish = FinishTask(task_id=order.task_id, outcome="succeeded")

    first = await ask(finish)

    assert await ask(finish) == first
    with pytest.raises(AnsweredWithProblem) as refused:
        await ask(FinishTask(task_id=order.task_id, outcome="cancelled"))
    assert refused.value.named == "attempt-is-over"
    assert refused.value.details().status == 409


async def test_a_failure_says_why_and_the_program_may_begin_again(ask: Ask) -> None:
    order = an_order()
    await ask(order)
    why = ProblemDetails(code="out-of-paper", title="Out of paper", status=507)

    failed = await ask(FinishTask(task_id=order.task_id, outcome="failed", problem=why))
    again = await ask(RetryTask(task_id=order.task_id, actor="key:test"))

    assert (failed.state, failed.problem) == ("failed", why)
    assert (again.state, again.attempt, again.problem) == ("running", 2, None)
    with pytest.raises(AnsweredWithProblem, match="attempt-is-over"):
        await ask(ReportTask(task_id=order.task_id, attempt=1))


async def test_a_program_learns_of_a_cancellation_by_its_next_report(ask: Ask) -> None:
    order = an_order()
    await ask(order)

    cancelling = await ask(CancelTask(task_id=order.task_id, actor="key:test"))
    wanted = await ask(ReportTask(task_id=order.task_id))
    cancelled = await ask(FinishTask(task_id=order.task_id, outcome="cancelled"))

    assert (cancelling.state, cancelling.cancel_requested) == ("cancelling", True)
    assert not wanted.go_on
    assert cancelled.state == "cancelled"


async def test_a_program_that_ignores_a_cancellation_is_cancelled_for_it(
    ask: Ask, db_of: DbOf
) -> None:
    order = an_order()
    await ask(order)
    await ask(CancelTask(task_id=order.task_id, actor="key:test"))

    await make_due(db_of, order.task_id)

    await until_state(ask, order.task_id, "cancelled", timeout_s=20)


async def test_log_lines_are_numbered_over_reports(ask: Ask) -> None:
    order = an_order()
    await ask(order)
    for text in ("one", "two", "three"):
        line = TaskLog(level="info", message=text, at=datetime.now(UTC))
        await ask(ReportTask(task_id=order.task_id, logs=[line]))

    first = await ask(ListTaskLogs(task_id=order.task_id, limit=2))
    rest = await ask(ListTaskLogs(task_id=order.task_id, after=first.next or 0, limit=2))

    assert [(line.number, line.message) for line in first.items] == [(1, "one"), (2, "two")]
    assert [(line.number, line.message) for line in rest.items] == [(3, "three")]
    assert rest.next is None


async def test_a_task_keeps_its_newest_log_lines_and_says_so(ask: Ask) -> None:
    order = an_order()
    await ask(order)
    lines = [TaskLog(level="info", message="x", at=datetime.now(UTC))] * 1000
    for _ in range(5):
        await ask(ReportTask(task_id=order.task_id, logs=lines))
    last = TaskLog(level="info", message="last", at=datetime.now(UTC))

    await ask(ReportTask(task_id=order.task_id, logs=[*lines[:9], last]))

    first = await ask(ListTaskLogs(task_id=order.task_id, limit=1))
    end = await ask(ListTaskLogs(task_id=order.task_id, after=5009))
    [note] = first.items
    assert (note.number, note.level) == (10, "warning")
    assert note.message == "Lines 1 to 10 were cut: a task keeps its newest 5000 lines."
    assert [(line.number, line.message) for line in end.items] == [(5010, "last")]


async def test_only_a_task_that_is_over_can_be_forgotten(ask: Ask) -> None:
    order = an_order()
    await ask(order)
    line = TaskLog(level="info", message="x", at=datetime.now(UTC))
    await ask(ReportTask(task_id=order.task_id, logs=[line]))

    with pytest.raises(AnsweredWithProblem, match="task-is-not-over"):
        await ask(DeleteTask(task_id=order.task_id))
    await ask(FinishTask(task_id=order.task_id, outcome="succeeded"))
    await ask(DeleteTask(task_id=order.task_id))

    with pytest.raises(AnsweredWithProblem, match="task-not-found"):
        await ask(GetTask(task_id=order.task_id))
    with pytest.raises(AnsweredWithProblem, match="task-not-found"):
        await ask(ListTaskLogs(task_id=order.task_id))


@pytest.mark.parametrize(
    "question",
    [
        GetTask(task_id=new_id()),
        ReportTask(task_id=new_id()),
        FinishTask(task_id=new_id(), outcome="succeeded"),
        CancelTask(task_id=new_id(), actor="key:test"),
        RetryTask(task_id=new_id(), actor="key:test"),
        DeleteTask(task_id=new_id()),
        ListTaskLogs(task_id=new_id()),
    ],
    ids=lambda question: type(question).__name__,
)
async def test_what_is_not_there_has_a_name(ask: Ask, question: Request[Any]) -> None:
    with pytest.raises(AnsweredWithProblem) as refused:
        await ask(question)

    assert (refused.value.named, refused.value.details().status) == ("task-not-found", 404)
