"""An upload by tus whose last request dies somewhere: its client asks how far it came."""

import os
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.faults.load import API, make_bucket
from tests.faults.processes import dying
from tests.journeys.tus_wire import Tus
from tests.platform import Platform
from tests.waiting import eventually

MIB = 1024 * 1024
IN_TWO, IN_ONE = (MIB, 2 * MIB), (3 * MIB,)
CRASHES = [
    ("storage", "after_append:2", IN_TWO),
    ("storage", "before_commit", IN_TWO),
    ("storage", "after_commit", IN_TWO),
    ("gateway", "after_put", IN_TWO),
    ("gateway", "after_commit", IN_TWO),
    ("storage", "after_append", IN_ONE),
    ("storage", "before_commit", IN_ONE),
    ("storage", "after_commit", IN_ONE),
]


@pytest.mark.parametrize(
    ("service", "point", "sizes"),
    CRASHES,
    ids=[f"{service}-{point}-of-{len(sizes)}" for service, point, sizes in CRASHES],
)
async def test_a_last_request_that_dies_is_made_good_by_asking(
    platform: Platform, http: httpx.AsyncClient, service: str, point: str, sizes: tuple[int, ...]
) -> None:
    bucket = await make_bucket(http)
    tus = Tus(http, bucket)
    body = os.urandom(3 * MIB)
    url = await tus.begin(len(body))

    async with dying(platform, service, point):
        answers = [answer async for answer in _sent(tus, url, body, sizes)]
    done = await eventually(lambda: _goes_on(tus, url, body), timeout_s=30)
    again = await tus.head(url)
    got = await http.get(f"{API}/{bucket}/files/a/file")

    assert answers[-1] is None or answers[-1].status_code >= 500
    assert done.headers["strongroom-version"] == again.headers["strongroom-version"] == "1"
    assert got.content == body
    assert got.headers["strongroom-version"] == "1"


async def _sent(
    tus: Tus, url: str, body: bytes, sizes: tuple[int, ...]
) -> AsyncIterator[httpx.Response | None]:
    """Yield the answers to a PATCH of each size; None for one that never came."""
    offset = 0
    for size in sizes:
        try:
            yield await tus.patch(url, offset, body[offset : offset + size])
        except httpx.TransportError:
            yield None
        offset += size


async def _goes_on(tus: Tus, url: str, body: bytes) -> httpx.Response | None:
    """Do what a client does after a break; return the answer that says that all is there."""
    try:
        looked = await tus.head(url)
        if looked.status_code != httpx.codes.OK:
            return None
        offset = int(looked.headers["upload-offset"])
        if offset == len(body):
            return looked
        await tus.patch(url, offset, body[offset:])
    except httpx.TransportError:
        return None
    return None
