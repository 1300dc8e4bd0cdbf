"""HTTP/1.1 with as little work as can be: the load must not eat the cores that are measured."""

import asyncio
from typing import NamedTuple, Self
from urllib.parse import urlsplit


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

    @classmethod
    async def open(cls, url: str, key: str) -> Self:
        """Connect to ``url`` and present ``key`` with every request."""
        place = urlsplit(url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        return cls(reader, writer, f"Host: {place.netloc}\r\nAuthorization: Bearer {key}\r\n")

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
        answered = await self._reader.readuntil(b"\r\n\r\n")
        length = _content_length(answered.lower())
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
