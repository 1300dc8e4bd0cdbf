from collections.abc import Callable

import pytest

from libs.contracts.problems import ProblemDetails
from libs.contracts.progress import TaskProgressNow, TaskState
from services.progress.domain import deeds
from services.progress.domain.failures import (
    AttemptIsOver,
    TaskIsNotOver,
    TaskIsOver,
    TaskNotClaimable,
)
from services.progress.domain.task import Task
from tests.domain.progress.builders import (
    BROKEN,
    NOW,
    PACE,
    a_queued_task,
    a_running_task,
    a_task_that_is,
    a_waiting_task,
    an_external_task,
    claimed,
    finished,
    later,
)

# --- claiming --------------------------------------------------------------------------------


def test_a_claim_begins_the_attempt_and_leases_it() -> None:
    task = deeds.claim(a_queued_task(), 1, "worker-a", NOW, PACE)

    assert (task.state, task.attempt, task.worker) == ("running", 1, "worker-a")
    assert task.due_at == later(14)
    assert task.started_at == NOW


def test_the_same_worker_that_asks_again_gets_the_attempt_again() -> None:
    task = a_running_task()

    assert deeds.claim(task, 1, "worker-a", later(3), PACE) is task


def test_another_worker_does_not_get_a_claimed_attempt() -> None:
    with pytest.raises(TaskNotClaimable):
        deeds.claim(a_running_task(), 1, "worker-b", NOW, PACE)


@pytest.mark.parametrize("attempt", [0, 2, 7])
def test_only_the_next_attempt_can_be_claimed(attempt: int) -> None:
    with pytest.raises(TaskNotClaimable):
        deeds.claim(a_queued_task(), attempt, "worker-a", NOW, PACE)


@pytest.mark.parametrize("state", ["cancelling", "retrying", "succeeded", "failed", "cancelled"])
def test_only_a_queued_task_can_be_claimed(state: TaskState) -> None:
    task = a_task_that_is(state)

    with pytest.raises(TaskNotClaimable):
        deeds.claim(task, task.attempt + 1, "worker-b", NOW, PACE)


# --- reporting -------------------------------------------------------------------------------


def test_a_report_renews_the_lease_and_keeps_what_it_does_not_mention() -> None:
    task = deeds.report(
        a_running_task(), 1, TaskProgressNow(done=3, total=9, message="copying"), NOW, PACE
    )

    task = deeds.report(task, 1, TaskProgressNow(done=6), later(5), PACE)

    assert (task.done, task.total, task.message) == (6, 9, "copying")
    assert task.progress == pytest.approx(2 / 3)
    assert task.due_at == later(19)


def test_a_percentage_is_of_a_hundred() -> None:
    task = deeds.report(an_external_task(), 1, TaskProgressNow(done=250, unit="percent"), NOW, PACE)

    assert (task.done, task.total, task.progress) == (100, 100, 1.0)


def test_more_done_than_there_is_counts_as_all() -> None:
    task = deeds.report(a_running_task(), 1, TaskProgressNow(done=12, total=10), NOW, PACE)

    assert (task.done, task.progress) == (12, 1.0)


def test_a_nul_that_a_column_cannot_hold_is_replaced() -> None:
    told = TaskProgressNow(done=2, current_step="a\0b")

    task = deeds.report(a_running_task(), 1, told, NOW, PACE)

    assert task.done == 2
    assert task.current_step == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    "deed",
    [
        lambda task: deeds.report(task, 1, TaskProgressNow(done=1), NOW, PACE),
        lambda task: finished(task, "failed"),
        lambda task: deeds.give_back(task, 1, NOW, PACE),
    ],
)
def test_an_attempt_that_is_over_is_refused(deed: Callable[[Task], Task]) -> None:
    lost = deeds.lose(a_running_task(), NOW, PACE)
    second = claimed(deeds.dispatch(lost, NOW, PACE))

    with pytest.raises(AttemptIsOver):
        deeds.report(second, 1, TaskProgressNow(done=1), NOW, PACE)
    with pytest.raises(AttemptIsOver):
        deed(lost)


# --- ending ----------------------------------------------------------------------------------


def test_success_is_the_end_and_complete() -> None:
    reported = deeds.report(a_running_task(), 1, TaskProgressNow(done=3, total=9), NOW, PACE)

    task = finished(reported, result={"bytes": 7})

    assert (task.state, task.result, task.finished_at) == ("succeeded", {"bytes": 7}, NOW)
    assert (task.worker, task.due_at, task.progress) == (None, None, 1.0)


def test_the_same_end_told_twice_is_heard_once() -> None:
    task = finished(a_running_task())

    assert finished(task) is task
    with pytest.raises(AttemptIsOver):
        finished(task, "failed")


def test_a_failed_attempt_rests_before_the_next() -> None:
    task = finished(a_running_task(), "failed", problem=BROKEN)

    assert (task.state, task.problem, task.due_at) == ("retrying", BROKEN, later(1))


def test_pauses_grow_until_no_attempt_is_left() -> None:
    task = a_queued_task(max_attempts=4)
    pauses = []

    while True:
        task = finished(claimed(task), "failed", problem=BROKEN)
        if task.is_over:
            break
        assert task.due_at is not None
        pauses.append((task.due_at - NOW).total_seconds())
        task = deeds.when_due(task, NOW, PACE)

    assert pauses == [1, 4, 16]
    assert (task.state, task.attempt, task.problem) == ("failed", 4, BROKEN)


def test_a_problem_may_wish_for_a_longer_pause() -> None:
    busy = ProblemDetails(code="busy", title="Busy", status=503, retry_after_s=90)

    task = finished(a_running_task(), "failed", problem=busy)

    assert task.due_at == later(90)


def test_a_final_failure_is_not_tried_again() -> None:
    task = finished(a_running_task(), "failed", problem=BROKEN, final=True)

    assert (task.state, task.problem) == ("failed", BROKEN)


def test_a_failure_that_nobody_explains_has_a_name() -> None:
    task = finished(a_running_task(max_attempts=1), "failed")

    assert task.problem is not None
    assert task.problem.code == "task-failed"


def test_a_lost_worker_is_a_failed_attempt() -> None:
    task = deeds.when_due(a_running_task(max_attempts=2), later(15), PACE)
    assert task.state == "retrying"

    task = deeds.when_due(claimed(deeds.when_due(task, NOW, PACE)), NOW, PACE)

    assert task.state == "failed"
    assert task.problem is not None
    assert task.problem.code == "worker-lost"


def test_what_a_worker_gives_back_is_offered_at_once_and_costs_no_attempt() -> None:
    task = deeds.give_back(a_running_task(max_attempts=1), 1, NOW, PACE)

    assert (task.state, task.attempt, task.max_attempts) == ("queued", 1, 2)
    assert claimed(task).attempt == 2


# --- cancelling ------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["waiting", "queued", "retrying"])
def test_a_task_that_nobody_runs_is_cancelled_at_once(state: TaskState) -> None:
    task = deeds.cancel(a_task_that_is(state), NOW, PACE)

    assert (task.state, task.finished_at) == ("cancelled", NOW)
    assert task.cancel_requested


def test_a_running_task_stops_when_its_worker_does() -> None:
    task = deeds.cancel(a_running_task(), NOW, PACE)
    assert (task.state, task.worker) == ("cancelling", "worker-a")

    assert finished(task, "cancelled").state == "cancelled"


@pytest.mark.parametrize(
    ("deed", "state"),
    [
        (lambda task: deeds.when_due(task, NOW, PACE), "cancelled"),
        (lambda task: finished(task, "failed", problem=BROKEN), "cancelled"),
        (lambda task: deeds.give_back(task, 1, NOW, PACE), "cancelled"),
        (lambda task: finished(task, "succeeded"), "succeeded"),
    ],
)
def test_a_task_that_is_being_cancelled_is_never_tried_again(
    deed: Callable[[Task], Task], state: TaskState
) -> None:
    task = deed(a_task_that_is("cancelling"))

    assert task.state == state
    assert task.problem is None


def test_cancelling_twice_changes_nothing() -> None:
    for state in ("cancelling", "cancelled"):
        task = a_task_that_is(state)
        assert deeds.cancel(task, NOW, PACE) is task


@pytest.mark.parametrize("state", ["succeeded", "failed"])
def test_what_is_over_cannot_be_cancelled(state: TaskState) -> None:
    with pytest.raises(TaskIsOver):
        deeds.cancel(a_task_that_is(state), NOW, PACE)


# --- running again ---------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_task_that_did_not_succeed_can_run_again(state: TaskState) -> None:
    over = a_task_that_is(state)

    task = deeds.rerun(over, NOW, PACE)

    assert (task.state, task.finished_at, task.problem) == ("queued", None, None)
    assert not task.cancel_requested
    assert claimed(task).attempt == over.attempt + 1


@pytest.mark.parametrize(
    ("state", "failure"),
    [("succeeded", TaskIsOver), ("running", TaskIsNotOver), ("queued", TaskIsNotOver)],
)
def test_nothing_else_runs_again(state: TaskState, failure: type[Exception]) -> None:
    with pytest.raises(failure):
        deeds.rerun(a_task_that_is(state), NOW, PACE)


# --- dispatching -----------------------------------------------------------------------------


def test_unclaimed_work_is_offered_again_after_ever_longer_pauses() -> None:
    task = a_queued_task()
    pauses = []

    for _ in range(7):
        assert task.due_at is not None
        pauses.append((task.due_at - NOW).total_seconds())
        task = deeds.when_due(task, NOW, PACE)

    assert pauses == [30, 60, 120, 240, 480, 900, 900]
    assert task.state == "queued"


def test_a_task_that_cannot_be_kept_fails_before_it_begins() -> None:
    task = deeds.refuse(a_waiting_task(), BROKEN, NOW)

    assert (task.state, task.attempt, task.problem) == ("failed", 0, BROKEN)


# --- external tasks --------------------------------------------------------------------------


def test_an_external_task_runs_at_once_and_is_never_due() -> None:
    task = an_external_task()

    assert (task.state, task.attempt, task.due_at) == ("running", 1, None)
    assert deeds.report(task, 1, TaskProgressNow(done=1), NOW, PACE).due_at is None


def test_an_external_task_that_fails_is_not_dispatched() -> None:
    assert finished(an_external_task(), "failed").state == "failed"


def test_an_external_task_that_runs_again_is_its_programs_next_attempt() -> None:
    again = deeds.rerun(finished(an_external_task(), "failed"), NOW, PACE)

    assert (again.state, again.attempt) == ("running", 2)


def test_an_external_program_that_ignores_a_cancellation_is_cancelled_for_it() -> None:
    task = deeds.cancel(an_external_task(), NOW, PACE)
    assert (task.state, task.due_at) == ("cancelling", later(60))

    alive = deeds.report(task, 1, TaskProgressNow(), later(30), PACE)
    assert alive.due_at == later(90)

    assert deeds.when_due(alive, later(91), PACE).state == "cancelled"
