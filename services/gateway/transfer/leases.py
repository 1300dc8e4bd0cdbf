"""Holding on to an upload in parts: renewed while it is used, let go of afterwards."""

import asyncio
import logging
from types import TracebackType
from typing import Self

from libs.contracts.problems import AnsweredWithProblem, Problem
from libs.contracts.storage import ReleaseLease, RenewLease, SessionLease
from services.gateway.edge.cancelling import cancel
from services.gateway.edge.platform import Platform

log = logging.getLogger(__name__)


class Holding:
    """A lease while its block runs; should another take it over, the block is cancelled and raises
    storage's problem.

    Only storage's word ends a lease. While storage does not answer nobody else can get it, and
    whatever is done under a lease that another has by then is refused.
    """

    def __init__(self, platform: Platform, lease: SessionLease) -> None:
        self.lease = lease
        self.wanted = False
        """Somebody else asked for it."""
        self.settled = False
        """Storage ended it already, by what was done under it."""
        self._platform = platform
        self._lost: Problem | None = None
        self._owner: asyncio.Task[object] | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._owner = asyncio.current_task()
        self._renewing = asyncio.create_task(self._renew())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._renewing is not None:
            await cancel([self._renewing])
        if not self.settled and self._lost is None:
            await asyncio.shield(asyncio.ensure_future(self._release()))
        if self._lost is not None and self._owner is not None:
            self._owner.uncancel()
            if isinstance(error, asyncio.CancelledError):
                raise self._lost from error

    async def _renew(self) -> None:
        question = RenewLease(
            session_id=self.lease.session.session_id, lease_id=self.lease.lease_id
        )
        while True:
            await asyncio.sleep(self.lease.renew_within_s)
            try:
                self.wanted = (await self._platform.ask(question)).wanted
            except AnsweredWithProblem as problem:
                if problem.details().status < 500:  # whoever has it now
                    self._lose(problem)
                    return
                log.warning("a lease was not renewed: %s", problem)
            except Problem as problem:
                log.warning("a lease was not renewed: %s", problem.detail)

    def _lose(self, problem: Problem) -> None:
        self._lost = problem
        if self._owner is not None:
            self._owner.cancel()

    async def _release(self) -> None:
        try:
            await self._platform.ask(
                ReleaseLease(session_id=self.lease.session.session_id, lease_id=self.lease.lease_id)
            )
        except Problem as problem:
            log.info("a lease is left to run out: %s", problem)
