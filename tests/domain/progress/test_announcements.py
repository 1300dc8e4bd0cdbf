import pytest
from msgspec import structs

from libs.contracts.progress import (
    TaskCreated,
    TaskFinished,
    TaskProgressed,
    TaskProgressNow,
    WorkReady,
)
from services.progress.domain import deeds
from services.progress.domain.announcements import announced
from services.progress.domain.task import Task
from tests.domain.progress.builders import (
    BROKEN,
    NOW,
    PACE,
    a_queued_task,
    a_running_task,
    an_external_task,
    claimed,
    finished,
    later,
)


def told(task: Task, done: int, at_s: float) -> Task:
    return deeds.report(task, 1, TaskProgressNow(done=done), later(at_s), PACE)


def test_a_new_task_is_created_and_its_work_is_ready() -> None:
    task, events = announced(None, a_queued_task(priority="high"), NOW)

    assert [type(event) for event in events] == [TaskCreated, TaskProgressed, WorkReady]
    ready = events[-1]
    assert isinstance(ready, WorkReady)
    assert ready.subject() == "work.backup.high"
    assert ready.attempt == 1
    assert task.announced_at == NOW


def test_nobody_is_called_to_an_external_task() -> None:
    _, events = announced(None, an_external_task(), NOW)

    assert not any(isinstance(event, WorkReady) for event in events)


def test_progress_is_announced_at_most_once_a_second() -> None:
    task, _ = announced(a_queued_task(), a_running_task(), NOW)
    counts = []

    for tenth in range(1, 31):
        task, events = announced(task, told(task, tenth, tenth / 10), later(tenth / 10))
        counts += [event.done for event in events if isinstance(event, TaskProgressed)]

    assert counts == [10, 20, 30]


def test_a_new_state_is_announced_however_soon() -> None:
    running, _ = announced(a_queued_task(), a_running_task(), NOW)

    _, events = announced(running, finished(told(running, 3, 0.1)), later(0.2))

    progressed, over = events
    assert isinstance(progressed, TaskProgressed)
    assert (progressed.state, progressed.done) == ("succeeded", 3)
    assert isinstance(over, TaskFinished)
    assert over.state == "succeeded"


def test_a_heartbeat_without_news_is_not_announced() -> None:
    running, _ = announced(a_queued_task(), a_running_task(), NOW)
    beat = deeds.report(running, 1, TaskProgressNow(), later(5), PACE)

    _, events = announced(running, beat, later(5))

    assert events == []


def test_every_offer_of_an_attempt_is_announced() -> None:
    queued = a_queued_task()
    _, again = announced(queued, deeds.when_due(queued, later(30), PACE), later(30))
    retrying = finished(claimed(queued), "failed", problem=BROKEN)
    _, retried = announced(retrying, deeds.when_due(retrying, later(1), PACE), later(1))

    assert [event.attempt for event in again if isinstance(event, WorkReady)] == [1]
    assert [event.attempt for event in retried if isinstance(event, WorkReady)] == [2]


def test_what_a_worker_gives_back_is_offered_in_the_same_change() -> None:
    running = a_running_task()

    _, events = announced(running, deeds.give_back(running, 1, NOW, PACE), NOW)

    assert [event.attempt for event in events if isinstance(event, WorkReady)] == [2]


def test_an_external_task_is_never_dispatched() -> None:
    running = an_external_task()

    with pytest.raises(ValueError, match="nobody"):
        announced(running, structs.replace(running, dispatches=1), NOW)
