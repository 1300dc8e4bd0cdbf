"""Granian inside the service's own event loop."""

import asyncio
import logging
from contextlib import suppress
from typing import Self

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from services.gateway.edge.front import Front
from services.gateway.settings import Settings

CUT_OFF_S = 2.0
HEADERS_BYTES = 64 * 1024

log = logging.getLogger(__name__)


class HttpServer:
    """Listens as long as the service runs; draining ends what was begun, closing cuts it off."""

    def __init__(self, front: Front, settings: Settings) -> None:
        self._front = front
        self._settings = settings
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        settings = self._settings
        # Its own lines tell of every reader that went away; failures are ours to log.
        logging.getLogger("_granian").setLevel(logging.CRITICAL)
        self._server = Server(
            self._front,
            address=settings.host,
            port=settings.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=int(settings.header_timeout_s * 1000),
            ),
            backlog=1024,
            log_enabled=False,
        )
        self._serving = asyncio.create_task(self._server.serve(), name="http-server")
        await asyncio.sleep(0)
        log.info("HTTP on %s:%d", settings.host, settings.port)
        return self

    async def check(self) -> None:
        """Raise when nobody listens any more."""
        if self._serving is None or self._serving.done():
            raise OSError("the HTTP server has ended")

    async def drain(self) -> None:
        """Accept no more connections and wait until every answer is given."""
        if self._server is not None and self._serving is not None:
            self._server.stop()  # type: ignore[no-untyped-call]
            await asyncio.shield(self._serving)

    async def __aexit__(self, *failure: object) -> None:
        if self._server is None or self._serving is None:
            return
        self._server.stop()  # type: ignore[no-untyped-call]
        self._front.cancel_all()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._serving, CUT_OFF_S)
