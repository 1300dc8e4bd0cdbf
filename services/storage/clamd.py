"""Asking ClamAV's ``clamd`` about bytes: its ``INSTREAM`` command (clamd(8)), one connection each.

Whatever is no answer about the bytes raises ``ClamdUnavailable``: it is asked again later.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NamedTuple

_MOST_PIECE = 256 * 1024
_MOST_ANSWER = 4096
_FOUND = " FOUND"
_EXCEEDED = "size limit exceeded"

TOO_LARGE = "larger than clamd looks through"


class ClamdUnavailable(Exception):
    """``clamd`` said nothing about the bytes."""


class Scan(NamedTuple):
    """What ``clamd`` says of some bytes."""

    clean: bool
    reason: str = ""


async def scan(address: str, pieces: AsyncIterator[bytes], *, timeout_s: float) -> Scan:
    """Have ``clamd`` look at ``pieces``; it may be silent for ``timeout_s`` at most.

    What is larger than it takes (``StreamMaxLength``) is not clean: nobody has looked at its end.
    """
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await _connect(address)
    except (OSError, TimeoutError) as error:
        raise ClamdUnavailable(f"no connection: {type(error).__name__}") from error
    # It may have heard enough before the end: then it answers and hangs up.
    answering = asyncio.ensure_future(reader.readuntil(b"\0"))
    try:
        with suppress(ConnectionError):
            await _send(writer, pieces, answering, timeout_s)
        async with asyncio.timeout(timeout_s):
            answer = await answering
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ClamdUnavailable(f"no answer: {type(error).__name__}") from error
    finally:
        answering.cancel()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return _understood(answer.decode("utf-8", "replace").strip("\0\n "))


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    kind, _, where = address.partition("://")
    if kind == "unix":
        return await asyncio.open_unix_connection(where, limit=_MOST_ANSWER)
    host, _, port = where.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port), limit=_MOST_ANSWER)


async def _send(
    writer: asyncio.StreamWriter,
    pieces: AsyncIterator[bytes],
    answering: "asyncio.Future[bytes]",
    timeout_s: float,
) -> None:
    """Send all pieces, or as many as are wanted."""
    writer.write(b"zINSTREAM\0")
    async for piece in pieces:
        if answering.done():
            return
        for at in range(0, len(piece), _MOST_PIECE):
            part = piece[at : at + _MOST_PIECE]
            writer.write(len(part).to_bytes(4, "big") + part)
            async with asyncio.timeout(timeout_s):
                await writer.drain()
    writer.write(bytes(4))
    async with asyncio.timeout(timeout_s):
        await writer.drain()


def _understood(answer: str) -> Scan:
    said = answer.removeprefix("stream: ")
    if said == "OK":
        return Scan(clean=True)
    if said.endswith(_FOUND):
        return Scan(clean=False, reason=said.removesuffix(_FOUND))
    if _EXCEEDED in said:
        return Scan(clean=False, reason=TOO_LARGE)
    raise ClamdUnavailable(f"it says {said[:200]!r}")
