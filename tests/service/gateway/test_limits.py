"""Overload is honest: limits are told, and what is refused leaves nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.journeys.wire import Wire, connected
from tests.platform import Platform
from tests.service.gateway.conftest import Leftovers
from tests.waiting import eventually

MIB = 1024 * 1024
MOST = 12 * MIB


async def pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // MIB):
        yield bytes(MIB)


async def nothing_is_left(leftovers: Leftovers) -> None:
    async def look() -> bool:
        return not await leftovers()

    await eventually(look, timeout_s=20)


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused_and_leaves_nothing(
    http: httpx.AsyncClient, files: str, leftovers: Leftovers, announced: bool
) -> None:
    size = MOST + 8 * MIB
    body = bytes(size) if announced else pieces(size)

    answer = await http.put(f"{files}/a", content=body)

    assert answer.status_code == 413, answer.text
    assert answer.json()["type"] == "urn:strongroom:problem:body-too-large"
    assert (await http.get(f"{files}/a")).status_code == 404
    await nothing_is_left(leftovers)


async def test_a_body_at_the_limit_is_let_in(http: httpx.AsyncClient, files: str) -> None:
    answer = await http.put(f"{files}/a", content=bytes(MOST))

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("sent", [0, 10, 7 * MIB])
async def test_a_body_that_stalls_is_closed_and_leaves_nothing(
    platform: Platform, http: httpx.AsyncClient, files: str, leftovers: Leftovers, sent: int
) -> None:
    async with connected(platform) as wire:
        await wire.send("PUT", f"{files}/a", "Content-Length: 8000000", body=bytes(sent))
        answer = await wire.answer(timeout_s=8)

    assert (answer.status, answer.code) == (408, "too-slow")
    await nothing_is_left(leftovers)


async def test_a_client_that_goes_away_leaves_nothing(
    platform: Platform, files: str, leftovers: Leftovers
) -> None:
    for sent in (10, 7 * MIB):
        async with connected(platform) as wire:
            await wire.send("PUT", f"{files}/a", "Content-Length: 9000000", body=bytes(sent))
            wire.writer.transport.abort()

    await nothing_is_left(leftovers)


async def test_a_reader_that_takes_nothing_is_cut_off(
    platform: Platform, http: httpx.AsyncClient, files: str
) -> None:
    await http.put(f"{files}/a", content=bytes(MOST))

    async with connected(platform) as wire:
        transport = wire.writer.transport
        transport.pause_reading()  # type: ignore[attr-defined]
        await wire.send("GET", f"{files}/a")
        await asyncio.sleep(4)
        transport.resume_reading()  # type: ignore[attr-defined]
        got = await asyncio.wait_for(read_all(wire), 10)

    assert got < MOST


async def read_all(wire: Wire) -> int:
    size = 0
    with contextlib.suppress(ConnectionResetError):
        while piece := await wire.reader.read(MIB):
            size += len(piece)
    return size


async def test_more_transfers_than_memory_wait_or_are_told_to_come_again(
    platform: Platform, http: httpx.AsyncClient, files: str
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(connected(platform)) for _ in range(2)]
        for number, wire in enumerate(wires):
            begin = b"%x\r\n%s\r\n" % (200_000, bytes(200_000))
            await wire.send("PUT", f"{files}/{number}", "Transfer-Encoding: chunked", body=begin)

        async def refusal() -> httpx.Response | None:
            """Return the refusal of a third one; before both others have come it is let in."""
            answer = await http.put(f"{files}/third", content=pieces(MIB))
            return None if answer.is_success else answer

        refused = await eventually(refusal)
        small = await http.put(f"{files}/small", content=b"x")
        for wire in wires:
            wire.writer.write(b"3\r\nabc\r\n0\r\n\r\n")
            assert (await wire.answer()).status == 201

    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:strongroom:problem:busy"
    assert int(refused.headers["retry-after"]) >= 1
    assert small.status_code == 201
    assert (await http.put(f"{files}/third", content=pieces(MIB))).status_code in (200, 201)


async def test_a_key_that_calls_too_often_is_told_when_to_come_again(
    platform: Platform, http: httpx.AsyncClient
) -> None:
    created = await http.post("/api/v1/api-keys", json={"name": "busy", "scopes": ["read"]})
    headers = {"Authorization": f"Bearer {created.json()['key']}"}
    async with httpx.AsyncClient(base_url=platform.url, headers=headers) as busy:
        answers: list[httpx.Response] = []
        for _ in range(12):
            answers += await asyncio.gather(*(busy.get("/api/v1/me") for _ in range(50)))
    refused = [answer for answer in answers if answer.status_code == 429]

    assert refused
    assert {answer.status_code for answer in answers} == {200, 429}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert (await http.get("/api/v1/me")).status_code == 200


async def test_an_address_that_tries_keys_is_slowed_down_and_known_keys_are_not(
    platform: Platform, http: httpx.AsyncClient
) -> None:
    await http.get("/api/v1/me")
    async with httpx.AsyncClient(base_url=platform.url) as stranger:
        codes = [
            (
                await stranger.get(
                    "/api/v1/me",
                    headers={"Authorization": f"Bearer sr_{number:032x}_{'A' * 64}"},
                )
            ).status_code
            for number in range(40)
        ]

    assert codes[0] == 401
    assert codes[-1] == 429
    assert (await http.get("/api/v1/me")).status_code == 200


async def test_who_comes_without_a_key_is_limited_by_address(
    platform: Platform, http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    await http.put(f"{files}/a", content=b"public")
    await http.patch(f"/api/v1/buckets/{bucket}", json={"public_read": True})

    async with httpx.AsyncClient(base_url=platform.url) as anybody:
        answers = [await anybody.get(f"{files}/a") for _ in range(40)]

    assert answers[0].status_code == 200
    assert {answer.status_code for answer in answers} == {200, 429}
    assert answers[-1].headers["retry-after"]
    assert (await http.get(f"{files}/a")).status_code == 200
