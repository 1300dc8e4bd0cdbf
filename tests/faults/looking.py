"""Looking at the platform from outside: figures, streams, and who leads."""

import re

import asyncpg
import httpx

from libs.chassis.bus import Bus
from libs.contracts import envelope
from libs.contracts.storage import FileStored
from libs.contracts.streams import stream_for
from tests.faults.load import Ledger, State, states
from tests.platform import Platform
from tests.waiting import eventually


async def nothing_waits(platform: Platform, service: str) -> bool:
    """Tell whether all that a service announced is published."""
    return await _count(platform, service, "outbox WHERE published_at IS NULL") == 0


async def letters(platform: Platform, service: str) -> int:
    """Return how many events wait for somebody."""
    return await _count(platform, service, "dead_letter WHERE redriven_at IS NULL")


async def _count(platform: Platform, service: str, rows: str) -> int:
    conn = await asyncpg.connect(platform.database_urls[service])
    try:
        found: int = await conn.fetchval(f"SELECT count(*) FROM {rows}")  # noqa: S608 - our words
        return found
    finally:
        await conn.close()


async def metric(platform: Platform, service: str, name: str) -> float:
    """Return a figure of a service."""
    return await metric_at(f"{platform.health_urls[service]}/metrics", name)


async def metric_at(url: str, name: str) -> float:
    """Return the sum of a figure's values, whatever labels ``name`` leaves open."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(url)).raise_for_status().text
    values = re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
    return sum(map(float, values))


async def assert_stream_complete(bus: Bus, http: httpx.AsyncClient, ledger: Ledger) -> None:
    """Wait until a new subscriber reads each state of each file, and each as one event."""
    recorded = {
        (path, state)
        for path in set(ledger.sent.values())
        for state in await states(http, ledger.bucket, path)
    }

    async def complete() -> bool:
        events = await stored_from_the_beginning(bus, ledger.bucket)
        by_id = {event.event_id: event for event in events}
        told = [(event.path, State(event.revision, event.sha256)) for event in by_id.values()]
        assert set(told) == recorded
        assert len(told) == len(recorded)
        return True

    await eventually(complete, timeout_s=20, pause_s=0.3)


async def stored_from_the_beginning(bus: Bus, bucket: str) -> list[FileStored]:
    """Return what a subscriber reads that begins at the start of the stream."""
    subject = FileStored.every(bucket)
    reading = await bus.jetstream.subscribe(
        subject, stream=stream_for(subject).name, ordered_consumer=True
    )
    try:
        found: list[FileStored] = []
        left = (await reading.consumer_info()).num_pending
        while left:
            message = await reading.next_msg(timeout=5)
            event = envelope.decode(message.headers, message.data)
            assert isinstance(event, FileStored)
            found.append(event)
            left = message.metadata.num_pending
        return found
    finally:
        await reading.unsubscribe()
