"""What one caller may do in buckets: the one place that every route asks, most of them by the gate.

A refusal never comes from memory: storage is asked once more before it. So a grant works at once
on every gateway, and a bucket that may not be seen takes the same work as one that is not there.
"""

import time
from datetime import datetime
from functools import cached_property

from libs.contracts.problems import AnsweredWithProblem, Problem
from libs.contracts.storage import Role
from libs.contracts.values import Principal
from services.gateway.domain.access import ALL_OF_IT, ANYBODY, Caller, Decision, Deed, decide
from services.gateway.domain.failures import (
    BucketNotFound,
    FileNotFound,
    Forbidden,
    key_needed,
)
from services.gateway.domain.keys import Identity
from services.gateway.edge.known_buckets import KnownBucket, KnownBuckets


class Access:
    """The rights of one caller; ``identity`` is None for who came without a key."""

    def __init__(self, identity: Identity | None, buckets: KnownBuckets) -> None:
        self.identity = identity
        self._buckets = buckets

    @cached_property
    def caller(self) -> Caller:
        """Whom grants and scopes have to mean; made when it is first asked for."""
        return ANYBODY if self.identity is None else Caller.of(self.identity)

    @property
    def is_admin(self) -> bool:
        """Tell whether everything is allowed."""
        return self.identity is not None and self.identity.is_admin

    @property
    def sees_buckets_of(self) -> list[Principal] | None:
        """Return whose grants show a bucket in lists; None: all buckets are shown."""
        return None if self.is_admin else sorted(self.caller.principals)

    async def check(self, bucket: str, path: str = ALL_OF_IT, role: Role = "reader") -> None:
        """Raise unless the caller has ``role`` at this path, or below this prefix.

        404 as for a bucket that is not there when it may not be seen, else 403.
        """
        await self.check_deed(bucket, Deed(role=role, at=path))

    async def may(self, bucket: str, path: str = ALL_OF_IT, role: Role = "reader") -> bool:
        """Tell whether the caller has ``role`` at this path, or below this prefix."""
        try:
            await self.check(bucket, path, role)
        except (AnsweredWithProblem, BucketNotFound, Forbidden):
            return False
        return True

    async def owns_since(self, bucket: str, moment: datetime) -> bool:
        """Tell whether the caller owns the bucket, and it was the same one at that moment."""
        if self.is_admin:
            return True
        try:
            await self.check(bucket, role="owner")
            return (await self._buckets.get(bucket)).info.created_at <= moment
        except (AnsweredWithProblem, BucketNotFound, Forbidden):
            return False

    async def check_deed(self, bucket: str, deed: Deed, *, file: bool = False) -> None:
        """Raise unless the caller may do ``deed``; ``file`` says that it is about one file."""
        if self.is_admin:
            return
        try:
            decision = await self._decide(bucket, deed)
        except AnsweredWithProblem:
            if self.identity is None:
                raise key_needed() from None
            raise
        if not decision.allowed:
            raise self._refusal(bucket, deed, decision, file=file)

    async def _decide(self, bucket: str, deed: Deed) -> Decision:
        began = time.monotonic()
        known = await self._buckets.get(bucket)
        decision = self._decision(known, deed)
        if not decision.allowed and known.asked_at < began:
            decision = self._decision(await self._buckets.get(bucket, since=began), deed)
        return decision

    def _decision(self, known: KnownBucket, deed: Deed) -> Decision:
        return decide(self.caller, deed, known.grants, public_read=known.info.public_read)

    def _refusal(self, bucket: str, deed: Deed, decision: Decision, *, file: bool) -> Problem:
        if self.identity is None:
            return key_needed()
        if not decision.sees_bucket:
            return BucketNotFound(bucket, bucket=bucket)
        if file and deed.role == "reader" and deed.at is not None:
            return FileNotFound(deed.at, bucket=bucket, path=deed.at)
        return Forbidden(decision.reason, bucket=bucket, role=deed.role, at=deed.at)
