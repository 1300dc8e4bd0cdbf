"""What nobody should send, and what becomes of it: a name, never a failure of the service."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from libs.chassis.bus import PROBLEM_HEADER, Bus
from libs.contracts.base import Request
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.progress import (
    FinishTask,
    GetTask,
    ListTaskLogs,
    ListTasks,
    ReportTask,
    TaskLog,
    TaskProgressNow,
)
from tests.service.progress.ledger import Ask, an_order

TOO_LARGE = {"x": "y" * 65_536}


async def test_what_is_too_large_is_refused_by_name(ask: Ask) -> None:
    order = an_order()
    await ask(order)

    questions: dict[str, Request[Any]] = {
        "args": an_order(args=TOO_LARGE),
        "detail": ReportTask(task_id=order.task_id, now=TaskProgressNow(detail=TOO_LARGE)),
        "checkpoint": ReportTask(task_id=order.task_id, checkpoint=TOO_LARGE),
        "result": FinishTask(task_id=order.task_id, outcome="succeeded", result=TOO_LARGE),
    }
    for part, question in questions.items():
        with pytest.raises(AnsweredWithProblem) as refused:
            await ask(question)
        assert (refused.value.named, refused.value.details().status) == ("task-too-large", 413)
        assert refused.value.fields["part"] == part

    untouched = await ask(GetTask(task_id=order.task_id))
    assert (untouched.state, untouched.offset) == ("running", 1)


async def test_a_list_of_large_tasks_comes_in_pages_that_fit(ask: Ask) -> None:
    kind = f"test.large-{new_id().hex[-12:]}"
    wanted = set()
    for _ in range(15):
        order = an_order(kind=kind)
        await ask(order)
        detail = {"x": "y" * 60_000}
        await ask(ReportTask(task_id=order.task_id, now=TaskProgressNow(detail=detail)))
        wanted.add(order.task_id)

    page = await ask(ListTasks(kind=kind, limit=1000))
    found = [task.task_id for task in page.items]
    assert 1 < len(found) < 15
    while page.next is not None:
        page = await ask(ListTasks(kind=kind, limit=1000, before=page.next))
        found += [task.task_id for task in page.items]

    assert found == sorted(wanted, reverse=True)


async def test_any_text_can_be_kept(ask: Ask) -> None:
    order = an_order(title="a\0b", actor="key:\0", args={"nul": "\0", "large": 10**30})
    await ask(order)
    now = TaskProgressNow(done=2**63 - 2, total=2**63 - 1, current_step="\0", detail={"\0": "\0"})
    line = TaskLog(level="info", message="\0", at=datetime(1, 1, 1, tzinfo=UTC))

    await ask(ReportTask(task_id=order.task_id, now=now, logs=[line]))

    task = await ask(GetTask(task_id=order.task_id))
    logs = await ask(ListTaskLogs(task_id=order.task_id, after=10**30))
    assert task.title == "a\N{REPLACEMENT CHARACTER}b"
    assert task.detail == {"\0": "\0"}
    assert logs.items == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "No Such Kind"},
        {"title": "x" * 501},
        {"queue": "UPPER"},
        {"priority": "urgent"},
        {"max_attempts": 0},
        {"task_id": "42"},
        {"args": []},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_a_malformed_order_is_refused(admin_bus: Bus, wrong: dict[str, Any]) -> None:
    order = {"task_id": str(new_id()), "kind": "test.work", "actor": "key:test"} | wrong

    answer = await admin_bus.client.request(
        "rpc.progress.create_task", json.dumps(order).encode(), timeout=5
    )

    assert answer.headers is not None
    assert answer.headers[PROBLEM_HEADER] == "400"
