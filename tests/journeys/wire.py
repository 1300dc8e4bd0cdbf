"""HTTP byte by byte, for what no decent client would send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from tests.platform import Platform


class Answer(Struct, frozen=True):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of the problem that this answer is."""
        assert self.headers["content-type"] == "application/problem+json", self
        problem = msgspec.json.decode(self.body)
        assert problem["status"] == self.status
        code: str = problem["type"].removeprefix("urn:strongroom:problem:")
        return code


class Wire:
    """One connection to the gateway."""

    def __init__(
        self, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._key = key
        self.reader = reader
        self.writer = writer

    async def send(self, method: str, path: str, *headers: str, body: bytes = b"") -> None:
        """Send the head of a request as the administrator, and as much of a body as is given."""
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: test",
            f"Authorization: Bearer {self._key}",
            *headers,
        ]
        self.writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        await self.writer.drain()

    async def answer(self, *, timeout_s: float = 15.0) -> Answer:
        """Read one answer whole."""
        async with asyncio.timeout(timeout_s):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            lines = [line.partition(":") for line in head[1:] if line]
            headers = {name.lower(): value.strip() for name, _, value in lines}
            length = int(headers.get("content-length", "0"))
            body = await self.reader.readexactly(length)
        return Answer(int(head[0].split()[1]), headers, body)


@asynccontextmanager
async def connected(platform: Platform) -> AsyncIterator[Wire]:
    """Open a connection that is closed at the end."""
    address = urlsplit(platform.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield Wire(platform.admin_key, reader, writer)
    finally:
        writer.close()


async def exchange(
    platform: Platform, method: str, path: str, *headers: str, body: bytes = b""
) -> Answer:
    """Send one request and return its answer."""
    async with connected(platform) as wire:
        await wire.send(method, path, *headers, body=body)
        return await wire.answer()
