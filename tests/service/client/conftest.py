"""The platform's client and command, as most tests here want them."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.client import Client
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.client.command import CHECKOUT, Command


@pytest.fixture
def strongroom(platform: Platform, tmp_path: Path) -> Command:
    return Command(
        tmp_path,
        {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "home"),
            "PYTHONPATH": str(CHECKOUT),
            "STRONGROOM_URL": platform.url,
            "STRONGROOM_API_KEY": platform.admin_key,
        },
    )


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[Client]:
    async with Client(platform.url, platform.admin_key) as client:
        yield client


@pytest.fixture
async def bucket(client: Client) -> str:
    return (await client.buckets.create(a_bucket_name("command"))).name
