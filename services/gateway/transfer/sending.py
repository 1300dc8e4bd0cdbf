"""An answer's body, piece by piece: to its end, or the connection is cut."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from libs.blobs.failures import BlobFailure
from libs.contracts.problems import Problem
from services.gateway.edge.asgi import Receive, Send
from services.gateway.edge.front import ConnectionAborted


async def send_body(
    pieces: AsyncGenerator[bytes, None], receive: Receive, send: Send, *, idle_s: float
) -> None:
    """Send ``pieces`` and the end; raises ``ConnectionAborted`` when they fail or nobody reads."""
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if gone.done():
                    raise ConnectionAborted
                async with asyncio.timeout(idle_s):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except (Problem, BlobFailure, TimeoutError) as error:
        raise ConnectionAborted from error
    finally:
        gone.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
