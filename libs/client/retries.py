"""Whether and when to ask again."""

import random

import httpx
from msgspec import Struct

from libs.client.failures import ApiProblem

TRY_LATER = frozenset({429, 503})
"""Answers that say: not now. Nothing was done, so any call may be repeated."""

STILL_ANSWERING = "idempotency-key-in-use"
"""The problem of a repeated POST whose first try, its connection lost, is still being done."""

NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures before the first byte left, after which any call may be repeated."""


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """How patient a client is: growing pauses with jitter, bounded in number and length."""

    tries: int = 8
    tries_at_a_stranger: int = 3
    """Where nothing has ever answered, probably nobody is."""
    first_pause_s: float = 0.25
    longest_pause_s: float = 5.0
    patience_s: float = 30.0
    """A server that asks for a longer pause than this is told to the caller instead."""

    def pause_s(
        self, tried: int, retry_after_s: float | None = None, *, met: bool = True
    ) -> float | None:
        """Return how long to wait after ``tried`` tries, or None to give up.

        What the server asked for is the least; the jitter on top keeps clients from returning
        all at the same moment.
        """
        asked = retry_after_s or 0.0
        tries = self.tries if met else min(self.tries, self.tries_at_a_stranger)
        if tried >= tries or asked > self.patience_s:
            return None
        ceiling = min(self.longest_pause_s, self.first_pause_s * 2 ** (tried - 1))
        return asked + random.uniform(ceiling / 2, ceiling)


NEVER = RetryPolicy(tries=1)


def passes(problem: ApiProblem, tried: int) -> bool:
    """Tell whether a problem will pass by itself."""
    ours = tried > 1 and problem.code == STILL_ANSWERING
    return problem.status in TRY_LATER or ours


def repeatable(error: httpx.TransportError, *, idempotent: bool) -> bool:
    """Tell whether a call that broke with ``error`` may be made again."""
    return idempotent or isinstance(error, NOTHING_SENT)
