"""Limits hold for forms and archives, too: nothing refused stays, and who stalls is cut off."""

import asyncio
import os
from uuid import uuid4

import httpx

from tests.journeys.test_forms_over_http import BOUNDARY, END, TYPE, a_file, sent
from tests.journeys.wire import connected
from tests.platform import Platform
from tests.service.gateway.conftest import Leftovers
from tests.service.gateway.test_limits import MIB, MOST, nothing_is_left, read_all


async def test_a_file_over_the_limit_is_refused_and_its_neighbours_are_stored(
    http: httpx.AsyncClient, files: str, leftovers: Leftovers
) -> None:
    answer = await sent(
        http,
        files,
        a_file("before", uuid4().bytes),
        a_file("large", os.urandom(MOST + MIB)),
        a_file("behind", os.urandom(300_000)),
        END,
    )

    assert answer.status_code == 207, answer.text
    told = [(item["path"], item["status"]) for item in answer.json()["items"]]
    assert told == [("before", 201), ("large", 413), ("behind", 201)]
    await nothing_is_left(leftovers)


async def test_a_form_that_stalls_is_closed_and_leaves_no_half_file(
    platform: Platform, http: httpx.AsyncClient, files: str, leftovers: Leftovers
) -> None:
    begun = a_file("whole", uuid4().bytes) + a_file("half", os.urandom(7 * MIB))[:-1000]

    async with connected(platform) as wire:
        head = (f"Content-Type: {TYPE}", f"Content-Length: {len(begun) + 50_000}")
        await wire.send("POST", files, *head, body=begun)
        answer = await wire.answer(timeout_s=10)

    assert (answer.status, answer.code) == (408, "too-slow")
    assert b'"path":"whole","status":201' in answer.body
    assert (await http.get(f"{files}/half")).status_code == 404
    await nothing_is_left(leftovers)


async def test_an_endless_head_of_a_part_is_not_collected(platform: Platform, files: str) -> None:
    begun = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'.encode() + b"a" * 2_000_000

    async with connected(platform) as wire:
        head = (f"Content-Type: {TYPE}", f"Content-Length: {len(begun) + 50_000}")
        await wire.send("POST", files, *head, body=begun)
        answer = await wire.answer(timeout_s=10)

    assert (answer.status, answer.code) == (413, "body-too-large")


async def test_who_reads_an_archive_and_takes_nothing_is_cut_off(
    platform: Platform, http: httpx.AsyncClient, files: str
) -> None:
    for number in range(3):
        await http.put(f"{files}/{number}", content=os.urandom(MOST))

    async with connected(platform) as wire:
        transport = wire.writer.transport
        transport.pause_reading()  # type: ignore[attr-defined]
        await wire.send("GET", files.replace("/files", "/archive"))
        await asyncio.sleep(4)
        transport.resume_reading()  # type: ignore[attr-defined]
        got = await asyncio.wait_for(read_all(wire), 10)

    assert got < 3 * MOST
    whole = await http.get(files.replace("/files", "/archive"))
    assert len(whole.content) > 3 * MOST
