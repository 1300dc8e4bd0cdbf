"""Everything below a prefix as one zip archive."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from libs.client.failures import Unreachable
from libs.client.meter import OnBytes
from libs.client.transport import Params, Transport, segment


class Archives:
    """Archives of every bucket."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def read(
        self, bucket: str, prefix: str = "", *, ref: str | None = None
    ) -> AsyncIterator[bytes]:
        """Yield a zip of the files whose path begins with ``prefix``.

        It is whole when the end came without ``Unreachable``: an archive that cannot be finished,
        e.g. because a file of it is damaged, is cut off. Raises ``ApiProblem`` 404 without files.
        """
        params: Params = {"prefix": prefix or None, "ref": ref}
        try:
            async with self._transport.stream(
                f"/buckets/{segment(bucket)}/archive",
                params=params,
                headers={"Accept-Encoding": "identity"},
            ) as response:
                async for piece in response.aiter_raw():
                    yield piece
        except httpx.TransportError as error:
            raise Unreachable.at(self._transport.connection.url, error) from error

    async def download(
        self,
        bucket: str,
        prefix: str,
        to: Path,
        *,
        ref: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> int:
        """Write the archive to ``to``, untouched until it is whole, and return its size."""
        part = to.with_name(f".strongroom-{secrets.token_hex(8)}.part")
        size = 0
        try:
            with await asyncio.to_thread(part.open, "xb") as file:
                async for piece in self.read(bucket, prefix, ref=ref):
                    await asyncio.to_thread(file.write, piece)
                    size += len(piece)
                    if on_bytes is not None:
                        on_bytes(len(piece))
            await asyncio.to_thread(part.replace, to)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return size
