"""How often a key may call, and an address may be wrong: buckets kept in this process."""

import time
from collections import OrderedDict
from typing import TypeVar
from uuid import UUID

from services.gateway.domain.failures import TooManyRequests
from services.gateway.domain.rates import TokenBucket
from services.gateway.settings import Settings

MOST_BUCKETS = 10_000
"""The oldest is forgotten first; whoever comes back finds a full one."""

K = TypeVar("K")


class Rates:
    """Token buckets by key and by address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys: OrderedDict[UUID, TokenBucket] = OrderedDict()
        self._addresses: OrderedDict[str, TokenBucket] = OrderedDict()
        self._anonymous: OrderedDict[str, TokenBucket] = OrderedDict()

    def count_request(self, key_id: UUID) -> None:
        """Raise ``TooManyRequests`` when the key calls too often."""
        now = time.monotonic()
        bucket = self._keys.get(key_id)
        if bucket is None:
            limits = self._settings
            bucket = TokenBucket.full(limits.requests_per_s, float(limits.request_burst), now)
            _remember(self._keys, key_id, bucket)
        wait_s = bucket.take(now)
        if wait_s:
            raise TooManyRequests("this API key calls too often", retry_after_s=wait_s)

    def count_anonymous(self, address: str) -> None:
        """Raise ``TooManyRequests`` when an address calls too often without a key."""
        now = time.monotonic()
        bucket = self._anonymous.get(address)
        if bucket is None:
            limits = self._settings
            per_s, burst = limits.public_requests_per_s, float(limits.public_request_burst)
            bucket = TokenBucket.full(per_s, burst, now)
            _remember(self._anonymous, address, bucket)
        wait_s = bucket.take(now)
        if wait_s:
            raise TooManyRequests("this address calls too often", retry_after_s=wait_s)

    def check_refusals(self, address: str) -> None:
        """Raise ``TooManyRequests`` when the address presented too many wrong keys."""
        bucket = self._addresses.get(address)
        if bucket is not None and bucket.is_empty(time.monotonic()):
            wait_s = 1.0 / self._settings.refusals_per_s
            raise TooManyRequests("too many wrong API keys", retry_after_s=wait_s)

    def note_refusal(self, address: str) -> None:
        """Count a wrong key."""
        now = time.monotonic()
        bucket = self._addresses.get(address)
        if bucket is None:
            limits = self._settings
            bucket = TokenBucket.full(limits.refusals_per_s, float(limits.refusal_burst), now)
            _remember(self._addresses, address, bucket)
        bucket.take(now)


def _remember(buckets: OrderedDict[K, TokenBucket], owner: K, bucket: TokenBucket) -> None:
    buckets[owner] = bucket
    if len(buckets) > MOST_BUCKETS:
        buckets.popitem(last=False)
