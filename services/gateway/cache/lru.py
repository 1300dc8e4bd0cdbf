"""Things by key within a number of bytes: what was not asked for the longest goes first."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from prometheus_client import Counter, Gauge

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LOOKED_UP = Counter(
    "strongroom_cache_lookups_total", "Times that something was looked for.", ["cache", "found"]
)
EVICTED = Counter("strongroom_cache_evictions_total", "What made room for others.", ["cache"])
BYTES = Gauge("strongroom_cache_bytes", "What is remembered, about.", ["cache"])


class Remembered(NamedTuple, Generic[V]):
    """A thing, what it weighs and until when it is believed."""

    thing: V
    size: int
    until: float


class Lru(Generic[K, V]):
    """Remembers up to ``most_bytes``, each thing for ``believe_s`` at most."""

    def __init__(
        self,
        name: str,
        *,
        most_bytes: int,
        believe_s: float = float("inf"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.most_bytes = most_bytes
        self.hits = 0
        self.misses = 0
        self.evictions = 0
        self.bytes = 0
        self._believe_s = believe_s
        self._clock = clock
        self._known: OrderedDict[K, Remembered[V]] = OrderedDict()
        self._found = LOOKED_UP.labels(name, "yes")
        self._not_found = LOOKED_UP.labels(name, "no")

    def __len__(self) -> int:
        return len(self._known)

    def find(self, key: K) -> V | None:
        """Return what is remembered and still believed, and count the question."""
        known = self._known.get(key)
        if known is None or known.until <= self._clock():
            self.forget(key)
            self.misses += 1
            self._not_found.inc()
            return None
        self._known.move_to_end(key)
        self.hits += 1
        self._found.inc()
        return known.thing

    def remember(self, key: K, thing: V, size: int, *, since: float | None = None) -> None:
        """Remember ``thing``, and forget others for it; what is too large to fit is not.

        It is believed from ``since`` on, a time of the clock, or from now.
        """
        self.forget(key)
        if size > self.most_bytes:
            return
        begins = self._clock() if since is None else since
        self._known[key] = Remembered(thing, size, begins + self._believe_s)
        self._count(size)
        while self.bytes > self.most_bytes:
            self.forget(next(iter(self._known)))
            self.evictions += 1
            EVICTED.labels(self.name).inc()

    def forget(self, key: K) -> None:
        """Remember ``key`` no more."""
        known = self._known.pop(key, None)
        if known is not None:
            self._count(-known.size)

    def forget_where(self, goes: Callable[[K], bool]) -> None:
        """Remember none of the keys for which ``goes`` is true; looks at every one."""
        for key in list(filter(goes, self._known)):
            self.forget(key)

    def _count(self, size: int) -> None:
        self.bytes += size
        BYTES.labels(self.name).set(self.bytes)
