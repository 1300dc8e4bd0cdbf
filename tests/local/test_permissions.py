"""A service reaches its own things, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import asyncpg
import httpx
import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from deploy.local import Stack
from deploy.local.credentials import SERVICES
from libs.contracts.streams import STREAMS

BusOf = Callable[..., Awaitable[Client]]
Refused = asyncio.Queue[str]


@pytest.fixture
async def bus_of(servers: Stack) -> AsyncIterator[BusOf]:
    """Connect to NATS as a user; what the server refuses comes into ``refused``."""
    async with AsyncExitStack() as exits:

        async def bus_of(user: str, refused: Refused | None = None) -> Client:
            async def note(error: Exception) -> None:
                if refused is not None:
                    refused.put_nowait(str(error).lower())

            bus = await nats.connect(
                servers.servers.nats.url(user), error_cb=note, inbox_prefix=f"_INBOX_{user}"
            )
            exits.push_async_callback(bus.close)
            return bus

        admin = await bus_of("admin")
        for spec in STREAMS.values():
            await admin.jetstream().add_stream(name=spec.name, subjects=list(spec.subjects))
        yield bus_of


@pytest.mark.parametrize("service", SERVICES)
async def test_a_role_uses_its_own_schema_and_no_other(servers: Stack, service: str) -> None:
    db = await asyncpg.connect(servers.servers.postgres.url(service))
    await db.execute("CREATE TABLE IF NOT EXISTS own (word text)")
    assert await db.fetchval("SELECT current_schema") == service

    for other in set(SERVICES) - {service}:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.execute(f"CREATE TABLE {other}.foreign_word (word text)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await db.fetch(f"SELECT * FROM {other}.own")  # noqa: S608 - names of our own
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute("CREATE TABLE public.word (word text)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute("CREATE SCHEMA more")
    await db.close()


async def test_a_wrong_password_opens_nothing(servers: Stack) -> None:
    postgres, bus = servers.servers.postgres, servers.servers.nats

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.url("storage").replace("storage:", "storage:wrong"))
    with pytest.raises(nats.errors.Error):
        await nats.connect(
            bus.url("storage").replace("storage:", "storage:wrong"), allow_reconnect=False
        )
    async with httpx.AsyncClient() as anybody:
        answer = await anybody.get(f"{servers.servers.s3.endpoint}/strongroom?list-type=2")
        assert answer.status_code == 403


async def test_a_service_publishes_its_own_events(bus_of: BusOf) -> None:
    storage = await bus_of("storage")

    ack = await storage.jetstream().publish("file.stored.reports", b"{}")

    assert ack.stream == "STORAGE"


@pytest.mark.parametrize(
    ("user", "subject"),
    [
        ("versioning", "file.stored.reports"),
        ("storage", "version.created.reports"),
        ("gateway", "file.stored.reports"),
        ("backup", "work.backup.high"),
        ("storage", "rpc.gateway.get_user"),
        ("storage", "$JS.API.STREAM.DELETE.STORAGE"),
        ("versioning", "$JS.API.STREAM.UPDATE.STORAGE"),
        ("storage", "$KV.records.a.b"),
        ("versioning", "$JS.API.STREAM.PURGE.KV_records"),
        ("gateway", "$JS.API.STREAM.PURGE.STORAGE"),
        ("subscriber", "$KV.records.a.b"),
        ("subscriber", "$JS.API.DIRECT.GET.KV_records.$KV.records.a.b"),
        ("subscriber", "file.stored.reports"),
        ("subscriber", "rpc.storage.commit_upload"),
        ("subscriber", "$JS.API.CONSUMER.MSG.NEXT.STORAGE.versioning-record-version"),
        ("subscriber", "$JS.ACK.STORAGE.versioning-record-version.1.1.1.1.1"),
    ],
)
async def test_nobody_publishes_what_is_not_theirs(bus_of: BusOf, user: str, subject: str) -> None:
    refused: Refused = asyncio.Queue()
    bus = await bus_of(user, refused)

    await bus.publish(subject, b"{}")

    assert "permissions violation for publish" in await asyncio.wait_for(refused.get(), 10)


async def test_any_service_may_want_work_done(bus_of: BusOf) -> None:
    for service in SERVICES:
        bus = await bus_of(service)
        ack = await bus.jetstream().publish("task.requested.backup", b"{}")
        assert ack.stream == "PROGRESS"


async def test_a_request_is_answered_to_who_asked(bus_of: BusOf) -> None:
    storage, gateway = await bus_of("storage"), await bus_of("gateway")

    async def echo(message: Msg) -> None:
        await message.respond(message.data)

    await storage.subscribe("rpc.storage.echo", cb=echo)
    await storage.flush()

    answer = await gateway.request("rpc.storage.echo", b"hello", timeout=10)

    assert answer.data == b"hello"


async def test_a_subscriber_reads_events_live_and_later(bus_of: BusOf) -> None:
    storage, subscriber = await bus_of("storage"), await bus_of("subscriber")
    live = await subscriber.subscribe("file.stored.later")
    await subscriber.flush()

    await storage.jetstream().publish("file.stored.later", b"1")

    assert (await live.next_msg(10)).data == b"1"
    pull = await subscriber.jetstream().pull_subscribe(
        "file.stored.later", durable="subscriber", stream="STORAGE"
    )
    (message,) = await pull.fetch(1, timeout=10)
    await message.ack_sync()
    assert message.data == b"1"


async def test_a_gateway_hears_changes_of_files_as_they_pass_by(bus_of: BusOf) -> None:
    storage, gateway = await bus_of("storage"), await bus_of("gateway")
    heard = await gateway.subscribe("file.stored.*")
    await gateway.flush()

    await storage.jetstream().publish("file.stored.passing", b"1")

    assert (await heard.next_msg(10)).data == b"1"


async def test_gateways_share_what_they_know_of_files(bus_of: BusOf) -> None:
    bus = await bus_of("gateway")
    js = bus.jetstream()

    await js.add_stream(name="KV_records", subjects=["$KV.records.>"], allow_direct=True)
    await js.publish("$KV.records.a.b", b"1")
    found = await js.get_msg("KV_records", subject="$KV.records.a.b", direct=True)
    await js.purge_stream("KV_records")

    assert found.data == b"1"


async def test_no_service_hears_the_answers_to_another(bus_of: BusOf) -> None:
    refused: Refused = asyncio.Queue()
    versioning = await bus_of("versioning", refused)

    for subject in ("_INBOX.>", "_INBOX_gateway.>", "rpc.storage.>"):
        await versioning.subscribe(subject)
        said = await asyncio.wait_for(refused.get(), 10)
        assert "permissions violation for subscription" in said


async def test_a_subscriber_hears_no_requests(
    bus_of: BusOf,
) -> None:
    refused: Refused = asyncio.Queue()
    subscriber = await bus_of("subscriber", refused)

    for subject in ("rpc.>", "_INBOX.>", ">", "work.>"):
        await subscriber.subscribe(subject)
        said = await asyncio.wait_for(refused.get(), 10)
        assert "permissions violation for subscription" in said
