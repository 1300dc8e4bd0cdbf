"""The same load for every server: PUT and GET, keep-alive, 16 requests in flight or one."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bench.bodies import MIB, unique
from bench.lean_http import LeanConnection
from bench.peers.servers import Server

SMALL_BYTES = 16 * 1024
IN_FLIGHT = 16


async def put_large(server: Server, path: str, size: int) -> float:
    """Put one file; return MiB a second."""
    connection = await LeanConnection.open(server.url, server.key)
    target = server.target(path)
    began = time.perf_counter()
    status = await connection.put_pieces(target, size, (unique(MIB) for _ in range(size // MIB)))
    took = time.perf_counter() - began
    _check("PUT", target, status)
    return size / MIB / took


async def get_large(server: Server, path: str, size: int) -> float:
    """Get one file; return MiB a second."""
    connection = await LeanConnection.open(server.url, server.key)
    target = server.target(path)
    began = time.perf_counter()
    status, got = await connection.count(target)
    took = time.perf_counter() - began
    _check("GET", target, status)
    if got != size:
        raise RuntimeError(f"GET {target}: {got} of {size} bytes")
    return size / MIB / took


async def put_small(server: Server, prefix: str, count: int) -> float:
    """Put ``count`` files of 16 KiB; return how many a second."""

    async def put(connection: LeanConnection, number: int) -> None:
        target = server.target(f"{prefix}-{number}.bin")
        answered = await connection.request("PUT", target, unique(SMALL_BYTES))
        _check("PUT", target, answered.status)

    return await _per_second(server, put, count)


async def get_small(server: Server, prefix: str, count: int) -> float:
    """Get them, each once; return how many a second."""

    async def get(connection: LeanConnection, number: int) -> None:
        target = server.target(f"{prefix}-{number}.bin")
        answered = await connection.request("GET", target)
        _check("GET", target, answered.status)
        if len(answered.body) != SMALL_BYTES:
            raise RuntimeError(f"GET {target}: {len(answered.body)} bytes")

    return await _per_second(server, get, count)


async def _per_second(
    server: Server, act: Callable[[LeanConnection, int], Awaitable[None]], count: int
) -> float:
    async def lane(at: int) -> None:
        connection = await LeanConnection.open(server.url, server.key)
        for number in range(at, count, IN_FLIGHT):
            if connection.is_closing:  # some servers end a connection after so many requests
                connection = await LeanConnection.open(server.url, server.key)
            await act(connection, number)

    began = time.perf_counter()
    await asyncio.gather(*map(lane, range(IN_FLIGHT)))
    return count / (time.perf_counter() - began)


def _check(verb: str, target: str, status: int) -> None:
    if status not in (200, 201, 204):
        raise RuntimeError(f"{verb} {target}: {status}")
