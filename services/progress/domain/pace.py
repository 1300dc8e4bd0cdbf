"""How long a task may be silent, and how long it rests."""

from datetime import timedelta

from msgspec import Struct

RETRY_GROWTH = 4
UNCLAIMED_GROWTH = 2
LONGEST_WISH_S = 86_400.0


class Pace(Struct, frozen=True, kw_only=True):
    """The times that decide about tasks."""

    lease: timedelta
    retry_first: timedelta
    retry_longest: timedelta
    unclaimed_first: timedelta
    unclaimed_longest: timedelta
    external_stop: timedelta

    def before_retry(self, attempt: int, *, at_least_s: float = 0.0) -> timedelta:
        """Return the pause after the failed ``attempt``; a wish for more is heard up to a day."""
        wished = timedelta(seconds=min(max(at_least_s, 0.0), LONGEST_WISH_S))
        return max(_grown(self.retry_first, RETRY_GROWTH, attempt - 1, self.retry_longest), wished)

    def before_dispatch(self, dispatches: int) -> timedelta:
        """Return how long an attempt that was dispatched so often may stay unclaimed."""
        return _grown(
            self.unclaimed_first, UNCLAIMED_GROWTH, dispatches - 1, self.unclaimed_longest
        )


def _grown(first: timedelta, growth: int, times: int, longest: timedelta) -> timedelta:
    """Return ``first`` grown so often, but not beyond ``longest``, whatever it is grown from."""
    if times > 60:  # beyond every ``longest``, and beyond what a timedelta holds
        return longest
    return timedelta(seconds=min(first.total_seconds() * growth**times, longest.total_seconds()))
