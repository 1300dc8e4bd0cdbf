"""What is to be done to bytes on their way in: what their bucket says at this moment."""

import time

from libs.blobs.depot import Plan
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import BeginUpload
from services.gateway.edge.known_buckets import KnownBuckets


class Plans:
    """Makes plans out of buckets' settings.

    Those may have changed a moment ago, unheard of. Storage has the last word: it refuses bytes in
    clear where they have to be encrypted (``is_outdated``).
    """

    def __init__(self, buckets: KnownBuckets) -> None:
        self._buckets = buckets

    async def of(self, wish: BeginUpload) -> Plan:
        """Return what is to be done to a body; raises storage's problem with the bucket."""
        return await self._of(wish, since=0.0)

    async def anew(self, wish: BeginUpload) -> Plan:
        """Return it after asking storage once more."""
        return await self._of(wish, since=time.monotonic())

    async def _of(self, wish: BeginUpload, *, since: float) -> Plan:
        info = (await self._buckets.get(wish.bucket, since=since)).info
        return Plan(
            compression=info.compression,
            encryption=info.encryption,
            content_type=wish.content_type,
        )


def is_outdated(problem: AnsweredWithProblem) -> bool:
    """Tell whether bytes were refused because their plan was made of settings that changed."""
    return problem.named == "encryption-required"
