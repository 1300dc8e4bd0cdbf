"""The services behind the gateway, as it asks them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct, field
from msgspec.structs import replace

from libs.chassis.bus import Bus
from libs.contracts.base import R, Reply, Request
from libs.contracts.problems import AnsweredWithProblem, ServiceUnavailable
from libs.contracts.versioning import OfBucket

Listener = Callable[[Request[Any], Reply | None], None]
"""Is told what was asked and what was answered; None: nothing, or a problem."""

Settler = Callable[[Request[Any], Reply | None], Awaitable[None]]
"""Is told the same and waited for."""


HEARD_WITHIN_S = 3.0
"""How long history may take to hear of a bucket before whoever asks is told to come again."""

PAUSE_S = 0.05


class BucketIds(Protocol):
    """Tells which bucket has a name."""

    async def id_of(self, name: str, *, since: float = 0.0) -> UUID:
        """Return its id, as it is or as it was at ``since``, a ``time.monotonic()``, or later.

        Raises storage's problem, ``bucket-not-found`` and others.
        """
        ...


class Platform(Struct, frozen=True):
    """Whoever owns the answer; it has ``timeout_s`` to give it."""

    bus: Bus
    timeout_s: float
    listeners: list[Listener] = field(default_factory=list)
    """Told before whoever asked is."""
    settlers: list[Settler] = field(default_factory=list)
    """Told before the listeners are."""
    bucket_ids: list[BucketIds] = field(default_factory=list)
    """One at most, which itself asks by this."""

    async def ask(self, request: Request[R], *, timeout_s: float | None = None) -> R:
        """Return the owner's answer; its problems pass through to the caller.

        What is known to take longer names its own ``timeout_s``. A question about the history of a
        bucket says which bucket is meant: the one that has the name at storage. So nobody who takes
        over a name is told the history of who had it before.
        """
        if not isinstance(request, OfBucket) or request.bucket_id is not None:
            return await self._ask(request, timeout_s)
        for ids in self.bucket_ids:
            return await self._ask_about(request, request.bucket, ids, timeout_s)
        return await self._ask(request, timeout_s)

    async def _ask_about(
        self, request: Request[R], bucket: str, ids: BucketIds, timeout_s: float | None
    ) -> R:
        """Ask about the bucket of this name, or about what has the name by now if that is gone.

        History hears of a bucket a moment after storage has made it, and is waited for.
        """
        began = time.monotonic()
        bucket_id = await ids.id_of(bucket)
        while True:
            try:
                return await self._ask(replace(request, bucket_id=bucket_id), timeout_s)
            except AnsweredWithProblem as problem:
                if problem.named != "bucket-not-found":
                    raise
                before, bucket_id = bucket_id, await ids.id_of(bucket, since=began)
                if bucket_id == before and time.monotonic() > began + HEARD_WITHIN_S:
                    raise ServiceUnavailable(
                        f"the history of {bucket} has not heard of it yet", retry_after_s=1
                    ) from problem
            await asyncio.sleep(PAUSE_S)

    async def _ask(self, request: Request[R], timeout_s: float | None) -> R:
        answer: R | None = None
        try:
            answer = await self.bus.ask(request, timeout_s=timeout_s or self.timeout_s)
            return answer
        finally:
            try:
                for settle in self.settlers:
                    await settle(request, answer)
            finally:
                for listener in self.listeners:
                    listener(request, answer)
