"""Which function does which kind of task, and what it is given."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec
from msgspec import Struct

from libs.chassis.binding import bind
from libs.contracts.problems import Problem
from libs.contracts.progress import Json
from libs.worker.task import Task

Result = Struct | Json | None
"""What a job returns; it is kept with the task."""

F = TypeVar("F", bound=Callable[..., Awaitable[Result]])


class NoSuchJob(Problem):
    """This worker does not know how to do such a task."""

    code, status = "no-such-job", 501


class BadArguments(Problem):
    """The task's arguments are not what its job needs."""

    code, status = "bad-arguments", 422


class Job(NamedTuple):
    """A kind of task and the function that does it, ready to be called."""

    kind: str
    args: Any
    call: Callable[[Task, Any], Awaitable[Result]]

    async def run(self, task: Task, args: Json) -> Json | None:
        """Do the task; raises ``BadArguments``, or whatever the function raises."""
        try:
            known = msgspec.convert(args, self.args)
        except msgspec.ValidationError as error:
            raise BadArguments(str(error)) from error
        result = await self.call(task, known)
        plain: Json | None = msgspec.to_builtins(result)
        return plain


def runs(kind: str) -> Callable[[F], F]:
    """Register a job: ``async def take_snapshot(task: Task, args: TakeSnapshot, db: Database)``.

    Its first parameter is the task; the second gets the task's arguments, decoded into its
    annotation; all others are bound by type to what the worker was given. The result is a struct,
    a ``dict`` or None. A job may run more than once for the same task, and must bear that.

    A ``Problem`` that it raises ends the task as failed; with ``retry_after_s``, or status 503, the
    task is tried again. Any other exception is tried again, until the attempts are used up.
    """

    def mark(job: F) -> F:
        job.__runs__ = kind  # type: ignore[attr-defined]
        return job

    return mark


def jobs_in(modules: Sequence[ModuleType], given: Sequence[object]) -> dict[str, Job]:
    """Collect by kind the functions of ``modules`` marked with ``runs``."""
    jobs: dict[str, Job] = {}
    for module in modules:
        for _, function in inspect.getmembers(module, inspect.isfunction):
            if not hasattr(function, "__runs__") or function.__module__ != module.__name__:
                continue
            kind = function.__runs__
            if kind in jobs:
                raise TypeError(f"two jobs do {kind!r}")
            args = list(inspect.signature(function).parameters)[1]
            jobs[kind] = Job(kind, get_type_hints(function)[args], bind(function, given, own=2))
    return jobs
