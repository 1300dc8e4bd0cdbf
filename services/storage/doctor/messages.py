"""NATS: what a power loss takes of its streams, and whether they are as we declare them.

Nothing is lost with a stream: PostgreSQL keeps every event for a week and publishes it again. But
what was lost comes late, and task progress and notifications with it.
"""

import asyncio
import urllib.request
from typing import Any

import msgspec
from nats.js.errors import NotFoundError

from libs.chassis.bus import Bus
from libs.chassis.checkup import Finding
from libs.contracts.streams import STREAMS, StreamSpec
from services.storage.settings import Settings

ANSWER_WITHIN_S = 3.0
NEARLY_FULL = 0.9


async def examine_nats(bus: Bus, settings: Settings) -> list[Finding]:
    """Look at the server, at how soon it writes to disk, at its room, and at every stream."""
    server = bus.client.connected_server_version
    version = f"{server.major}.{server.minor}.{server.patch}"
    findings = [Finding(part="nats version", level="ok", says=version)]
    findings += await _store(settings)
    findings.append(await _streams(bus))
    return findings


async def _store(settings: Settings) -> list[Finding]:
    if settings.nats_monitor_url is None:
        return [
            Finding(
                part="nats durability",
                level="warn",
                says="cannot be told: the server's monitoring address is not known",
                todo="set STRONGROOM_STORAGE_NATS_MONITOR_URL, e.g. http://127.0.0.1:8222",
            )
        ]
    known = await asyncio.to_thread(_jetstream, settings.nats_monitor_url)
    return [_durability(known.get("config", {})), _room(known)]


def _jetstream(url: str) -> dict[str, Any]:
    request = urllib.request.Request(f"{url.rstrip('/')}/jsz")  # noqa: S310 - an operator's address
    with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S) as answer:  # noqa: S310
        known: dict[str, Any] = msgspec.json.decode(answer.read())
    return known


def _durability(config: dict[str, Any]) -> Finding:
    if config.get("sync_always"):
        return Finding(
            part="nats durability",
            level="ok",
            says="DURABLE: every message is on the disk before it is acknowledged",
        )
    seconds = config.get("sync_interval", 0) / 1e9
    return Finding(
        part="nats durability",
        level="warn",
        says=f"BEST-EFFORT: a power loss takes the messages of up to {seconds:,.0f} s; "
        "they are published again",
        todo="set jetstream.sync_interval to always",
    )


def _room(known: dict[str, Any]) -> Finding:
    used, most = known.get("storage", 0), known.get("config", {}).get("max_storage", 0)
    nearly_full = bool(most) and used > most * NEARLY_FULL
    return Finding(
        part="nats room",
        level="warn" if nearly_full else "ok",
        says=f"{used / 1e6:,.0f} of {most / 1e6:,.0f} MB",
        todo="give jetstream.max_file_store more" if nearly_full else "",
    )


async def _streams(bus: Bus) -> Finding:
    wrong = [name for name, spec in STREAMS.items() if not await _is_declared(bus, spec)]
    if not wrong:
        return Finding(part="nats streams", level="ok", says=f"{len(STREAMS)} as declared")
    return Finding(
        part="nats streams",
        level="fail",
        says=f"missing, or not as declared: {', '.join(wrong)}",
        todo="start the services that own them: they declare them again",
    )


async def _is_declared(bus: Bus, spec: StreamSpec) -> bool:
    try:
        found = (await bus.jetstream.stream_info(spec.name)).config
    except NotFoundError:
        return False
    return (
        sorted(found.subjects or []) == sorted(spec.subjects)
        and found.max_age == spec.max_age_s
        and found.duplicate_window == spec.dedupe_window_s
    )
