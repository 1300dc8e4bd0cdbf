"""Checks: what waits before anybody sees it, and verdicts."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

from libs.client.failures import ApiProblem, FileRefused
from libs.client.paging import Page, items
from libs.client.reading import read_once
from libs.client.transport import Params, Transport, segment
from libs.contracts.storage import CheckState, FileCheck, FileInfo, Verdict

FIRST_LOOK_S = 0.2
LONGEST_PAUSE_S = 5.0
SWEPT_WITHIN_S = 60.0
"""How long behind its deadline something may still seem to wait."""


class Checks:
    """Content of buckets with checks, and what has become of it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, bucket: str, check_id: UUID) -> FileCheck:
        """Return what has become of content; raises ``ApiProblem`` 404."""
        return await self._transport.get(_url(bucket, check_id), FileCheck)

    def list(
        self, bucket: str, *, state: CheckState | None = None, limit: int | None = None
    ) -> AsyncIterator[FileCheck]:
        """Yield what waits, and what was decided in the last week, in the order of its arrival."""
        params: Params = {"state": state}
        return items(self._transport, _all(bucket), Page[FileCheck], params, limit=limit)

    def read(self, bucket: str, check_id: UUID) -> AsyncGenerator[bytes, None]:
        """Yield the bytes that wait; ``ApiProblem`` 410 when they wait no more."""
        return read_once(self._transport, f"{_url(bucket, check_id)}/content")

    async def give(
        self, bucket: str, check_id: UUID, check: str, verdict: Verdict, *, reason: str = ""
    ) -> FileCheck:
        """Say what a check found, once or again; raises ``ApiProblem`` 409 when it is too late."""
        body = {"check": check, "verdict": verdict, "reason": reason}
        return await self._transport.post(f"{_url(bucket, check_id)}/verdicts", FileCheck, body)

    async def wait(self, check: FileCheck) -> FileInfo:
        """Return the file when its checks have passed; raises ``FileRefused`` when it will be none.

        Ends soon after the deadline of the content at the latest.
        """
        pause_s = FIRST_LOOK_S
        while check.state == "waiting":
            if (datetime.now(UTC) - check.deadline_at).total_seconds() > SWEPT_WITHIN_S:
                raise FileRefused(f"{check.bucket}/{check.path}: nobody has checked it")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
            check = await self.get(check.bucket, check.check_id)
        file = check.file
        if file is not None:
            return file
        if check.problem is not None:
            problem = check.problem
            raise ApiProblem(
                problem.code,
                problem.status,
                title=problem.title,
                detail=problem.detail,
                fields=problem.fields,
            )
        raise FileRefused(f"{check.bucket}/{check.path} is refused: {check.reason}")


def _all(bucket: str) -> str:
    return f"/buckets/{segment(bucket)}/checks"


def _url(bucket: str, check_id: UUID) -> str:
    return f"{_all(bucket)}/{check_id}"
