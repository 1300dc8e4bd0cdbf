"""Orders for the jobs of ``jobs``, and workers that carry them out."""

from uuid import UUID

from libs.chassis.bus import Bus
from libs.contracts.progress import CreateTask, ListTaskLogs, TaskInfo
from libs.worker import Worker
from tests.service.progress.ledger import Ask, until_state
from tests.service.progress.ledger import an_order as an_external_order
from tests.service.worker import jobs
from tests.service.worker.jobs import Diary
from tests.waiting import eventually


def an_order(kind: str, queue: str, **changes: object) -> CreateTask:
    return an_external_order(kind=kind, queue=queue, **changes)


def a_worker(
    bus: Bus,
    queue: str,
    diary: Diary | None = None,
    *,
    concurrency: int = 2,
    drain_timeout_s: float = 10.0,
) -> Worker:
    return Worker(
        bus,
        queue=queue,
        jobs=[jobs],
        given=[diary or Diary()],
        concurrency=concurrency,
        drain_timeout_s=drain_timeout_s,
    )


async def done(ask: Ask, task_id: UUID, timeout_s: float = 15.0) -> TaskInfo:
    return await until_state(ask, task_id, "succeeded", "failed", "cancelled", timeout_s=timeout_s)


async def lines(ask: Ask, task_id: UUID) -> list[str]:
    return [line.message for line in (await ask(ListTaskLogs(task_id=task_id))).items]


async def until_stored(bus: Bus, queue: str, count: int) -> int:
    """Wait until so many messages of the queue are in the stream."""

    async def stored() -> int:
        info = await bus.jetstream.stream_info("WORK", subjects_filter=f"work.{queue}.>")
        found = sum((info.state.subjects or {}).values())
        assert found >= count
        return found

    return await eventually(stored)
