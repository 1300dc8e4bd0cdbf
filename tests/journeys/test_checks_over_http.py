"""Content that waits for checks: every way in answers 202, and says where its state is told."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from libs.client import Client
from libs.client.failures import ApiProblem, FileRefused
from libs.contracts.ids import new_id
from tests.builders import a_bucket_name
from tests.journeys.callers import CallerWith, give, principal_of
from tests.journeys.test_bad_input_over_http import code_of
from tests.journeys.tus_wire import Tus
from tests.platform import Platform
from tests.waiting import eventually

Json = dict[str, Any]
API = "/api/v1/buckets"
PAGE = b"<html><script>alert(1)</script>"


@pytest.fixture
async def bucket(http: httpx.AsyncClient) -> str:
    """A bucket whose new files somebody has to review."""
    return await a_bucket_with(http, checks=["review"])


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[Client]:
    async with Client(platform.url, platform.admin_key) as client:
        yield client


async def a_bucket_with(http: httpx.AsyncClient, **settings: object) -> str:
    name = a_bucket_name("checks")
    made = await http.post(API, json={"name": name, **settings})
    assert made.status_code == 201, made.text
    return name


async def judge(
    http: httpx.AsyncClient, location: str, verdict: str = "passed", check: str = "review"
) -> Json:
    said = {"check": check, "verdict": verdict, "reason": "looked at"}
    answer = await http.post(f"{location}/verdicts", json=said)
    assert answer.status_code == 200, answer.text
    state: Json = answer.json()
    return state


async def put(http: httpx.AsyncClient, files: str, size: int) -> str:
    answer = await http.put(f"{files}/a", content=os.urandom(size))
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "waiting"
    return answer.headers["location"]


async def put_small(http: httpx.AsyncClient, files: str) -> str:
    return await put(http, files, 100)


async def put_large(http: httpx.AsyncClient, files: str) -> str:
    return await put(http, files, 3_000_000)


async def put_by_form(http: httpx.AsyncClient, files: str) -> str:
    answer = await http.post(files, files={"file": ("a", uuid4().bytes)})
    assert answer.status_code == 202, answer.text
    (item,) = answer.json()["items"]
    assert (item["status"], item["file"]) == (202, None)
    return f"{files.removesuffix('/files')}/checks/{item['check']['check_id']}"


async def put_by_tus(http: httpx.AsyncClient, files: str) -> str:
    body = os.urandom(100_000)
    tus = Tus(http, files.split("/")[-2])
    url = await tus.begin(len(body), path="a")
    done = await tus.patch(url, 0, body)
    again = await tus.head(url)
    assert (done.status_code, "strongroom-file" in done.headers) == (204, False)
    assert done.headers["strongroom-check"] == again.headers["strongroom-check"]
    return done.headers["strongroom-check"]


async def put_directly(http: httpx.AsyncClient, files: str) -> str:
    wish = {"method": "PUT", "path": "a", "direct": True}
    upload = (await http.post(files.replace("/files", "/signed-urls"), json=wish)).json()
    async with httpx.AsyncClient(timeout=30.0, trust_env=False) as anybody:
        await anybody.put(upload["url"], content=os.urandom(1000))
    done = await http.post(upload["complete"], json={})
    again = await http.post(upload["complete"], json={})
    assert (done.status_code, again.status_code) == (202, 202), done.text
    assert done.headers["location"] == again.headers["location"]
    return done.headers["location"]


@pytest.mark.parametrize(
    "put_somehow",
    [put_small, put_large, put_by_form, put_by_tus, put_directly],
    ids=["small", "large", "form", "tus", "direct"],
)
async def test_every_way_in_waits_for_the_checks(
    http: httpx.AsyncClient,
    files: str,
    put_somehow: Callable[[httpx.AsyncClient, str], Awaitable[str]],
) -> None:
    location = await put_somehow(http, files)

    unseen = await http.get(f"{files}/a")
    listed = (await http.get(files)).json()["items"]
    waits = (await http.get(location)).json()
    passed = await judge(http, location)
    seen = await http.get(f"{files}/a")

    assert (unseen.status_code, listed) == (404, [])
    assert (waits["state"], waits["waits_for"], waits["path"]) == ("waiting", ["review"], "a")
    assert (passed["state"], passed["revision"]) == ("visible", 1)
    assert (seen.status_code, seen.headers["strongroom-version"]) == (200, "1")


async def test_what_is_refused_is_never_seen_and_says_why(
    http: httpx.AsyncClient, files: str
) -> None:
    location = await put_small(http, files)

    refused = await judge(http, location, "refused")

    assert (refused["state"], refused["reason"]) == ("refused", "review: looked at")
    assert (await http.get(f"{files}/a")).status_code == 404
    assert (await http.get(f"{location}/content")).status_code == 410
    late = {"check": "review", "verdict": "passed"}
    answer = await http.post(f"{location}/verdicts", json=late)
    assert (answer.status_code, code_of(answer)) == (409, "verdict-given")


async def test_an_owner_reads_what_waits_and_no_browser_shows_it(
    http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    body = PAGE + uuid4().bytes
    answer = await http.put(f"{files}/a.html", content=body, headers={"Content-Type": "text/html"})

    got = await http.get(f"{answer.headers['location']}/content")
    part = await http.get(f"{answer.headers['location']}/content", headers={"Range": "bytes=1-4"})

    assert got.content == body
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert (part.status_code, part.content) == (206, body[1:5])


async def test_a_writer_sees_its_own_and_only_owners_judge(
    http: httpx.AsyncClient, caller: CallerWith, bucket: str, files: str
) -> None:
    writer, other, owner = await caller(), await caller(), await caller()
    for one, role in ((writer, "writer"), (other, "writer"), (owner, "owner")):
        await give(http, bucket, principal_of(one), role)
    location = await put_small(writer, files)

    looks = [(await one.get(location)).status_code for one in (writer, other, owner)]
    nowhere = await other.get(f"{API}/{bucket}/checks/{new_id()}")
    lists = [
        (await one.get(f"{API}/{bucket}/checks")).status_code for one in (writer, other, owner)
    ]
    said = {"check": "review", "verdict": "passed"}
    judged = [
        (await one.post(f"{location}/verdicts", json=said)).status_code
        for one in (writer, other, owner)
    ]

    assert looks == [200, 404, 200]
    assert code_of(nowhere) == code_of(await other.get(location)) == "check-not-found"
    assert lists == [403, 403, 200]
    assert judged == [403, 403, 200]


async def test_what_waits_is_listed_by_its_state(
    http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    locations = [await put_small(http, files) for _ in range(3)]
    await judge(http, locations[0], "refused")

    waits = await http.get(f"{API}/{bucket}/checks", params={"state": "waiting", "limit": 1})
    rest = await http.get(
        f"{API}/{bucket}/checks", params={"state": "waiting", "cursor": waits.json()["next"]}
    )
    wrong = await http.get(f"{API}/{bucket}/checks", params={"state": "lost"})

    ids = [one["check_id"] for one in (*waits.json()["items"], *rest.json()["items"])]
    assert ids == [location.rpartition("/")[2] for location in locations[1:]]
    assert (rest.json()["next"], wrong.status_code) == (None, 400)


@pytest.mark.parametrize(
    ("checks", "status", "code"),
    [
        (["clamav"], 409, "check-unavailable"),
        (["a", "a"], 400, "invalid-checks"),
        (["Not a name"], 400, None),
        ([f"c{n}" for n in range(9)], 400, None),
    ],
    ids=["no-clamd", "twice", "no-name", "too-many"],
)
async def test_a_bucket_that_cannot_be_checked_like_that_is_refused(
    http: httpx.AsyncClient, bucket: str, checks: list[str], status: int, code: str | None
) -> None:
    changed = await http.patch(f"{API}/{bucket}", json={"checks": checks})
    made = await http.post(API, json={"name": a_bucket_name("no"), "checks": checks})

    assert (changed.status_code, made.status_code) == (status, status)
    assert code is None or code_of(changed) == code_of(made) == code
    assert (await http.get(f"{API}/{bucket}")).json()["checks"] == ["review"]


@pytest.mark.parametrize(
    "verdict",
    [
        {"check": "review", "verdict": "maybe"},
        {"check": "review", "verdict": "passed", "is_admin": True},
        {"check": "review", "verdict": "passed", "reason": "x" * 501},
        {"check": "../x", "verdict": "passed"},
    ],
    ids=["no-verdict", "unknown-field", "long-reason", "no-name"],
)
async def test_a_verdict_that_is_none_changes_nothing(
    http: httpx.AsyncClient, files: str, verdict: Json
) -> None:
    location = await put_small(http, files)

    answer = await http.post(f"{location}/verdicts", json=verdict)

    assert answer.status_code == 400
    assert (await http.get(location)).json()["state"] == "waiting"


async def test_the_client_waits_for_the_content_check(
    http: httpx.AsyncClient, client: Client
) -> None:
    bucket = await a_bucket_with(http, checks=["content"])

    file = await client.files.put(bucket, "a.txt", uuid4().bytes)
    with pytest.raises(FileRefused, match="markup that can run"):
        await client.files.put(bucket, "a.png", PAGE + uuid4().bytes)

    assert (file.path, file.revision) == ("a.txt", 1)
    states = {one.path: one.state async for one in client.checks.list(bucket)}
    assert states == {"a.txt": "visible", "a.png": "refused"}


async def test_a_program_outside_answers_a_check(client: Client, bucket: str) -> None:
    body = uuid4().bytes

    async def answer() -> bool:
        async for check in client.checks.list(bucket, state="waiting"):
            got = b"".join([piece async for piece in client.checks.read(bucket, check.check_id)])
            assert got == body
            await client.checks.give(bucket, check.check_id, "review", "passed")
            return True
        return False

    file, _ = await asyncio.gather(client.files.put(bucket, "a", body), eventually(answer))

    assert file.revision == 1


async def test_a_file_that_can_be_no_more_says_so(client: Client, bucket: str) -> None:
    async def pass_all() -> bool:
        waits = [one async for one in client.checks.list(bucket, state="waiting")]
        if len(waits) < 2:
            return False
        for one in waits:
            await client.checks.give(bucket, one.check_id, "review", "passed")
        return True

    outcomes = await asyncio.gather(
        client.files.put(bucket, "a", uuid4().bytes, only_new=True),
        client.files.put(bucket, "a", uuid4().bytes, only_new=True),
        eventually(pass_all),
        return_exceptions=True,
    )

    (failed,) = [one for one in outcomes if isinstance(one, ApiProblem)]
    assert failed.code == "precondition-failed"
