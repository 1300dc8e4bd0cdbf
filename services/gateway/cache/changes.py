"""Hearing that files changed, as cheaply as it can be, and only while somebody wants to know.

Events are heard as they pass by, without a consumer: what is missed while the server is away, or
dropped because this process is too slow, does not come again. So whoever listens believes nothing
from before a lost connection, and nothing for long.

A subscription that was made before a request was sent is in force before the request is answered:
a server takes what comes on one connection in its order. So whatever changes behind the answer is
heard.
"""

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from libs.chassis.bus import Bus
from libs.contracts.storage import (
    BucketDeleted,
    FileDeleted,
    FileQuarantined,
    FilesChanged,
    FileStored,
)
from services.gateway.cache.touched import ALL, FIRST_REVISION, Touched

HEARD = (FileStored, FileDeleted, FilesChanged, FileQuarantined, BucketDeleted)
IDLE_S = 10.0
"""So long after the last wish nobody listens any more."""

Listener = Callable[[Touched], None]

log = logging.getLogger(__name__)


class _Changed(Struct, frozen=True):
    """As much of an event as matters here; the rest is not decoded."""

    bucket: str
    path: str = ""
    """Absent where more than one file changed."""
    revision: int = 0


_decoder = msgspec.json.Decoder(_Changed)


class Changes:
    """Tells ``listener`` what changed anywhere, for as long as that is wanted again and again.

    Of those that name the same ``queue`` only one hears of each change.
    """

    def __init__(self, bus: Bus, listener: Listener, *, queue: str = "") -> None:
        self._bus = bus
        self._listener = listener
        self._queue = queue
        self._heard: list[Subscription] = []
        self._beginning: asyncio.Task[bool] | None = None
        self._wanted_at = 0.0
        bus.when_reconnected(self._doubt)

    @property
    def is_listening(self) -> bool:
        """Tell whether changes are heard at present."""
        return bool(self._heard)

    async def want(self) -> bool:
        """Listen from now on, and tell whether that is so: then what anybody is asked for after
        this may be remembered.
        """
        self._wanted_at = time.monotonic()
        if self._heard:
            return True
        if self._beginning is None:
            self._beginning = asyncio.create_task(self._begin())
        return await asyncio.shield(self._beginning)

    async def end_when_idle(self) -> None:
        """Listen no more if nobody wanted it lately."""
        if self._heard and time.monotonic() - self._wanted_at > IDLE_S:
            await self.end()

    async def end(self) -> None:
        """Listen no more; whoever remembers something is told that it may have changed."""
        heard, self._heard = self._heard, []
        self._listener(ALL)
        for subscription in heard:
            try:
                await subscription.unsubscribe()
            except (NatsError, OSError) as error:
                log.debug("nobody listens to changes of files, anyway: %s", error)

    async def _begin(self) -> bool:
        client = self._bus.client
        try:
            self._heard = [
                await client.subscribe(event.every(), queue=self._queue, cb=self._hear)
                for event in HEARD
            ]
        except (NatsError, OSError) as error:
            log.debug("changes of files cannot be heard: %s", error)
            return False
        finally:
            self._beginning = None
        return True

    def _doubt(self) -> None:
        self._listener(ALL)

    async def _hear(self, message: Msg) -> None:
        try:
            change = _decoder.decode(message.data)
        except msgspec.DecodeError as error:
            log.warning("a change of a file cannot be read: %s", error)
            self._listener(ALL)
            return
        if change.revision == FIRST_REVISION and message.subject.startswith(FileStored.type):
            return
        if change.path:
            self._listener(Touched(places=[(change.bucket, change.path)]))
        else:
            self._listener(Touched(bucket=change.bucket))
