"""Bytes that are to become part of a history, before any path names them."""

from collections.abc import AsyncIterable
from pathlib import Path

import httpx

from libs.client.meter import OnBytes
from libs.client.sending import send_body
from libs.client.transport import Transport, decode, segment
from libs.contracts.storage import HeldContent


class Contents:
    """Content of every bucket that no file has to name yet."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def put(
        self,
        bucket: str,
        source: Path | bytes | AsyncIterable[bytes],
        *,
        on_bytes: OnBytes | None = None,
    ) -> HeldContent:
        """Store bytes and hold them, until ``held_until``, for a commit that names them.

        Bytes that the bucket has already take no room again.
        """
        return await send_body(
            self._transport,
            "POST",
            f"/buckets/{segment(bucket)}/contents",
            source,
            headers={"Content-Type": "application/octet-stream"},
            on_bytes=on_bytes,
            reply=_held,
        )


async def _held(response: httpx.Response) -> HeldContent:
    return decode(response, HeldContent)
