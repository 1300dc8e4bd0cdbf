"""An HTTP server whose every answer is written by the test, down to the byte where it breaks off.

It stands for what the platform cannot be asked to do on command: to be restarted, overloaded or cut
off in the middle of an answer.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from libs.client import Client, Connection, RetryPolicy
from libs.client.digests import repr_digest

QUICK = RetryPolicy(first_pause_s=0.001, longest_pause_s=0.01)


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """One answer; ``cut_after`` closes the connection after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None

    def encode(self) -> bytes:
        """Return the bytes that are sent."""
        headers = {"Content-Length": str(len(self.body)), "Connection": "close"} | self.headers
        lines = [f"HTTP/1.1 {self.status} said", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body[: self.cut_after]


Script = Callable[[Asked], Said | None]
"""Return the answer to a request, or None to close the connection without one."""


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[tuple[Client, list[Asked]]]:
    """Run a server that answers by ``script``; yield its client and what was asked so far."""
    heard: list[Asked] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _read(reader)
        except asyncio.IncompleteReadError:
            writer.close()
            return
        heard.append(request)
        answer = script(request)
        if answer is not None:
            writer.write(answer.encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = Connection(url=f"http://127.0.0.1:{port}", key="sr_test")
    async with server, Client(connection=connection, retries=QUICK) as client:
        yield client, heard


def one_after_another(*answers: Said | None) -> Script:
    """Answer the first request with the first answer, and so on; the last is for all others."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def json(thing: object, status: int = 200, **headers: str) -> Said:
    """Return an answer in JSON."""
    return Said(status, msgspec.json.encode(thing), {"Content-Type": "application/json"} | headers)


def problem(code: str, status: int, **headers: str) -> Said:
    """Return an answer that is a problem."""
    return json({"type": f"urn:strongroom:problem:{code}", "title": code}, status, **headers)


def file_info(path: str, content: bytes) -> dict[str, object]:
    """Return what the platform says of a file."""
    return {
        "bucket": "reports",
        "path": path,
        "revision": 1,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "content_type": "application/octet-stream",
        "metadata": {},
        "tags": {},
        "modified_at": "2026-11-21T12:00:00Z",
        "modified_by": "key:1",
    }


def content_headers(content: bytes) -> dict[str, str]:
    """Return the headers that vouch for ``content``."""
    sha256 = hashlib.sha256(content).hexdigest()
    return {"ETag": f'"{sha256}"', "Repr-Digest": repr_digest(sha256)}


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, body)
