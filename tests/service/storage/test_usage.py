"""What buckets and principals use, and what they may: counters, quotas, and the recount."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec
import pytest

from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    BlobPlace,
    BucketUsage,
    CopyPath,
    CopyPrefix,
    FilesPut,
    GetBucketUsage,
    GetPrincipalUsage,
    MovePath,
    MovePrefix,
    NewFile,
    PromiseKeys,
    PutContent,
    PutFiles,
    RemovePath,
    RemovePrefix,
    RemovePrincipalQuota,
    SetPrincipalQuota,
    UpdateBucket,
)
from services.storage.repository.recounts import recount
from tests.service.storage.bucket import ACTOR, Bucket, Making, digest
from tests.service.storage.refusals import refused_as

KIB = 1024


async def usage_of(bucket: Bucket) -> BucketUsage:
    return await bucket.ask(GetBucketUsage(bucket=bucket.name))


def bytes_of(size: int) -> bytes:
    """Return bytes that no other test has."""
    return (new_id().bytes * (size // 16 + 1))[:size]


async def put_together(bucket: Bucket, files: dict[str, bytes], actor: str = ACTOR) -> FilesPut:
    """Put small files in one transaction, as the gateway does."""
    promised = await bucket.ask(PromiseKeys(count=len(files)))
    for key, body in zip(promised.keys, files.values(), strict=True):
        await bucket.store.put(key, body)
    return await bucket.ask(
        PutFiles(
            files=[
                NewFile(
                    bucket=bucket.name,
                    path=path,
                    actor=actor,
                    blob=BlobPlace(blob_id=new_id(), key=key, size=len(body), sha256=digest(body)),
                )
                for key, (path, body) in zip(promised.keys, files.items(), strict=True)
            ]
        )
    )


async def test_each_state_of_a_file_counts_once_as_live_or_version(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(versioning="auto")
    first, second = bytes_of(1000), bytes_of(3000)

    await bucket.put("a", first)
    await bucket.put("a", second)
    await bucket.put("b", first)
    await bucket.delete("b")

    usage = await usage_of(bucket)
    assert (usage.live.number, usage.live.bytes) == (1, 3000)
    assert (usage.versions.number, usage.versions.bytes) == (2, 2000)
    assert usage.trash.number == 0
    assert usage.used_bytes == 5000
    assert (usage.held.number, usage.held.bytes) == (2, 4000)
    assert usage.deduplicated_bytes == 1000


async def test_what_a_move_takes_along_is_no_version(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(versioning="auto")
    for n in range(4):
        await bucket.put(f"old/{n}", bytes_of(1000))

    await bucket.change(MovePath(source="old/0", path="new/0"))
    await bucket.change(MovePrefix(source_prefix="old/", prefix="new/"))

    usage = await usage_of(bucket)
    assert usage.used_bytes == usage.live.bytes == 4000
    assert usage.versions.number == 0


async def test_a_state_with_the_same_bytes_as_the_next_is_no_version(
    a_bucket_with: Making,
) -> None:
    bucket = await a_bucket_with(versioning="auto")
    body = bytes_of(1000)
    await bucket.put("a", body)

    await bucket.put("a", body)
    await bucket.change(PutContent(path="a", sha256=digest(body), tags={"t": "1"}))

    assert (await usage_of(bucket)).used_bytes == 1000


async def test_without_versions_what_was_replaced_or_deleted_counts_no_more(
    a_bucket_with: Making,
) -> None:
    bucket = await a_bucket_with()
    await bucket.put("a", bytes_of(1000))
    await bucket.put("a", bytes_of(10))
    await bucket.put("b", bytes_of(5))

    await bucket.delete("b")

    assert (await usage_of(bucket)).used_bytes == 10


async def test_fifty_parallel_uploads_at_99_percent_never_overshoot(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(versioning="auto", quota_bytes=1000 * KIB)
    await bucket.put("most", bytes_of(990 * KIB))

    answers = await asyncio.gather(
        *(bucket.put(f"more/{n}", bytes_of(KIB)) for n in range(50)), return_exceptions=True
    )

    refused = [answer for answer in answers if isinstance(answer, AnsweredWithProblem)]
    assert [problem.named for problem in refused] == ["quota-exceeded"] * 40
    usage = await usage_of(bucket)
    assert usage.used_bytes == usage.quota_bytes == 1000 * KIB
    assert len(await bucket.all()) == 11


async def test_of_files_that_come_together_as_many_are_put_as_fit(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(quota_bytes=10 * KIB)

    answers = await asyncio.gather(
        *(
            put_together(bucket, {f"{batch}/{n}": bytes_of(KIB) for n in range(8)})
            for batch in range(4)
        )
    )

    outcomes = [outcome for answer in answers for outcome in answer.outcomes]
    assert sum(outcome.put is not None for outcome in outcomes) == 10
    refused = [outcome.problem for outcome in outcomes if outcome.problem is not None]
    assert {problem.code for problem in refused} == {"quota-exceeded"}
    assert (await usage_of(bucket)).used_bytes == 10 * KIB


async def test_a_refusal_says_how_much_is_used_and_needed(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(quota_bytes=1000)
    await bucket.put("a", bytes_of(900))

    with refused_as("quota-exceeded", quota_bytes=1000, used_bytes=900, needed_bytes=101):
        await bucket.put("b", bytes_of(101))
    assert set(await bucket.all()) == {"a"}
    await bucket.put("b", bytes_of(100))


async def test_more_than_the_whole_quota_is_too_large_and_else_there_is_no_room(
    a_bucket_with: Making,
) -> None:
    bucket = await a_bucket_with(quota_bytes=1000)
    await bucket.put("a", bytes_of(900))

    assert await status_of(bucket.put("b", bytes_of(101))) == 507
    assert await status_of(bucket.put("b", bytes_of(1001))) == 413


async def test_what_cannot_fit_is_refused_before_its_bytes_come(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(quota_bytes=1000)
    await bucket.put("a", bytes_of(900))

    with refused_as("quota-exceeded", needed_bytes=101):
        await bucket.begin("b", b"", size=101)
    await bucket.begin("a", b"", size=1000)


async def test_copies_and_restores_need_room_and_moves_and_deletes_do_not(
    a_bucket_with: Making,
) -> None:
    bucket = await a_bucket_with(quota_bytes=1000)
    body = bytes_of(600)
    await bucket.put("d/a", body)

    with refused_as("quota-exceeded", needed_bytes=600):
        await bucket.change(CopyPath(source="d/a", path="b"))
    with refused_as("quota-exceeded", needed_bytes=600):
        await bucket.change(PutContent(path="b", sha256=digest(body)), operation="restore")
    with refused_as("quota-exceeded", needed_bytes=600):
        await bucket.change(CopyPrefix(source_prefix="d/", prefix="e/"))
    await bucket.change(MovePath(source="d/a", path="d/b"))
    await bucket.change(MovePrefix(source_prefix="d/", prefix="e/"))
    await bucket.change(RemovePath(path="e/b"))

    assert (await usage_of(bucket)).used_bytes == 0


async def test_a_quota_below_what_is_used_deletes_nothing_and_lets_nothing_in(
    a_bucket_with: Making,
) -> None:
    bucket = await a_bucket_with()
    await bucket.put("a", bytes_of(500))
    await bucket.put("b", bytes_of(500))

    await bucket.ask(UpdateBucket(name=bucket.name, actor=ACTOR, quota_bytes=100))

    with refused_as("quota-exceeded"):
        await bucket.put("c", bytes_of(1))
    await bucket.put("a", bytes_of(400))
    await bucket.delete("b")
    assert set(await bucket.all()) == {"a"}


async def test_a_principal_is_limited_in_all_buckets_together(a_bucket_with: Making) -> None:
    one, other = await a_bucket_with(), await a_bucket_with(versioning="auto")
    principal = f"user:{new_id().hex}"
    await one.ask(SetPrincipalQuota(principal=principal, quota_bytes=1000, actor=ACTOR))

    await one.put("a", bytes_of(600), actor=principal)
    with refused_as("quota-exceeded", of="principal", used_bytes=600, needed_bytes=500):
        await other.put("b", bytes_of(500), actor=principal)
    await other.put("b", bytes_of(500))
    await one.ask(RemovePrincipalQuota(principal=principal))
    await other.put("b", bytes_of(500), actor=principal)

    used = await one.ask(GetPrincipalUsage(principal=principal))
    assert (used.used_bytes, used.quota_bytes) == (1100, None)


async def test_fifty_parallel_uploads_of_a_limited_principal_never_overshoot(
    a_bucket_with: Making,
) -> None:
    buckets = [await a_bucket_with() for _ in range(2)]
    principal = f"user:{new_id().hex}"
    await buckets[0].ask(SetPrincipalQuota(principal=principal, quota_bytes=10 * KIB, actor=ACTOR))

    await asyncio.gather(
        *(
            bucket.put(f"{n}", bytes_of(KIB), actor=principal)
            for bucket in buckets
            for n in range(25)
        ),
        return_exceptions=True,
    )

    used = await buckets[0].ask(GetPrincipalUsage(principal=principal))
    assert used.used_bytes == 10 * KIB


async def test_uploads_and_copies_at_once_keep_one_quota(
    a_bucket_with: Making, db: Database
) -> None:
    bucket = await a_bucket_with(quota_bytes=20 * KIB, trash_s=3600)
    for n in range(5):
        await bucket.put(f"seed/{n}", bytes_of(KIB))

    answers = await asyncio.gather(
        *(put_together(bucket, {f"{n}/{m}": bytes_of(KIB) for m in range(3)}) for n in range(8)),
        *(bucket.change(CopyPath(source=f"seed/{n % 5}", path=f"{n}/1")) for n in range(20)),
        *(bucket.put(f"single/{n}", bytes_of(KIB)) for n in range(20)),
        return_exceptions=True,
    )

    refused = {answer.named for answer in answers if isinstance(answer, AnsweredWithProblem)}
    assert refused == {"quota-exceeded"}
    assert not [answer for answer in answers if isinstance(answer, TimeoutError)]
    assert (await usage_of(bucket)).used_bytes == 20 * KIB
    async with db.connection() as conn:
        assert await recount(conn) == []


async def test_counters_equal_a_recount_after_everything_at_once(
    a_bucket_with: Making, db: Database
) -> None:
    bucket = await a_bucket_with(versioning="auto", trash_s=3600)
    bodies = [bytes_of(100 + n) for n in range(8)]

    async def work(turn: int) -> None:
        path, body = f"d/{turn % 5}", bodies[turn % 8]
        changes: list[Callable[[], Awaitable[object]]] = [
            lambda: bucket.put(path, body),
            lambda: bucket.delete(path),
            lambda: bucket.change(CopyPath(source=path, path=f"c/{turn}")),
            lambda: bucket.change(MovePath(source=path, path=f"m/{turn}")),
            lambda: bucket.change(RemovePrefix(prefix="c/")),
            lambda: bucket.change(MovePrefix(source_prefix="m/", prefix=f"n{turn}/")),
        ]
        for at in range(6):
            with suppress(AnsweredWithProblem):  # the file is elsewhere by now
                await changes[(turn + at) % 6]()

    await asyncio.gather(*(work(turn) for turn in range(24)))

    async with db.connection() as conn:
        assert await recount(conn) == []


async def test_a_blob_that_comes_to_take_other_bytes_is_counted_so(
    a_bucket_with: Making, db: Database
) -> None:
    buckets = [await a_bucket_with() for _ in range(2)]
    body = bytes_of(1000)
    for bucket in buckets:
        await bucket.put("a", body)

    async with db.connection() as conn:
        await conn.execute(
            "UPDATE blob SET stored_size = 600 WHERE sha256 = $1", bytes.fromhex(digest(body))
        )

    for bucket in buckets:
        usage = await usage_of(bucket)
        assert (usage.held.bytes, usage.stored_bytes, usage.compressed_bytes) == (1000, 600, 400)


async def test_drift_is_found_and_repaired_by_the_operators_command(
    a_bucket_with: Making, db: Database, storage_environment: dict[str, str]
) -> None:
    bucket = await a_bucket_with()
    await bucket.put("a", bytes_of(1000))
    async with db.connection() as conn:
        await conn.execute(
            """
            UPDATE usage
            SET bytes = bytes + 7
            FROM bucket
            WHERE usage.bucket_id = bucket.bucket_id
                AND name = $1
                AND what = 'live'
            """,
            bucket.name,
        )

    code, printed = await command(storage_environment, "fsck", "--json")
    assert "counter-off" in printed
    code, printed = await command(storage_environment, "recount", "--json")
    assert code == 1
    drifts = msgspec.json.decode(printed)
    assert [(drift["what"], drift["bytes"]) for drift in drifts] == [("live", -7)]
    code, _ = await command(storage_environment, "recount", "--repair")
    assert code == 0

    assert (await usage_of(bucket)).live.bytes == 1000
    assert (await command(storage_environment, "recount"))[0] == 0


async def command(environment: dict[str, str], *words: str) -> tuple[int, str]:
    """Run an operator's command beside the service; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.storage",
        *words,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


async def status_of(call: Awaitable[object]) -> int:
    with pytest.raises(AnsweredWithProblem) as refused:
        await call
    return refused.value.details().status
