"""What has just changed, for a moment."""

import time
from collections.abc import Callable

from services.gateway.cache.touched import Place, Touched

A_MOMENT_S = 2.0
MOST_PLACES = 10_000
"""Should there be more, everything is doubted instead."""


class Doubts:
    """Remembers what may be different from what lies elsewhere."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._places: dict[Place, float] = {}
        self._buckets: dict[str, float] = {}
        self._all_until = 0.0

    def begin(self, changed: Touched, *, for_s: float = A_MOMENT_S) -> None:
        """Doubt ``changed`` from now on, for as long."""
        until = self._clock() + for_s
        if self._would_be_too_many(changed):
            self._drop_old()
        if changed.all or self._would_be_too_many(changed):
            self._all_until = max(self._all_until, until)
            return
        self._places.update(dict.fromkeys(changed.places, until))
        if changed.bucket:
            self._buckets[changed.bucket] = until

    def about(self, place: Place) -> bool:
        """Tell whether ``place`` is doubted now."""
        last = max(self._all_until, self._places.get(place, 0.0), self._buckets.get(place[0], 0.0))
        return self._clock() < last

    def _would_be_too_many(self, changed: Touched) -> bool:
        return len(self._places) + len(self._buckets) + len(changed.places) > MOST_PLACES

    def _drop_old(self) -> None:
        now = self._clock()
        self._places = {place: until for place, until in self._places.items() if until > now}
        self._buckets = {name: until for name, until in self._buckets.items() if until > now}
