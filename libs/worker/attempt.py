"""One attempt, from the claim to the moment when the ledger knows how it ended."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from prometheus_client import Histogram

from libs.chassis.bus import Bus
from libs.contracts.base import Request
from libs.contracts.ids import new_id
from libs.contracts.problems import (
    AnsweredWithProblem,
    Problem,
    ProblemDetails,
    ServiceUnavailable,
)
from libs.contracts.progress import ClaimedTask, FinishTask, GiveBackTask, Json
from libs.worker.heartbeat import Heartbeat, StopReason, TaskStopped
from libs.worker.jobs import Job, NoSuchJob
from libs.worker.stopping import stopped
from libs.worker.task import Task

SECONDS = Histogram(
    "strongroom_attempt_seconds",
    "Time that attempts at tasks took, by how they ended.",
    ["kind", "ending"],
    buckets=(0.01, 0.1, 1, 10, 60, 600, 3600),
)

log = logging.getLogger(__name__)

Ending = FinishTask | GiveBackTask | None


class BrokenJob(Problem):
    """The job broke for a reason that it has no name for."""

    code, status = "internal-error", 500


class Attempt:
    """Runs one claimed attempt and tells its end; nothing that a job does gets out of here."""

    def __init__(self, bus: Bus, jobs: Mapping[str, Job], claimed: ClaimedTask) -> None:
        self._bus = bus
        self._jobs = jobs
        self._claimed = claimed
        self._heartbeat = Heartbeat(bus, claimed)
        self._working: asyncio.Task[Json | None] | None = None

    async def run(self) -> None:
        """Do the task and tell the ledger; returns when it knows, or gave the task to another."""
        started = asyncio.get_running_loop().time()
        ending = await self._ending()
        if ending is not None:
            await self._tell(ending)
        name = ending.outcome if isinstance(ending, FinishTask) else "given-back"
        took = asyncio.get_running_loop().time() - started
        kind = self._claimed.kind if self._claimed.kind in self._jobs else "unknown"
        SECONDS.labels(kind, name).observe(took)

    def ask_to_stop(self) -> None:
        """Let the job stop at its next safe point, because this worker shuts down."""
        self._heartbeat.stop("draining")

    async def insist(self) -> None:
        """Stop the job where it stands."""
        self._heartbeat.stop("draining")
        if self._working is not None:
            await stopped(self._working)

    async def _ending(self) -> Ending:
        """Run the job beside its heartbeat; None when the attempt counts no more."""
        self._working = working = asyncio.create_task(self._work())
        beating = asyncio.create_task(self._heartbeat.beat())
        await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        await stopped(working)  # not done only when the ledger gave the task to another worker
        self._heartbeat.end()
        await asyncio.wait({beating})
        return self._judge(working)

    async def _work(self) -> Json | None:
        job = self._jobs.get(self._claimed.kind)
        if job is None:
            raise NoSuchJob(f"nothing here does {self._claimed.kind}", retry_after_s=1)
        return await job.run(Task(self._claimed, self._heartbeat), self._claimed.args)

    def _judge(self, working: asyncio.Task[Json | None]) -> Ending:
        """Say what a job's result or exception means for the task."""
        if working.cancelled():
            reason = self._heartbeat.stopped
            return self._stopped(reason) if reason else self._broken(asyncio.CancelledError())
        match working.exception():
            case None:
                return self._finish("succeeded", result=working.result())
            case TaskStopped(reason=reason):
                return self._stopped(reason)
            case Problem() as problem:
                details = problem.details()
                return self._finish("failed", problem=details, final=not _is_passing(details))
            case error:
                return self._broken(error)

    def _stopped(self, reason: StopReason) -> Ending:
        if reason == "cancelled":
            return self._finish("cancelled")
        if reason == "draining":
            claimed = self._claimed
            return GiveBackTask(task_id=claimed.task_id, attempt=claimed.attempt)
        return None

    def _broken(self, error: BaseException) -> Ending:
        incident = str(new_id())
        log.error(
            "task %s (%s), attempt %d broke, incident %s",
            self._claimed.task_id,
            self._claimed.kind,
            self._claimed.attempt,
            incident,
            exc_info=error,
        )
        # Users read the log of a task: the error's text may hold what is not for them.
        self._heartbeat.note_line("error", f"The attempt broke; incident {incident}.")
        return self._finish("failed", problem=BrokenJob(incident=incident).details())

    def _finish(self, outcome: Any, **how: Any) -> FinishTask:
        claimed = self._claimed
        return FinishTask(task_id=claimed.task_id, attempt=claimed.attempt, outcome=outcome, **how)

    async def _tell(self, ending: Request[Any]) -> None:
        """Tell what is still untold, then the end; waits as long as the ledger is away."""
        try:
            await self._heartbeat.send_surely()
        except TaskStopped:
            log.warning("task %s was given to another worker", self._claimed.task_id)
            return
        except AnsweredWithProblem as problem:
            log.warning("task %s: a report was refused: %s", self._claimed.task_id, problem)
        pause_s = 0.1
        while True:
            try:
                await self._bus.ask(ending)
            except ServiceUnavailable as error:
                log.warning("task %s cannot end yet: %s", self._claimed.task_id, error)
            except AnsweredWithProblem as problem:
                if problem.details().status < 500:
                    log.warning(
                        "the end of task %s was refused: %s", self._claimed.task_id, problem
                    )
                    if not self._may_fail_instead(ending, problem):
                        return
                    ending = self._finish("failed", problem=problem.details(), final=True)
                    continue
            else:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 2.0)

    @staticmethod
    def _may_fail_instead(ending: Request[Any], problem: AnsweredWithProblem) -> bool:
        """Tell whether the ledger refused what the end carries, e.g. as too large."""
        if problem.named in ("attempt-is-over", "task-not-found"):
            return False
        said = ending.problem if isinstance(ending, FinishTask) else None
        return isinstance(ending, FinishTask) and (said is None or said.code != problem.named)


def _is_passing(problem: ProblemDetails) -> bool:
    """Tell whether trying again may help."""
    return problem.retry_after_s is not None or problem.status == 503
