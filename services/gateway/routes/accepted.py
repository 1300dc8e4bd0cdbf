"""What is not done yet: 202 with the task that does it, or the check it waits for, and where."""

from typing import Any, TypeVar
from uuid import UUID

from litestar import Response
from msgspec import Struct

from libs.contracts.base import Request
from libs.contracts.problems import AnsweredWithProblem, ServiceUnavailable
from libs.contracts.progress import GetTask, TaskAccepted, TaskInfo
from libs.contracts.storage import FileCheck
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import PREFIX

A = TypeVar("A", bound=TaskAccepted)

SHORTLY_S = 2.0


class Accepted(Struct, frozen=True):
    """The task that does what was asked, and what it makes."""

    task_id: UUID
    kind: str
    snapshot_id: UUID | None = None
    task: TaskInfo | None = None
    """Absent when the ledger is slow; ``Location`` answers as soon as it knows the task."""


async def accepted(platform: Platform, request: Request[A]) -> Response[Any]:
    """Ask for long work; answer when its ``Location`` works, if that is soon."""
    answer = await platform.ask(request)
    body = Accepted(
        task_id=answer.task_id,
        kind=answer.kind,
        snapshot_id=getattr(answer, "snapshot_id", None),
        task=await _find_task(platform, answer.task_id),
    )
    location = f"{PREFIX}/progress/tasks/{answer.task_id}"
    return Response(body, status_code=202, headers={"Location": location})


def waiting(check: FileCheck) -> Response[Any]:
    """Answer that content is accepted, and no file before its checks have passed."""
    return Response(check, status_code=202, headers={"Location": address_of(check)})


def address_of(check: FileCheck) -> str:
    """Return where it is told what becomes of content that waits."""
    return f"{PREFIX}/buckets/{check.bucket}/checks/{check.check_id}"


async def _find_task(platform: Platform, task_id: UUID) -> TaskInfo | None:
    try:
        return await platform.ask(GetTask(task_id=task_id, wait_s=SHORTLY_S))
    except (AnsweredWithProblem, ServiceUnavailable):
        return None
