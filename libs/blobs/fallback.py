"""Two stores as one place to write to: the second takes over while the first refuses."""

from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Literal, Self
from uuid import uuid4

from msgspec import Struct
from prometheus_client import Counter

from libs.blobs.breaker import Breaker, Circuit
from libs.blobs.contract import BlobStore, Body
from libs.blobs.failures import BlobFailure, StoreFull, StoreMisconfigured, StoreUnavailable
from libs.blobs.replay import Replayable
from libs.contracts.storage import Backend

_REPLAY_BYTES = 6 * 1024 * 1024  # what drivers read before they ask a store for anything

_PUTS = Counter("strongroom_blob_puts", "Blobs put, by who took them.", ["backend", "outcome"])


class Counts(Struct, frozen=True):
    """What happened since the start."""

    primary: int
    """Blobs that the primary took."""
    fallback: int
    """Blobs that the fallback took."""
    failed: int
    """Puts that nobody took."""
    openings: int
    """How often the primary's circuit opened."""


class Backends:
    """Writes go to the primary; while it refuses, they go to the fallback, if there is one.

    The primary refuses when a ``put`` fails by ``StoreUnavailable`` or ``StoreFull``. That opens
    its circuit: all uploads that begin from then on go to the fallback without asking it, until a
    probe (a small blob, put and deleted) succeeds. Bodies of bytes, and streams of which little was
    read, are sent to the fallback at once. A stream that was read further cannot be sent again: its
    ``put`` raises what the primary said. So that this stays rare, the primary is probed before a
    stream when it did nothing lately.

    What a failed ``put`` did is unknown (see ``StoreUnavailable``): the primary may hold a blob
    under the key that the fallback then took. Who deletes a blob that lies in the fallback, or
    gives up an upload, deletes the key in both.
    """

    def __init__(
        self,
        primary: BlobStore,
        fallback: BlobStore | None = None,
        *,
        fresh_s: float = 2.0,
        first_pause_s: float = 1.0,
        longest_pause_s: float = 30.0,
        probe_within_s: float = 3.0,
    ) -> None:
        self._primary = primary
        self._fallback = fallback
        self._fresh_s = fresh_s
        self._breaker = Breaker(
            primary.label,
            self._probe,
            first_pause_s=first_pause_s,
            longest_pause_s=longest_pause_s,
            answer_within_s=probe_within_s,
        )
        self._probe_key = f"probes/{uuid4().hex}"
        self._taken: dict[Backend, int] = {"primary": 0, "fallback": 0}
        self._failed = 0

    @property
    def state(self) -> Literal["ok", "degraded"]:
        """Whether uploads go where they belong."""
        return "ok" if self.circuit == "closed" else "degraded"

    @property
    def circuit(self) -> Circuit:
        """The primary's circuit; without a fallback it is shown, but nobody heeds it."""
        return self._breaker.circuit

    @property
    def counts(self) -> Counts:
        """What happened since the start; the same is in the metrics."""
        return Counts(**self._taken, failed=self._failed, openings=self._breaker.openings)

    @property
    def names(self) -> tuple[Backend, ...]:
        """The backends there are, in the order in which they are written to."""
        return ("primary",) if self._fallback is None else ("primary", "fallback")

    def store(self, backend: Backend) -> BlobStore:
        """Return the store of this name; ``StoreMisconfigured`` when there is none."""
        if backend == "primary":
            return self._primary
        if self._fallback is None:
            raise StoreMisconfigured("fallback", "no fallback store is configured any more")
        return self._fallback

    async def put(
        self, key: str, body: Body, *, size: int | None = None, if_absent: bool = False
    ) -> tuple[Backend, int]:
        """Store ``body`` as ``BlobStore.put`` does; return who took it, and how many bytes."""
        try:
            backend, stored = await self._put(key, body, size, if_absent)
        except BlobFailure:
            self._failed += 1
            raise
        self._taken[backend] += 1
        return backend, stored

    async def check(self) -> None:
        """Raise when blobs could not be stored anywhere."""
        if self._fallback is None:
            await self._primary.check()
        elif not await self._breaker.is_closed(fresh_s=self._fresh_s):
            await self._fallback.check()

    async def close(self) -> None:
        """Probe no more; the stores are closed by who opened them."""
        await self._breaker.close()

    async def __aenter__(self) -> Self:
        """Open the stores, too: who opens these closes all of it."""
        for name in self.names:
            await self.store(name).__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()
        for name in self.names:
            await self.store(name).close()

    async def _put(
        self, key: str, body: Body, size: int | None, if_absent: bool
    ) -> tuple[Backend, int]:
        fallback = self._fallback
        if fallback is not None and not await self._primary_is_worth_asking(body):
            return "fallback", await _counted(
                "fallback", fallback.put(key, body, size=size, if_absent=if_absent)
            )
        replayable = Replayable(body, most_bytes=_REPLAY_BYTES if fallback else 0)
        first = self._primary.put(key, replayable.first(), size=size, if_absent=if_absent)
        try:
            stored = await _counted("primary", first)
        except (StoreUnavailable, StoreFull) as failure:
            if failure is replayable.failure:  # the body comes from a store that failed
                raise
            self._breaker.failed(failure)
            if fallback is None or not replayable.can_replay:
                raise
            again = fallback.put(key, replayable.again(), size=size, if_absent=if_absent)
            return "fallback", await _counted("fallback", again)
        self._breaker.succeeded()
        return "primary", stored

    async def _primary_is_worth_asking(self, body: Body) -> bool:
        """Bodies of bytes find out for themselves; a stream has one try, so it is worth a probe."""
        if isinstance(body, bytes):
            return self.circuit == "closed"
        return await self._breaker.is_closed(fresh_s=self._fresh_s)

    async def _probe(self) -> None:
        await self._primary.put(self._probe_key, b"probe")
        await self._primary.delete(self._probe_key)


async def _counted(backend: Backend, put: Coroutine[Any, Any, int]) -> int:
    try:
        stored = await put
    except BlobFailure:
        _PUTS.labels(backend, "failed").inc()
        raise
    _PUTS.labels(backend, "stored").inc()
    return stored
