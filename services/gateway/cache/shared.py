"""Records that all gateways share, in the memory of NATS: one asks storage, the others do not.

They lie in a key-value bucket of NATS by what their bucket and path hash to. Each is gone after
``LASTS_S``; the oldest go first where room is short. Without NATS, or where it is slow, storage is
asked as if there were none: nothing fails.

**Filling.** Who misses a record claims its key: an empty value, written only if the key is still as
it was seen. Then storage is asked, and the answer written only if the key still holds that claim.

**Emptying.** A gateway that passed a request on that may have changed files purges their keys
before it answers. What changes elsewise is heard by one of the gateways, which purges as well.

**Why no answer from before a change lies there after its purge.** Let ``C`` be the claim of a key,
``A`` storage's answer, ``F`` the filling with it, ``P`` the purge after a change; ``C < A < F``.

1. If the change was committed before ``A``, the answer shows it.
2. Else the change, and so ``P``, came after ``A``, and after ``C``. If ``P`` came before ``F``, it
   took the claim away, and ``F`` is refused: the key's last sequence is not the claim's any more.
   A later claim has another sequence, as no sequence of a stream is given twice; a stream made anew
   begins at the time in microseconds, which is above all that was given before.
3. If ``P`` came after ``F``, it took the record away.

Purges may be repeated, and one too many costs a question. One that fails is made up for by not
looking here for ``LASTS_S``, in this gateway; in the others by the change's event, or at worst by
the time after which a record is gone.

What was told by an event that *another* gateway has yet to purge could be found here once more: so
whatever this gateway hears to have changed is not looked for here for a moment (``doubt``).
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError
from prometheus_client import Counter

from libs.chassis.bus import Bus
from libs.contracts.base import Reply, Request
from libs.contracts.storage import StoredFile
from libs.contracts.streams import SHARED_RECORDS
from services.gateway.cache.changes import Changes
from services.gateway.cache.doubts import Doubts
from services.gateway.cache.figures import CacheFigures
from services.gateway.cache.lru import LOOKED_UP
from services.gateway.cache.touched import ALL, NOTHING, Place, Touched, touched
from services.gateway.edge.cancelling import cancel

STREAM = f"KV_{SHARED_RECORDS}"
SUBJECTS = f"$KV.{SHARED_RECORDS}"
LASTS_S = 60.0
PATIENCE_S = 0.5
"""What takes longer is done without."""

REST_S = 1.0
"""So long nothing is tried again after a failure."""

MOST_RECORD_BYTES = 64 * 1024
MOST_HEARD = 10_000
"""Changes that wait to be purged; should there be more, everything is."""

EXPECTED = "Nats-Expected-Last-Subject-Sequence"

FAILURES = Counter("strongroom_shared_cache_failures_total", "What NATS did not do.", ["what"])
PURGES = Counter("strongroom_shared_cache_purges_total", "Keys, buckets or all that were emptied.")

log = logging.getLogger(__name__)

_decoder = msgspec.json.Decoder(StoredFile)


class SharedRecords:
    """Records in NATS, for all gateways."""

    def __init__(self, bus: Bus, most_bytes: int) -> None:
        self._bus = bus
        self._most_bytes = most_bytes
        self._doubts = Doubts()
        self._heard: asyncio.Queue[Touched] = asyncio.Queue(MOST_HEARD)
        self._changes = Changes(bus, self._hear, queue="gateway-shared-records")
        self._working: asyncio.Task[None] | None = None
        self._rests_until = float("inf")
        self._hits = self._misses = 0

    async def __aenter__(self) -> Self:
        self._working = asyncio.create_task(self._work(), name="shared-records")
        await self._changes.want()
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._working is not None:
            await cancel([self._working])
        await self._changes.end()

    async def figures(self) -> CacheFigures | None:
        """Tell how the cache does: this gateway's hits, and what lies there of all; None: away."""
        try:
            state = (await self._bus.jetstream.stream_info(STREAM)).state
        except (NatsError, OSError, TimeoutError):
            return None
        asked = self._hits + self._misses
        return CacheFigures(
            entries=state.messages,
            bytes=state.bytes,
            most_bytes=self._most_bytes,
            hits=self._hits,
            misses=self._misses,
            hit_rate=round(self._hits / asked, 4) if asked else 0.0,
            evictions=None,
        )

    async def get(self, place: Place, ask: Callable[[], Awaitable[StoredFile]]) -> StoredFile:
        """Return the record that lies there, or what ``ask()`` answers, which lies there then."""
        if time.monotonic() < self._rests_until or self._doubts.about(place):
            return await ask()
        subject = subject_of(*place)
        try:
            found, sequence = await self._look(subject)
            if found is not None and (found.file.bucket, found.file.path) == place:
                return found
            claim = await self._claim(subject, sequence)
        except (NatsError, OSError, TimeoutError) as error:
            self._failed("read", error)
            return await ask()
        answer = await ask()
        if claim is not None and not answer.blob.quarantined:
            await self._fill(subject, claim, answer)
        return answer

    def doubt(self, changed: Touched) -> None:
        """Do not look here for what has just changed: it may not be purged yet."""
        self._doubts.begin(changed)

    async def passed_on(self, request: Request[Any], reply: Reply | None) -> None:
        """Purge what ``request`` may have changed, before whoever asked is answered."""
        await self._purge(touched(request, reply))

    async def _look(self, subject: str) -> tuple[StoredFile | None, int]:
        """Return what lies there, if anything does, and the sequence of the key's last value."""
        asking = f"$JS.API.DIRECT.GET.{STREAM}.{subject}"
        answer = await self._bus.client.request(asking, timeout=PATIENCE_S)
        sequence = int((answer.headers or {}).get("Nats-Sequence", 0))
        found = self._read(answer)
        self._hits += found is not None
        self._misses += found is None
        LOOKED_UP.labels("shared", "no" if found is None else "yes").inc()
        return found, sequence

    def _read(self, answer: Msg) -> StoredFile | None:
        if not answer.data:
            return None
        try:
            return _decoder.decode(answer.data)
        except msgspec.DecodeError:
            return None  # by a gateway of another version

    async def _claim(self, subject: str, seen: int) -> int | None:
        """Return the claim's sequence; None when somebody else came first."""
        try:
            ack = await self._bus.jetstream.publish(
                subject, timeout=PATIENCE_S, headers={EXPECTED: str(seen)}
            )
        except APIError:
            return None
        return ack.seq

    async def _fill(self, subject: str, claim: int, answer: StoredFile) -> None:
        """Write the answer; nobody waits for it, and a refusal is right."""
        body = msgspec.json.encode(answer)
        if len(body) > MOST_RECORD_BYTES:
            return
        try:
            await self._bus.client.publish(subject, body, headers={EXPECTED: str(claim)})
        except (NatsError, OSError) as error:
            self._failed("fill", error)

    async def _purge(self, changed: Touched) -> None:
        """Take away what may be from before; a failure is made up for, not raised."""
        if changed == NOTHING:
            return
        if not self._bus.client.is_connected:
            self._doubts.begin(ALL, for_s=LASTS_S)
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*map(self._purge_one, _filters(changed)))
        except (NatsError, OSError, TimeoutError) as error:
            self._doubts.begin(ALL, for_s=LASTS_S)
            self._failed("purge", error)

    async def _purge_one(self, subject: str) -> None:
        PURGES.inc()
        try:
            await self._bus.jetstream.purge_stream(STREAM, subject=subject)
        except NotFoundError:
            self._rests_until = float("inf")  # nothing lies nowhere: it has to be made again

    def _hear(self, changed: Touched) -> None:
        if self._heard.full():
            changed = ALL
            while not self._heard.empty():
                self._heard.get_nowait()
        self._heard.put_nowait(changed)

    async def _work(self) -> None:
        """Make the place, empty it, and keep it empty of what has changed."""
        while True:
            try:
                await self._declare()
                while self._rests_until < float("inf"):
                    await self._purge(await self._heard.get())
            except (NatsError, OSError, TimeoutError) as error:
                self._failed("declare", error)
                self._rests_until = float("inf")
            await asyncio.sleep(REST_S)

    async def _declare(self) -> None:
        """Make the stream if there is none; what an earlier process missed is not believed."""
        config = StreamConfig(
            name=STREAM,
            subjects=[f"{SUBJECTS}.>"],
            storage=StorageType.MEMORY,
            discard=DiscardPolicy.OLD,
            max_age=LASTS_S,
            max_bytes=self._most_bytes,
            max_msg_size=2 * MOST_RECORD_BYTES,
            max_msgs_per_subject=1,
            deny_delete=True,
            allow_direct=True,
            num_replicas=1,
            first_seq=time.time_ns() // 1000,
        )
        try:
            await self._bus.jetstream.stream_info(STREAM)
        except NotFoundError:
            await self._bus.jetstream.add_stream(config)
        else:
            await self._bus.jetstream.purge_stream(STREAM)
        self._rests_until = 0.0

    def _failed(self, what: str, error: BaseException) -> None:
        FAILURES.labels(what).inc()
        log.debug("the shared records are done without: %s: %s", what, error)
        self._rests_until = max(self._rests_until, time.monotonic() + REST_S)


def subject_of(bucket: str, path: str = "") -> str:
    """Return the key of a file, or what all keys of a bucket match."""
    key = hashlib.sha256(path.encode()).hexdigest()[:32] if path else ">"
    return f"{SUBJECTS}.{hashlib.sha256(bucket.encode()).hexdigest()[:16]}.{key}"


def _filters(changed: Touched) -> list[str]:
    if changed.all:
        return [f"{SUBJECTS}.>"]
    whole = [subject_of(changed.bucket)] if changed.bucket else []
    return [*whole, *(subject_of(*place) for place in changed.places)]
