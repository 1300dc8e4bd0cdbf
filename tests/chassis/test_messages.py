"""From the outbox to the effect: nothing lost, nothing phantom, each effect once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from uuid import uuid4

import asyncpg
import pytest

from libs.chassis import consumer, dead_letters, inbox, outbox
from libs.chassis.bus import Bus
from libs.chassis.consumer import Reaction
from libs.chassis.database import Database
from libs.chassis.dead_letters import RedriveFailed
from libs.chassis.reactions import Reacting, reacts
from libs.chassis.relay import BATCH, Relay
from libs.chassis.settings import ServiceSettings
from libs.contracts import envelope
from libs.contracts.backup import SnapshotCreated
from libs.contracts.ids import new_id
from libs.contracts.problems import ServiceUnavailable
from libs.contracts.storage import BucketMarked
from libs.contracts.streams import STREAMS
from tests.chassis.conftest import OWNER, RunSmall, Small
from tests.waiting import eventually

CONSUMER = f"chassis-test-{uuid4().hex[:8]}"


class Mood:
    """Which buckets make the reaction fail."""

    def __init__(self) -> None:
        self.bad: set[str] = set()
        self.tries: list[str] = []
        self.batches: list[int] = []
        self.pause_s = 0.0
        self.failures: list[Exception] = []
        """Raised one after the other, before anything is tried."""


@reacts(BucketMarked, as_=CONSUMER)
async def note(events: Sequence[BucketMarked], db: Database, mood: Mood) -> None:
    mood.batches.append(len(events))
    await asyncio.sleep(mood.pause_s)
    if mood.failures:
        raise mood.failures.pop(0)
    async with db.transaction() as tx:
        for event in await inbox.first_times(tx, CONSUMER, events):
            mood.tries.append(event.bucket)
            await tx.execute("INSERT INTO effect (name) VALUES ($1)", event.bucket)
            if event.bucket in mood.bad:
                raise ValueError(f"{event.bucket} is bad")


def marked(bucket: str) -> BucketMarked:
    return BucketMarked(bucket=bucket, bucket_id=new_id(), mark_id=new_id())


async def announce(db: Database, *events: BucketMarked) -> None:
    async with db.transaction() as tx:
        await outbox.add(tx, *events)


async def effects(db: Database) -> list[str]:
    async with db.connection() as conn:
        rows = await conn.fetch("SELECT name FROM effect ORDER BY position")
    return [row["name"] for row in rows]


@pytest.fixture
def mood() -> Mood:
    return Mood()


@pytest.fixture
async def small(small_service: RunSmall, mood: Mood) -> AsyncIterator[Small]:
    async with small_service(__name__, mood) as running:
        yield running


async def test_what_is_committed_takes_effect_once_and_in_order(small: Small) -> None:
    names = [f"bucket-{number}" for number in range(300)]

    for start in range(0, 300, 50):
        await announce(small.db, *(marked(name) for name in names[start : start + 50]))

    await eventually(lambda: _has(small.db, names))


async def test_a_rolled_back_change_is_never_announced(small: Small) -> None:
    async def change_your_mind() -> None:
        async with small.db.transaction() as tx:
            await outbox.add(tx, marked("phantom"))
            raise RuntimeError("never mind")

    with pytest.raises(RuntimeError):
        await change_your_mind()
    await announce(small.db, marked("real"))

    await eventually(lambda: _has(small.db, ["real"]))


async def test_an_event_that_comes_again_has_no_second_effect(small: Small) -> None:
    event = marked("again")
    await announce(small.db, event)
    await eventually(lambda: _has(small.db, ["again"]))

    # The same event under another message id: the stream cannot know it, the inbox does.
    headers = envelope.headers(event) | {"Nats-Msg-Id": uuid4().hex}
    await small.bus.jetstream.publish(event.subject(), envelope.encode(event), headers=headers)
    await announce(small.db, marked("after"))

    await eventually(lambda: _has(small.db, ["again", "after"]))


async def test_rows_that_commit_out_of_order_are_all_published(small: Small) -> None:
    """F15: a lower position that becomes visible later must not be skipped."""
    async with small.db.transaction() as slow:
        await outbox.add(slow, marked("slow"))
        await announce(small.db, marked("fast"))
        await eventually(lambda: _has(small.db, ["fast"]))

    await eventually(lambda: _has(small.db, ["fast", "slow"]))


async def test_a_poisonous_event_pauses_then_is_parked_and_holds_nobody_up(
    small: Small, mood: Mood
) -> None:
    """F9."""
    mood.bad = {"poison"}
    names = [f"good-{number}" for number in range(10)]

    await announce(small.db, *(marked(name) for name in [*names[:5], "poison", *names[5:]]))

    await eventually(lambda: _has(small.db, names))
    letter = await eventually(lambda: _first_letter(small.db))
    assert letter.error == "ValueError: poison is bad"
    assert letter.tries == len(small.settings.retry_pauses_s) + 1
    assert letter.subject == "bucket.marked.poison"


async def test_a_parked_event_can_be_redriven(small: Small, mood: Mood) -> None:
    mood.bad = {"poison"}
    await announce(small.db, marked("poison"))
    letter = await eventually(lambda: _first_letter(small.db))

    with pytest.raises(RedriveFailed, match="poison is bad"):
        await dead_letters.redrive(small.db, small.bus, letter)
    mood.bad = set()
    await dead_letters.redrive(small.db, small.bus, letter)

    assert await effects(small.db) == ["poison"]
    async with small.db.connection() as conn:
        assert await dead_letters.list_parked(conn) == []


async def test_all_dead_letters_are_listed(small: Small) -> None:
    """``redrive all`` means all."""
    for number in range(101):
        await dead_letters.park(
            small.db,
            consumer=CONSUMER,
            subject=f"bucket.marked.{number}",
            headers={},
            payload=b"",
            error="ValueError",
            tries=4,
        )

    async with small.db.connection() as conn:
        assert len(await dead_letters.list_parked(conn)) == 101


@pytest.mark.parametrize(
    ("headers", "body", "error"),
    [
        ({"ce-type": "bucket.eaten"}, b"{}", "UnknownEvent: bucket.eaten"),
        ({"ce-type": "bucket.marked"}, b"{not json", "UnreadableEvent"),
        (None, b"plain", "UnreadableEvent"),
    ],
)
async def test_what_cannot_be_read_is_parked_at_once(
    small: Small, headers: dict[str, str] | None, body: bytes, error: str
) -> None:
    """F16: also an event of a newer version that this program does not know."""
    await small.bus.jetstream.publish("bucket.marked.odd", body, headers=headers)

    letter = await eventually(lambda: _first_letter(small.db))

    assert letter.error.startswith(error)
    assert letter.tries == 1
    assert letter.payload == body


async def test_fields_of_a_newer_version_do_not_disturb(small: Small) -> None:
    """F16."""
    event = marked("newer")
    body = envelope.encode(event).removesuffix(b"}") + b',"added_later":{"a":1}}'

    await small.bus.jetstream.publish(event.subject(), body, headers=envelope.headers(event))

    await eventually(lambda: _has(small.db, ["newer"]))


async def test_events_wait_while_the_database_is_away(small: Small, mood: Mood) -> None:
    mood.pause_s = 0.3
    await announce(small.db, marked("patient"))
    await eventually(lambda: _started(mood))
    async with small.db.connection() as conn:
        await conn.execute(
            """
            SELECT pg_terminate_backend(pid)
            FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND datname = current_database()
            """
        )

    await eventually(lambda: _has(small.db, ["patient"]), timeout_s=20)
    async with small.db.connection() as conn:
        assert await dead_letters.list_parked(conn) == []


async def test_what_is_away_uses_up_no_tries(
    small: Small, mood: Mood, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage longer than all pauses must not turn the first real failure into the last."""
    monkeypatch.setattr(consumer, "AWAY_PAUSE_S", 0.05)
    away = [ServiceUnavailable("away") for _ in range(len(small.settings.retry_pauses_s) + 3)]
    mood.failures = [*away, ValueError("once")]

    await announce(small.db, marked("patient"))

    await eventually(lambda: _has(small.db, ["patient"]))
    async with small.db.connection() as conn:
        assert await dead_letters.list_parked(conn) == []


async def test_everything_committed_is_published_before_the_end(
    small_service: RunSmall, mood: Mood, settings: ServiceSettings
) -> None:
    """F11."""
    async with small_service(__name__, mood) as small:
        await eventually(lambda: _leads(settings))
        await announce(small.db, *(marked(f"last-{number}") for number in range(3 * BATCH)))

    async with Database.of(settings) as db, db.connection() as conn:
        waiting = await conn.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
    assert waiting == 0
    async with small_service(__name__, mood) as again:
        await eventually(lambda: _count(again.db, 3 * BATCH))


async def test_a_stream_that_lost_its_end_and_grew_again_is_noticed(
    settings: ServiceSettings,
) -> None:
    """F4: what was acknowledged under a sequence that is given once more has been lost."""
    async with Database.of(settings) as db, Bus.of(OWNER, settings) as bus:
        state = await bus.declare(STREAMS["STORAGE"])
        relay = Relay(db, bus)
        await announce(db, marked("lost"))
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE outbox SET published_at = now(), stream = 'STORAGE', stream_seq = $1",
                state.state.last_seq + 1,
            )

        await announce(db, marked("later"))
        first, second = await relay.publish_waiting(), await relay.publish_waiting()

        assert (first, second) == (1, 1)
        assert await relay.publish_waiting() == 0


async def test_an_event_that_no_message_holds_undoes_its_change(small: Small) -> None:
    with pytest.raises(outbox.EventTooLarge):
        await announce(small.db, marked("x" * 2_000_000))

    assert await effects(small.db) == []


async def test_a_service_starts_without_the_owners_of_its_events(
    settings: ServiceSettings,
) -> None:
    """Its consumer follows when the stream is there."""
    async with Database.of(settings) as db, Bus.of(OWNER, settings) as bus:
        waiting = Reaction(f"{CONSUMER}-late", (SnapshotCreated,), 10, _ignore)
        reacting = Reacting(bus, db, settings, [waiting])
        await asyncio.wait_for(reacting.start(), 5)
        keeping = asyncio.create_task(reacting.keep())

        await bus.declare(STREAMS["BACKUP"])

        await eventually(lambda: _has_consumer(bus, "BACKUP", f"{CONSUMER}-late"))
        keeping.cancel()
        await reacting.stop()


async def test_two_relays_publish_each_event_once(
    small: Small, settings: ServiceSettings, mood: Mood
) -> None:
    """F14."""
    before = (await small.bus.jetstream.stream_info("STORAGE")).state.messages
    names = [f"bucket-{number}" for number in range(400)]
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(Database.of(settings))
        bus = await stack.enter_async_context(Bus.of(OWNER, settings))
        second = asyncio.create_task(Relay(db, bus, interval_s=0.05).run())
        stack.callback(second.cancel)

        for start in range(0, 400, 20):
            events = [marked(name) for name in names[start : start + 20]]
            await announce(small.db if start % 40 else db, *events)
        await eventually(lambda: _has(small.db, names))

    after = (await small.bus.jetstream.stream_info("STORAGE")).state.messages
    assert after - before == len(names)


async def test_a_relay_takes_over_when_the_leader_loses_its_session(
    small: Small, settings: ServiceSettings
) -> None:
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(Database.of(settings))
        bus = await stack.enter_async_context(Bus.of(OWNER, settings))
        second = asyncio.create_task(Relay(db, bus, interval_s=0.05).run())
        stack.callback(second.cancel)
        conn = await asyncpg.connect(settings.database_url)
        await conn.execute(
            """
            SELECT pg_terminate_backend(pid)
            FROM pg_locks
            WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
            """
        )
        await conn.close()

        await announce(small.db, marked("survivor"))

        await eventually(lambda: _has(small.db, ["survivor"]))


async def test_the_acknowledged_sequence_is_kept_with_the_row(small: Small) -> None:
    await announce(small.db, marked("kept"))
    await eventually(lambda: _has(small.db, ["kept"]))

    row = await eventually(lambda: _outbox_row(small.db))

    message = await small.bus.jetstream.get_msg("STORAGE", seq=row["stream_seq"])
    assert message.subject == "bucket.marked.kept"


async def test_many_events_are_applied_in_batches(small: Small, mood: Mood) -> None:
    mood.pause_s = 0.05

    await announce(small.db, *(marked(f"b-{number:03}") for number in range(500)))

    await eventually(lambda: _count(small.db, 500))
    assert len(mood.batches) < 60
    assert max(mood.batches) <= 200


async def _has(db: Database, names: list[str]) -> bool:
    assert await effects(db) == names
    return True


async def _count(db: Database, count: int) -> bool:
    return len(await effects(db)) == count


async def _ignore(events: Sequence[object]) -> None:
    """Do nothing about ``events``."""


async def _has_consumer(bus: Bus, stream: str, name: str) -> bool:
    return name in [info.name for info in await bus.jetstream.consumers_info(stream)]


async def _leads(settings: ServiceSettings) -> bool:
    async with Database.of(settings) as db, db.connection() as conn:
        return bool(
            await conn.fetchval(
                "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory')"
            )
        )


async def _started(mood: Mood) -> bool:
    return bool(mood.batches)


async def _first_letter(db: Database) -> dead_letters.DeadLetter | None:
    async with db.connection() as conn:
        letters = await dead_letters.list_parked(conn)
    return letters[0] if letters else None


async def _outbox_row(db: Database) -> asyncpg.Record | None:
    async with db.connection() as conn:
        return await conn.fetchrow("SELECT * FROM outbox WHERE published_at IS NOT NULL")
