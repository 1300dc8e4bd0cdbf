"""Content that waits for checks: visible when all pass, and never stuck."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from libs.chassis.database import Database
from libs.contracts.base import Event
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    CommitUpload,
    CopyPath,
    CreateBucket,
    DeleteBucket,
    DeleteFile,
    EmptyAndDeleteBucket,
    Expectation,
    FileCheck,
    FileChecked,
    FileCheckRequested,
    FileStored,
    FindBlobs,
    GetCheck,
    GetCheckedContent,
    GiveVerdict,
    ListChecks,
    MovePath,
    PutContent,
    UpdateBucket,
    Verdict,
)
from services.storage.checking import forget_checks, sweep_checks
from services.storage.loops import purge_deleted_buckets, sweep_uploads
from services.storage.settings import Settings
from tests.builders import a_bucket_name
from tests.listening import Events
from tests.service.storage.bucket import ACTOR, Ask, Bucket, Making, digest
from tests.service.storage.refusals import refused_as
from tests.waiting import eventually

OWNER = "user:owner"
E = TypeVar("E", bound=Event)


@pytest.fixture
async def bucket(a_bucket_with: Making) -> Bucket:
    """A bucket whose checks somebody outside makes."""
    return await a_bucket_with(checks=["license", "review"])


def some_bytes() -> bytes:
    return new_id().bytes + b" in a bucket with checks"


async def waiting(bucket: Bucket, path: str = "a.txt", body: bytes = b"", **wish: Any) -> FileCheck:
    """Put content and return what it waits for."""
    put = await bucket.put(path, body or some_bytes(), **wish)
    assert put.check is not None
    return put.check


async def judge(
    bucket: Bucket, check: FileCheck, name: str, verdict: Verdict = "passed", reason: str = ""
) -> FileCheck:
    given = GiveVerdict(
        bucket=bucket.name,
        check_id=check.check_id,
        check=name,
        verdict=verdict,
        actor=OWNER,
        reason=reason,
    )
    return await bucket.ask(given)


async def pass_all(bucket: Bucket, check: FileCheck) -> FileCheck:
    for name in check.waits_for:
        check = await judge(bucket, check, name)
    return check


async def look(bucket: Bucket, check: FileCheck) -> FileCheck:
    return await bucket.ask(GetCheck(bucket=bucket.name, check_id=check.check_id))


async def heard(events: Events, kind: type[E], bucket: Bucket, count: int = 1) -> E:
    """Return the event that came last of the ``count`` that the bucket is to announce."""
    found = await events.until(
        kind, lambda event: getattr(event, "bucket", "") == bucket.name, count=count
    )
    return found[-1]


async def test_content_waits_unseen_until_every_check_has_passed(
    bucket: Bucket, events: Events
) -> None:
    body = some_bytes()

    check = await waiting(bucket, "a.txt", body, content_type="text/plain", tags={"k": "v"})
    asked = await heard(events, FileCheckRequested, bucket)
    unseen = await bucket.all()
    half = await judge(bucket, check, "license")
    still_unseen = await bucket.all()
    whole = await judge(bucket, check, "review", reason="looks well")

    assert (check.state, check.waits_for) == ("waiting", ["license", "review"])
    assert (asked.check_id, asked.path, asked.checks) == (
        check.check_id,
        "a.txt",
        ["license", "review"],
    )
    assert (asked.sha256, asked.size, asked.content_type) == (digest(body), len(body), "text/plain")
    assert unseen == still_unseen == {}
    assert (half.state, half.waits_for) == ("waiting", ["review"])
    assert (whole.state, whole.revision) == ("visible", 1)
    assert (await bucket.get("a.txt")).file == whole.file
    assert await bucket.read("a.txt") == body
    stored = await heard(events, FileStored, bucket)
    told = await heard(events, FileChecked, bucket)
    assert (stored.revision, stored.actor, stored.tags) == (1, ACTOR, {"k": "v"})
    assert (told.state, told.check_id, told.revision) == ("visible", check.check_id, 1)
    assert [(one.check, one.actor, one.reason) for one in told.verdicts] == [
        ("license", OWNER, ""),
        ("review", OWNER, "looks well"),
    ]


async def test_one_refusal_ends_it(bucket: Bucket, events: Events) -> None:
    check = await waiting(bucket)

    refused = await judge(bucket, check, "review", "refused", "not ours")

    assert (refused.state, refused.reason) == ("refused", "review: not ours")
    assert await bucket.all() == {}
    assert (await heard(events, FileChecked, bucket)).state == "refused"
    with refused_as("check-decided"):
        await judge(bucket, check, "license")
    with refused_as("content-gone"):
        await bucket.ask(GetCheckedContent(bucket=bucket.name, check_id=check.check_id))


async def test_a_verdict_counts_once_and_is_never_turned_round(bucket: Bucket) -> None:
    check = await waiting(bucket)
    await judge(bucket, check, "license")

    again = await judge(bucket, check, "license")
    with refused_as("verdict-given"):
        await judge(bucket, check, "license", "refused")
    with refused_as("check-not-required"):
        await judge(bucket, check, "colour")
    with refused_as("check-not-found"):
        await bucket.ask(GetCheck(bucket=bucket.name, check_id=new_id()))
    done = await judge(bucket, check, "review")
    repeated = await judge(bucket, check, "review")

    assert (again.state, len(again.verdicts)) == ("waiting", 1)
    assert done == repeated
    assert (await bucket.get("a.txt")).file.revision == 1


async def test_verdicts_that_meet_make_one_file(bucket: Bucket) -> None:
    check = await waiting(bucket)

    await asyncio.gather(
        *(judge(bucket, check, name) for name in ("license", "review") for _ in range(4))
    )

    assert (await look(bucket, check)).state == "visible"
    assert (await bucket.get("a.txt")).file.revision == 1


async def test_what_stands_against_it_is_said_at_once_or_when_it_would_appear(
    bucket: Bucket,
) -> None:
    first, second = [await waiting(bucket, "a", expect=Expectation(absent=True)) for _ in range(2)]

    await pass_all(bucket, first)
    failed = await pass_all(bucket, second)

    assert (failed.state, failed.problem and failed.problem.code) == (
        "failed",
        "precondition-failed",
    )
    assert (await bucket.get("a")).file.revision == 1
    with refused_as("precondition-failed"):
        await bucket.put("a", some_bytes(), expect=Expectation(absent=True))


async def test_a_quota_is_judged_when_the_file_would_appear(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(checks=["review"], quota_bytes=100)
    checks = [await waiting(bucket, f"{n}", new_id().bytes * 4) for n in range(2)]

    states = [(await pass_all(bucket, check)).state for check in checks]

    assert states == ["visible", "failed"]
    failed = await look(bucket, checks[1])
    assert failed.problem is not None
    assert failed.problem.code == "quota-exceeded"


async def test_a_commit_that_is_repeated_tells_the_same_check(bucket: Bucket) -> None:
    body = some_bytes()
    ticket = await bucket.begin("a", body)

    first, again = [await bucket.commit(ticket, body) for _ in range(2)]
    with refused_as("upload-committed"):
        await bucket.ask(CommitUpload(upload_id=ticket.upload_id, sha256=digest(b"other"), size=5))
    assert first.check is not None
    await pass_all(bucket, first.check)
    later = await bucket.commit(ticket, body)

    assert again == first
    assert later.check is not None
    assert (later.check.check_id, later.check.state) == (first.check.check_id, "visible")


async def test_nobody_gets_waiting_bytes_by_their_digest(bucket: Bucket) -> None:
    body = some_bytes()
    check = await waiting(bucket, "a", body)
    put = PutContent(path="b", sha256=digest(body))

    found = await bucket.ask(FindBlobs(bucket=bucket.name, digests=[digest(body)]))
    with refused_as("content-not-found"):
        await bucket.change(put)
    await pass_all(bucket, check)
    await bucket.change(put, CopyPath(source="a", path="c"), MovePath(source="a", path="d"))

    assert found.items == []
    assert set(await bucket.all()) == {"b", "c", "d"}


async def test_what_is_there_stays_while_its_next_content_waits(bucket: Bucket) -> None:
    old, new = some_bytes(), some_bytes()
    await pass_all(bucket, await waiting(bucket, "a", old))
    check = await waiting(bucket, "a", new)

    before = await bucket.read("a")
    await pass_all(bucket, check)

    assert (before, await bucket.read("a")) == (old, new)


async def test_nothing_waits_longer_than_its_deadline(
    a_bucket_with: Making, events: Events, db: Database
) -> None:
    bucket = await a_bucket_with(checks=["never"], check_deadline_s=1)
    check = await waiting(bucket)

    async def ended() -> FileCheck | None:
        await asyncio.gather(sweep_checks(db), sweep_checks(db))
        now = await look(bucket, check)
        return now if now.state != "waiting" else None

    refused = await eventually(ended)

    assert (refused.state, refused.reason) == ("refused", "not checked in time")
    assert (await heard(events, FileChecked, bucket)).reason == "not checked in time"
    with refused_as("check-decided"):
        await judge(bucket, check, "never")


async def test_what_nobody_answers_is_asked_for_again(
    bucket: Bucket, events: Events, db: Database
) -> None:
    check = await waiting(bucket)
    await heard(events, FileCheckRequested, bucket)
    await judge(bucket, check, "license")
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE pending_file SET ask_again_at = now() WHERE check_id = $1", check.check_id
        )

    await asyncio.gather(*(sweep_checks(db) for _ in range(3)))

    asked = await heard(events, FileCheckRequested, bucket, count=2)
    assert (asked.check_id, asked.checks, asked.attempt) == (check.check_id, ["review"], 2)
    assert (await look(bucket, check)).asked_times == 2


async def test_what_was_decided_is_told_for_a_week(bucket: Bucket, db: Database) -> None:
    old, new = await waiting(bucket, "a"), await waiting(bucket, "b")
    for check in (old, new):
        await pass_all(bucket, check)
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE pending_file SET decided_at = now() - interval '8 days' WHERE check_id = $1",
            old.check_id,
        )

    await forget_checks(db)

    listed = await bucket.ask(ListChecks(bucket=bucket.name))
    assert [one.check_id for one in listed.items] == [new.check_id]
    assert set(await bucket.all()) == {"a", "b"}


async def test_checks_are_listed_by_state_and_page(bucket: Bucket) -> None:
    checks = [await waiting(bucket, f"{n}") for n in range(4)]
    await judge(bucket, checks[1], "review", "refused")

    first = await bucket.ask(ListChecks(bucket=bucket.name, state="waiting", limit=2))
    rest = await bucket.ask(ListChecks(bucket=bucket.name, state="waiting", after=first.next))

    assert [one.path for one in (*first.items, *rest.items)] == ["0", "2", "3"]
    assert rest.next is None


async def test_a_verdict_that_comes_behind_the_deadline_makes_no_file(
    bucket: Bucket, db: Database
) -> None:
    check = await waiting(bucket, "late")
    await judge(bucket, check, "license")
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE pending_file SET deadline_at = now() WHERE check_id = $1", check.check_id
        )

    # The sweeper may be quicker: then it is too late by another name.
    with contextlib.suppress(AnsweredWithProblem):
        await judge(bucket, check, "review")

    ended = await look(bucket, check)
    assert (ended.state, ended.reason) == ("refused", "not checked in time")
    assert await bucket.all() == {}


async def test_a_bucket_that_is_deleted_with_all_takes_what_waits_along(
    bucket: Bucket, db: Database, impatient: Settings
) -> None:
    check = await waiting(bucket)

    await bucket.ask(EmptyAndDeleteBucket(name=bucket.name, actor=ACTOR))

    async def purged() -> bool:
        await sweep_uploads(db)
        await purge_deleted_buckets(db, impatient)
        async with db.connection() as conn:
            left: int = await conn.fetchval(
                "SELECT count(*) FROM pending_check WHERE check_id = $1", check.check_id
            )
        return left == 0

    await eventually(purged, timeout_s=30)
    with refused_as("bucket-not-found"):
        await look(bucket, check)


async def test_a_bucket_goes_only_when_nothing_waits_in_it(bucket: Bucket) -> None:
    check = await waiting(bucket)

    with refused_as("bucket-not-empty"):
        await bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR))
    await judge(bucket, check, "review", "refused")
    await bucket.ask(DeleteBucket(name=bucket.name, actor=ACTOR))


@pytest.mark.parametrize(
    ("checks", "problem"),
    [(["clamav"], "check-unavailable"), (["same", "same"], "invalid-checks")],
    ids=["clamav-without-clamd", "twice"],
)
async def test_a_bucket_cannot_require_what_cannot_be_checked(
    ask: Ask, bucket: Bucket, checks: list[str], problem: str
) -> None:
    with refused_as(problem):
        await ask(UpdateBucket(name=bucket.name, actor=ACTOR, checks=checks))
    with refused_as(problem):
        await ask(CreateBucket(name=a_bucket_name("checks"), actor=ACTOR, checks=checks))


async def test_a_bucket_that_requires_no_more_checks_still_judges_what_waits(
    bucket: Bucket,
) -> None:
    check = await waiting(bucket, "a")

    await bucket.ask(UpdateBucket(name=bucket.name, actor=ACTOR, checks=[]))
    at_once = await bucket.put("b", some_bytes())

    assert at_once.file.revision == 1
    assert (await look(bucket, check)).state == "waiting"
    assert (await pass_all(bucket, check)).state == "visible"


async def test_the_content_check_answers_by_itself(a_bucket_with: Making) -> None:
    bucket = await a_bucket_with(checks=["content"])
    page = b"<!doctype html><script>alert(1)</script>" + some_bytes()

    good = await waiting(bucket, "a.txt", content_type="text/plain")
    bad = await waiting(bucket, "b.png", page, content_type="image/png")

    async def decided() -> bool:
        return "waiting" not in {(await look(bucket, one)).state for one in (good, bad)}

    await eventually(decided)
    assert (await look(bucket, good)).state == "visible"
    refused = await look(bucket, bad)
    assert (refused.state, refused.reason) == (
        "refused",
        "content: the bytes are markup that can run, not image/png",
    )
    assert set(await bucket.all()) == {"a.txt"}


async def test_bytes_that_were_damaged_in_the_store_are_refused(
    a_bucket_with: Making, db: Database
) -> None:
    bucket = await a_bucket_with(checks=["content", "review"])
    body = some_bytes()
    ticket = await bucket.begin("a", body)
    await bucket.store.put(ticket.key, b"x" * len(body))

    put = await bucket.commit(ticket, body)

    async def refused() -> FileCheck | None:
        assert put.check is not None
        now = await look(bucket, put.check)
        return now if now.state == "refused" else None

    assert "not those that were uploaded" in (await eventually(refused)).reason


async def test_buckets_without_checks_hear_nothing_of_them(
    a_bucket: Callable[[], Awaitable[Bucket]],
) -> None:
    bucket = await a_bucket()

    put = await bucket.put("a", some_bytes())

    assert put.check is None
    assert (await bucket.ask(ListChecks(bucket=bucket.name))).items == []
    await bucket.ask(DeleteFile(bucket=bucket.name, path="a", actor=ACTOR))
