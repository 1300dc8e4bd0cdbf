"""An upload by tus whose last request dies somewhere: its client asks how far it came."""

import os

import httpx
import pytest

from tests.faults.load import API, make_bucket
from tests.faults.processes import dying
from tests.journeys.tus_wire import Tus
from tests.platform import Platform
from tests.waiting import eventually

MIB = 1024 * 1024
POINTS = [
    ("storage", "after_append"),
    ("storage", "before_commit"),
    ("storage", "after_commit"),
    ("gateway", "after_put"),
    ("gateway", "after_commit"),
]


@pytest.mark.parametrize(("service", "point"), POINTS, ids=[f"{s}-{p}" for s, p in POINTS])
async def test_a_last_request_that_dies_is_made_good_by_asking(
    platform: Platform, http: httpx.AsyncClient, service: str, point: str
) -> None:
    bucket = await make_bucket(http)
    tus = Tus(http, bucket)
    body = os.urandom(3 * MIB)
    url = await tus.begin(len(body))

    async with dying(platform, service, f"{point}:2" if point == "after_append" else point):
        await tus.patch(url, 0, body[:MIB])
        try:
            answer = await tus.patch(url, MIB, body[MIB:])
        except httpx.TransportError:
            answer = None
    done = await eventually(lambda: _goes_on(tus, url, body), timeout_s=30)
    again = await tus.head(url)
    got = await http.get(f"{API}/{bucket}/files/a/file")

    assert answer is None or answer.status_code >= 500
    assert done.headers["strongroom-version"] == again.headers["strongroom-version"] == "1"
    assert got.content == body
    assert got.headers["strongroom-version"] == "1"


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
