"""A platform that restarts, is busy or loses a connection costs time, never the work."""

import pytest

from libs.client import ApiProblem, UnexpectedAnswer, Unreachable
from libs.contracts.storage import BucketInfo
from tests.service.client.scripted import Said, json, one_after_another, problem, scripted

BUCKET = {
    "bucket_id": "0192f0c1-7b1e-7000-8000-2d1f6a3c9b55",
    "name": "reports",
    "versioning": "auto",
    "created_at": "2026-11-21T12:00:00Z",
    "created_by": "key:1",
}


async def test_a_busy_platform_is_asked_again_when_it_said_so() -> None:
    busy = problem("service-unavailable", 503, **{"Retry-After": "0"})

    async with scripted(one_after_another(busy, busy, json(BUCKET))) as (client, heard):
        bucket = await client.buckets.get("reports")

    assert isinstance(bucket, BucketInfo)
    assert len(heard) == 3


async def test_a_post_whose_answer_was_lost_is_repeated_under_the_same_key() -> None:
    busy = problem("idempotency-key-in-use", 409)

    async with scripted(one_after_another(None, busy, json(BUCKET, 201))) as (client, heard):
        await client.buckets.create("reports")

    keys = {asked.headers["idempotency-key"] for asked in heard}
    assert len(heard) == 3
    assert len(keys) == 1


async def test_two_posts_never_share_a_key() -> None:
    async with scripted(one_after_another(json(BUCKET, 201))) as (client, heard):
        await client.buckets.create("reports")
        await client.buckets.create("reports")

    assert heard[0].headers["idempotency-key"] != heard[1].headers["idempotency-key"]


async def test_a_delete_that_was_done_before_its_answer_was_lost_is_done() -> None:
    async with scripted(one_after_another(None, problem("not-found", 404))) as (client, heard):
        await client.files.delete("reports", "p")

    assert len(heard) == 2


async def test_deleting_what_is_not_there_is_a_problem() -> None:
    async with scripted(one_after_another(problem("not-found", 404))) as (client, _):
        with pytest.raises(ApiProblem) as caught:
            await client.files.delete("reports", "p")

    assert caught.value.code == "not-found"


async def test_a_conditional_put_is_not_repeated_after_its_answer_was_lost() -> None:
    async with scripted(one_after_another(None)) as (client, heard):
        with pytest.raises(Unreachable):
            await client.files.put("reports", "p", b"content", only_new=True)

    assert len(heard) == 1


async def test_a_problem_that_will_not_pass_is_told_at_once() -> None:
    async with scripted(one_after_another(problem("file-damaged", 502))) as (client, heard):
        with pytest.raises(ApiProblem, match="file-damaged"):
            await client.buckets.get("reports")

    assert len(heard) == 1


async def test_patience_ends() -> None:
    async with scripted(one_after_another(problem("busy", 503))) as (client, heard):
        with pytest.raises(ApiProblem, match="busy"):
            await client.buckets.get("reports")

    assert len(heard) == 8


async def test_something_else_that_answers_is_told_from_a_platform() -> None:
    page = Said(200, b"<html>Welcome to nginx!</html>")

    async with scripted(one_after_another(page)) as (client, _):
        with pytest.raises(UnexpectedAnswer, match="would not"):
            await client.buckets.get("reports")


async def test_lists_are_followed_to_their_end_and_not_further() -> None:
    first = json({"items": [BUCKET, BUCKET], "next": "more"})
    last = json({"items": [BUCKET], "next": None})

    async with scripted(one_after_another(first, last, first)) as (client, heard):
        everything = [bucket async for bucket in client.buckets.list()]
        two = [bucket async for bucket in client.buckets.list(limit=2)]

    assert (len(everything), len(two)) == (3, 2)
    assert [asked.path for asked in heard] == [
        "/api/v1/buckets?limit=1000",
        "/api/v1/buckets?limit=1000&cursor=more",
        "/api/v1/buckets?limit=2",
    ]
