"""Questions over the bus: typed answers, named problems, and nothing that leaks."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from libs.chassis.bus import Bus, RequestTooLarge
from libs.chassis.rpc import serves
from libs.chassis.settings import ServiceSettings
from libs.contracts.base import Done
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem, Problem, ServiceUnavailable
from libs.contracts.storage import (
    AbortUpload,
    BucketInfo,
    BucketMark,
    DeleteBucket,
    FileList,
    GetBucket,
    ListFiles,
    MarkBucket,
)
from tests.chassis.conftest import RunSmall, Servers
from tests.chassis.proxy import proxied
from tests.waiting import eventually


class BucketSealed(Problem):
    """The bucket takes nothing"""

    code, status = "bucket-sealed", 409


class Pace:
    """How long an answer takes."""

    seconds = 0.2


@serves(MarkBucket)
async def mark_bucket(request: MarkBucket) -> BucketMark:
    return BucketMark(mark_id=UUID(int=7))


@serves(DeleteBucket)
async def delete_bucket(request: DeleteBucket) -> Done:
    raise BucketSealed("until tomorrow", bucket=request.name, retry_after_s=5)


@serves(GetBucket)
async def get_bucket(request: GetBucket) -> BucketInfo:
    raise RuntimeError("the password is hunter2")


@serves(AbortUpload)
async def abort_upload(request: AbortUpload, pace: Pace) -> Done:
    await asyncio.sleep(pace.seconds)
    return Done()


@serves(ListFiles)
async def list_files(request: ListFiles) -> FileList:
    return FileList(items=[], prefixes=["long/" * 300_000])


async def test_an_answer_is_typed(small_service: RunSmall) -> None:
    async with small_service(__name__, Pace()) as small:
        answer = await small.bus.ask(MarkBucket(name="reports"))

    assert answer == BucketMark(mark_id=UUID(int=7))


async def test_a_named_failure_arrives_unchanged(small_service: RunSmall) -> None:
    async with small_service(__name__, Pace()) as small:
        with pytest.raises(AnsweredWithProblem) as caught:
            await small.bus.ask(DeleteBucket(name="reports", actor="key:1"))

    details = caught.value.details()
    assert (details.code, details.status, details.retry_after_s) == ("bucket-sealed", 409, 5)
    assert details.title == "The bucket takes nothing"
    assert details.fields == {"bucket": "reports"}


async def test_a_bug_is_answered_with_an_incident_and_no_text(small_service: RunSmall) -> None:
    async with small_service(__name__, Pace()) as small:
        with pytest.raises(AnsweredWithProblem) as caught:
            await small.bus.ask(GetBucket(name="reports"))

    details = caught.value.details()
    assert (details.code, details.status) == ("internal-error", 500)
    assert UUID(details.fields["incident"]).version == 7
    assert "hunter2" not in str(details)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"[" * 100_000, b'{"name": 7}', b'{"name": "No Such Name"}']
)
async def test_what_cannot_be_read_is_malformed(small_service: RunSmall, body: bytes) -> None:
    async with small_service(__name__, Pace()) as small:
        answer = await small.bus.client.request(MarkBucket.subject, body, timeout=2)

    assert msgspec.json.decode(answer.data)["code"] == "malformed-request"


async def test_slow_answers_do_not_wait_for_each_other(small_service: RunSmall) -> None:
    async with small_service(__name__, Pace()) as small:
        started = asyncio.get_running_loop().time()
        await asyncio.gather(*(small.bus.ask(AbortUpload(upload_id=new_id())) for _ in range(20)))
        took = asyncio.get_running_loop().time() - started

    assert took < 20 * Pace.seconds / 2


async def test_nobody_there_is_said_at_once(small_service: RunSmall) -> None:
    async with small_service(__name__, Pace()) as small:
        pass
    async with small_service("tests.chassis.conftest") as small:
        with pytest.raises(ServiceUnavailable, match="storage is not running") as caught:
            await small.bus.ask(MarkBucket(name="reports"), timeout_s=30)

    assert caught.value.retry_after_s


async def test_accepted_requests_are_answered_while_draining(small_service: RunSmall) -> None:
    async with small_service(__name__, Pace()) as small:
        asking = asyncio.create_task(small.bus.ask(AbortUpload(upload_id=new_id())))
        await asyncio.sleep(Pace.seconds / 4)

    assert await asking == Done()


async def test_what_arrives_while_the_service_stops_is_answered(
    small_service: RunSmall, servers: Servers
) -> None:
    """F11: at worst by "not running", at once, and never by silence."""
    async with Bus("asker", servers.nats_url) as asker:
        async with small_service(__name__, Pace()):
            asking = [
                asyncio.create_task(asker.ask(AbortUpload(upload_id=new_id()), timeout_s=3))
                for _ in range(200)
            ]
            await asyncio.wait(asking, timeout=Pace.seconds / 20)  # most are on their way by now
        ends = await asyncio.gather(*asking, return_exceptions=True)

    assert {str(end) for end in ends} <= {"Done()", "storage is not running"}


async def test_an_answer_that_no_message_holds_is_a_bug_said_at_once(
    small_service: RunSmall,
) -> None:
    async with small_service(__name__, Pace()) as small:
        with pytest.raises(AnsweredWithProblem) as caught:
            await small.bus.ask(ListFiles(bucket="reports"), timeout_s=30)

    assert caught.value.named == "internal-error"


async def test_a_request_that_no_message_holds_is_refused(small_service: RunSmall) -> None:
    async with small_service(__name__, Pace()) as small:
        with pytest.raises(RequestTooLarge):
            await small.bus.ask(MarkBucket(name="reports" * 200_000), timeout_s=30)


async def test_a_server_that_falls_silent_is_noticed(
    settings: ServiceSettings,
) -> None:
    """F7."""
    async with proxied(settings.nats_url) as (url, proxy), Bus("silent", url) as bus:
        proxy.fall_silent()

        await eventually(lambda: _is_lost(bus), timeout_s=10)
        with pytest.raises(ServiceUnavailable, match="NATS does not answer"):
            await bus.ask(MarkBucket(name="reports"), timeout_s=30)


async def _is_lost(bus: Bus) -> bool:
    return not bus.client.is_connected
