"""How caches do."""

from typing import Any, Self

from msgspec import Struct

from services.gateway.cache.lru import Lru


class CacheFigures(Struct, frozen=True, kw_only=True):
    """How a cache does."""

    entries: int
    bytes: int
    most_bytes: int
    hits: int
    misses: int
    hit_rate: float
    evictions: int | None
    """None where a server makes room by itself."""

    @classmethod
    def of(cls, cache: Lru[Any, Any]) -> Self:
        """Read them off ``cache``."""
        asked = cache.hits + cache.misses
        return cls(
            entries=len(cache),
            bytes=cache.bytes,
            most_bytes=cache.most_bytes,
            hits=cache.hits,
            misses=cache.misses,
            hit_rate=round(cache.hits / asked, 4) if asked else 0.0,
            evictions=cache.evictions,
        )
