"""A circuit breaker: whether a store is worth asking, kept true by probing it while it is not."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Literal

from prometheus_client import Gauge

from libs.blobs.failures import BlobFailure, StoreUnavailable

Circuit = Literal["closed", "open", "half-open"]

log = logging.getLogger(__name__)

_BYPASSED = Gauge("strongroom_blob_stores_bypassed", "Stores that refused and are not back yet.")


class Breaker:
    """Opens at the first failure, for drivers have retried before they fail.

    While it is open, ``probe`` is called with growing pauses; during a probe the circuit is half
    open (nobody but the probe asks the store), and the first probe that succeeds closes it. The
    pauses begin anew only when the store did real work again: one that answers probes but fails at
    uploads is left alone for longer and longer.
    """

    def __init__(
        self,
        label: str,
        probe: Callable[[], Awaitable[None]],
        *,
        first_pause_s: float,
        longest_pause_s: float,
        answer_within_s: float,
    ) -> None:
        self.openings = 0
        self._circuit: Circuit = "closed"
        self._label = label
        self._probe = probe
        self._first_pause_s = self._pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._answer_within_s = answer_within_s
        self._alive_at = -float("inf")
        self._asking: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def circuit(self) -> Circuit:
        """Whether the store is asked (closed), left alone (open) or being probed (half-open)."""
        return self._circuit

    def succeeded(self) -> None:
        """Take note that the store did what it was asked."""
        self._alive_at = monotonic()
        if self.circuit == "closed":
            self._pause_s = self._first_pause_s

    def failed(self, failure: BlobFailure) -> None:
        """Open the circuit, unless it is open already."""
        if self.circuit != "closed":
            return
        self._circuit = "open"
        self.openings += 1
        _BYPASSED.inc()
        log.warning("uploads bypass a store: %s", failure)
        self._probing = asyncio.create_task(self._probe_until_it_answers())

    async def is_closed(self, *, fresh_s: float) -> bool:
        """Tell whether the store can be asked, after a probe if its last success is older.

        For who can ask only once. A store that falls silent costs this caller ``answer_within_s``.
        """
        if self.circuit == "closed" and monotonic() - self._alive_at > fresh_s:
            try:
                await self._ask()
            except BlobFailure as failure:
                self.failed(failure)
        return self.circuit == "closed"

    async def close(self) -> None:
        """Probe no more."""
        if self._closing:
            return
        self._closing = True
        running = {task for task in (self._probing, self._asking) if task is not None}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=self._answer_within_s)
        if self._circuit != "closed":
            self._circuit = "closed"
            _BYPASSED.dec()

    async def _probe_until_it_answers(self) -> None:
        while self.circuit != "closed" and not self._closing:
            self._circuit = "open"
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, self._longest_pause_s)
            self._circuit = "half-open"
            try:
                await self._ask()
            except BlobFailure as failure:
                log.info("still bypassed: %s", failure)
            else:
                self._circuit = "closed"
                _BYPASSED.dec()
                log.warning("a store takes uploads again: %s", self._label)

    async def _ask(self) -> None:
        """Wait for the probe that is under way, or for a new one; many callers share one."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._probe_once())
            self._asking.add_done_callback(_look_at_outcome)
        await asyncio.shield(self._asking)

    async def _probe_once(self) -> None:
        try:
            # Not wait_for: in Python 3.11 that can lose a cancellation.
            async with asyncio.timeout(self._answer_within_s):
                await self._probe()
        except TimeoutError:
            raise StoreUnavailable(self._label, "did not answer a probe in time") from None
        self._alive_at = monotonic()


def _look_at_outcome(task: "asyncio.Task[None]") -> None:
    """Fetch the failure, so that a probe whose caller went away is not reported as forgotten."""
    if not task.cancelled():
        task.exception()
