"""HTTP/1.1 with as little work as can be: the load must not eat the cores that are measured."""

import asyncio
from collections.abc import Iterable
from typing import NamedTuple, Self
from urllib.parse import urlsplit

READ_BYTES = 1024 * 1024


class Answered(NamedTuple):
    status: int
    body: bytes


class LeanConnection:
    """One kept-alive connection, one request at a time; answers must have a Content-Length."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, constant: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._constant = constant
        self.is_closing = False
        """Whether the server has said that it ends the connection."""

    @classmethod
    async def open(cls, url: str, key: str) -> Self:
        """Connect to ``url`` and present ``key``, if there is one, with every request."""
        place = urlsplit(url)
        reader, writer = await asyncio.open_connection(
            place.hostname, place.port, limit=4 * READ_BYTES
        )
        authorization = f"Authorization: Bearer {key}\r\n" if key else ""
        return cls(reader, writer, f"Host: {place.netloc}\r\n{authorization}")

    async def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        content_type: str = "application/octet-stream",
    ) -> Answered:
        """Send a request and return its answer, whatever the status."""
        head = (
            f"{method} {target} HTTP/1.1\r\n{self._constant}"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode("ascii") + body)
        return await self._answer()

    async def put_pieces(self, target: str, size: int, pieces: Iterable[bytes]) -> int:
        """Put ``size`` bytes as fast as they are taken; return the status."""
        head = (
            f"PUT {target} HTTP/1.1\r\n{self._constant}"
            f"Content-Type: application/octet-stream\r\nContent-Length: {size}\r\n\r\n"
        )
        self._writer.write(head.encode("ascii"))
        for piece in pieces:
            self._writer.write(piece)
            await self._writer.drain()
        return (await self._answer()).status

    async def count(self, target: str) -> tuple[int, int]:
        """Get ``target`` and throw it away; return the status and how many bytes came."""
        self._writer.write(f"GET {target} HTTP/1.1\r\n{self._constant}\r\n".encode("ascii"))
        answered = await self._reader.readuntil(b"\r\n\r\n")
        left = length = _content_length(answered.lower())
        while left:
            piece = await self._reader.read(min(left, READ_BYTES))
            if not piece:
                break
            left -= len(piece)
        return int(answered[9:12]), length - left

    async def _answer(self) -> Answered:
        answered = await self._reader.readuntil(b"\r\n\r\n")
        head = answered.lower()
        self.is_closing = b"\r\nconnection: close" in head
        length = _content_length(head)
        return Answered(
            int(answered[9:12]), await self._reader.readexactly(length) if length else b""
        )

    async def put(self, target: str, body: bytes) -> None:
        """Put a file; raises ``RuntimeError`` when it is not stored."""
        answered = await self.request("PUT", target, body)
        if answered.status not in (200, 201):
            raise RuntimeError(f"PUT {target}: {answered.status} {answered.body[:300]!r}")

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def _content_length(head: bytes) -> int:
    _, found, rest = head.partition(b"\r\ncontent-length:")
    return int(rest[: rest.index(b"\r\n")]) if found else 0
