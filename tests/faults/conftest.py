"""One platform for all faults, apart from the one of the other tests, and whole after each."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from random import Random, randrange

import httpx
import pytest

from libs.chassis.bus import Bus
from tests.faults.load import API, make_bucket
from tests.faults.looking import letters
from tests.faults.processes import operate
from tests.platform import Platform, running_platform
from tests.waiting import eventually

SERVICES = ("gateway", "storage", "versioning", "progress")
SERVERS = ("postgres", "nats", "s3")
SEED = int(os.environ.get("STRONGROOM_TEST_SEED") or randrange(2**32))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to see the same again."""
    terminalreporter.write_line(f"faults were drawn with STRONGROOM_TEST_SEED={SEED}")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> Random:
    """Chance that depends on the seed and the test alone."""
    print(f"STRONGROOM_TEST_SEED={SEED}")
    return Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="package")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The four services that faults are about, on servers of their own."""
    fallback = f"file://{tmp_path_factory.mktemp('fallback')}"
    settings = {
        "STRONGROOM_STORAGE_FALLBACK_STORE_URL": fallback,
        "STRONGROOM_GATEWAY_FALLBACK_STORE_URL": fallback,
        # What nobody needs any more goes while a test runs, whatever happens meanwhile.
        "STRONGROOM_STORAGE_BLOB_GRACE_S": "1",
        "STRONGROOM_STORAGE_OBJECT_GRACE_S": "5",
        "STRONGROOM_STORAGE_BLOB_WALK_INTERVAL_S": "5",
        "STRONGROOM_STORAGE_SWEEP_INTERVAL_S": "0.5",
        # Whoever asked a service that died finds out by this alone.
        "STRONGROOM_GATEWAY_ANSWER_TIMEOUT_S": "2",
    }
    with running_platform(SERVICES, settings) as running:
        yield running


@pytest.fixture(scope="package")
async def http(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=platform.url,
        headers={"Authorization": f"Bearer {platform.admin_key}"},
        timeout=20.0,
    ) as client:
        yield client


@pytest.fixture(scope="package")
async def admin_bus(platform: Platform) -> AsyncIterator[Bus]:
    async with Bus("admin", platform.nats_url) as bus:
        yield bus


@pytest.fixture(autouse=True)
async def converged(platform: Platform, http: httpx.AsyncClient) -> AsyncIterator[None]:
    """After every fault all is ready again and works, nothing was parked, ``fsck`` says 0."""
    yield
    await asyncio.to_thread(bring_back, platform)
    bucket = await make_bucket(http)
    answer = await http.put(f"{API}/{bucket}/files/probe", content=b"still here")
    assert answer.status_code == 201, answer.text

    assert {name: await letters(platform, name) for name in SERVICES} == dict.fromkeys(SERVICES, 0)

    async def no_difference() -> bool:
        code, said = await operate(platform, "storage", "fsck")
        assert code == 0, said
        return True

    await eventually(no_difference, timeout_s=15, pause_s=0.5)


def bring_back(platform: Platform) -> None:
    """Start what a test stopped, and return when everything answers."""
    for process in platform.stack.processes():
        if process.state == "stopped":
            platform.stack.resume(process.name)
    platform.stack.wait_ready(*SERVERS, *SERVICES)
