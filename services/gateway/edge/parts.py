"""What the platform is made of, and how each part is."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from msgspec import Struct
from nats.errors import Error as NatsError

from libs.blobs.fallback import Backends
from libs.chassis.bus import Bus
from libs.chassis.database import Database

SERVICES = ("storage", "versioning", "backup", "progress")
ANSWER_S = 0.5
CHECK_S = 2.0
BELIEVE_S = 1.0

PartState = Literal["ok", "degraded", "down"]
"""The store is degraded while uploads go to its fallback."""

State = Literal["ok", "degraded", "down"]
NEEDED = ("database", "nats", "store", "storage")
"""Without one of these no file can be written or read."""


class Health(Struct, frozen=True):
    """How everything is."""

    status: State
    parts: dict[str, PartState]


class _Pong(Struct, frozen=True):
    """A service's answer to a ping (ADR-32 of NATS)."""

    name: str = ""


class Parts:
    """Looks at every part, at most once a second however many ask."""

    def __init__(self, db: Database, bus: Bus, backends: Backends) -> None:
        self._checks: dict[str, Callable[[], Awaitable[None]]] = {
            "database": db.check,
            "nats": bus.check,
            "store": backends.check,
        }
        self._backends = backends
        self._bus = bus
        self._seen: Health | None = None
        self._seen_at = 0.0
        self._looking = asyncio.Lock()

    async def health(self) -> Health:
        """Return the state of every part."""
        async with self._looking:
            if self._seen is None or time.monotonic() - self._seen_at > BELIEVE_S:
                self._seen = await self._look()
                self._seen_at = time.monotonic()
            return self._seen

    async def _look(self) -> Health:
        names = list(self._checks)
        states = await asyncio.gather(*(_state(check) for check in self._checks.values()))
        parts: dict[str, PartState] = dict(zip(names, states, strict=True))
        if parts["store"] == "ok":
            parts["store"] = self._backends.state
        answering = await self._answering() if parts["nats"] == "ok" else set()
        parts |= {name: "ok" if name in answering else "down" for name in SERVICES}
        if any(parts[name] == "down" for name in NEEDED):
            return Health("down", parts)
        return Health("ok" if set(parts.values()) == {"ok"} else "degraded", parts)

    async def _answering(self) -> set[str]:
        """Return which services answer a ping now."""
        found: set[str] = set()
        client = self._bus.client
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox)
        try:
            await client.publish("$SRV.PING", b"", reply=inbox)
            async with asyncio.timeout(ANSWER_S):
                while not found.issuperset(SERVICES):
                    message = await subscription.next_msg(timeout=ANSWER_S)
                    pong = msgspec.json.decode(message.data, type=_Pong)
                    found.add(pong.name.removeprefix("strongroom-"))
        except (NatsError, TimeoutError, msgspec.DecodeError):
            pass
        finally:
            await subscription.unsubscribe()
        return found


async def _state(check: Callable[[], Awaitable[None]]) -> PartState:
    try:
        await asyncio.wait_for(check(), CHECK_S)
    except Exception:  # noqa: BLE001 - whatever it is, the part is down
        return "down"
    return "ok"
