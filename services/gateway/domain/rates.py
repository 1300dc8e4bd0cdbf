"""How often and how fast: token buckets, and the pace below which a body is given up."""

from msgspec import Struct


class TokenBucket(Struct):
    """Allows ``burst`` calls at once and ``per_s`` in the long run; time comes in as seconds."""

    per_s: float
    burst: float
    tokens: float
    at: float

    @classmethod
    def full(cls, per_s: float, burst: float, now: float) -> "TokenBucket":
        """Return a bucket of which nothing was taken."""
        return cls(per_s=per_s, burst=burst, tokens=burst, at=now)

    def take(self, now: float) -> float:
        """Take one token; return 0.0, or after how many seconds there will be one."""
        self._fill(now)
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        return (1.0 - self.tokens) / self.per_s

    def is_empty(self, now: float) -> bool:
        """Tell whether a call would have to wait."""
        self._fill(now)
        return self.tokens < 1.0

    def _fill(self, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.at) * self.per_s)
        self.at = now


class Pace(Struct):
    """Watches that a body comes at least at ``least_bytes_s`` on average, after ``grace_s``."""

    least_bytes_s: float
    grace_s: float
    waited_s: float = 0.0
    got: int = 0

    def came(self, size: int, waited_s: float) -> None:
        """Note a piece and how long it was waited for; our own work does not count."""
        self.got += size
        self.waited_s += waited_s

    def is_too_slow(self) -> bool:
        """Tell whether the body is to be given up."""
        return self.waited_s > self.grace_s and self.got < self.least_bytes_s * self.waited_s
