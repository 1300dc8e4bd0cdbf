"""Conditional requests and ranges, as RFC 9110 gives them."""

import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import NamedTuple

import httpx
import pytest


class Stored(NamedTuple):
    url: str
    body: bytes
    etag: str
    modified: str

    def date(self, offset_s: int) -> str:
        moved = parsedate_to_datetime(self.modified) + timedelta(seconds=offset_s)
        return format_datetime(moved.astimezone(UTC), usegmt=True)


@pytest.fixture
async def stored(http: httpx.AsyncClient, files: str) -> Stored:
    body = os.urandom(1000)
    url = f"{files}/a"
    await http.put(url, content=body)
    head = await http.head(url)
    return Stored(url, body, head.headers["etag"], head.headers["last-modified"])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": "ETAG"}, 304),
        ({"If-None-Match": 'W/"x", ETAG'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-Modified-Since": "SAME"}, 304),
        ({"If-Modified-Since": "LATER"}, 304),
        ({"If-Modified-Since": "EARLIER"}, 200),
        ({"If-Modified-Since": "no date"}, 200),
        ({"If-None-Match": '"x"', "If-Modified-Since": "SAME"}, 200),
        ({"If-Match": "ETAG"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": "W/ETAG"}, 412),
        ({"If-Unmodified-Since": "SAME"}, 200),
        ({"If-Unmodified-Since": "EARLIER"}, 412),
        ({"If-Match": "ETAG", "If-Unmodified-Since": "EARLIER"}, 200),
        ({"If-Match": '"x"', "If-None-Match": "ETAG"}, 412),
    ],
    ids=lambda value: "+".join(f"{k}={v}" for k, v in value.items()) if type(value) is dict else "",
)
async def test_preconditions_are_judged_in_their_order(
    http: httpx.AsyncClient, stored: Stored, method: str, headers: dict[str, str], status: int
) -> None:
    times = {"SAME": 0, "LATER": 100, "EARLIER": -100}
    said = {
        name: stored.date(times[value]) if value in times else value.replace("ETAG", stored.etag)
        for name, value in headers.items()
    }

    answer = await http.request(method, stored.url, headers=said)

    assert answer.status_code == status
    if status == 304:
        assert answer.content == b""
        assert answer.headers["etag"] == stored.etag
        assert {"cache-control", "last-modified"} <= answer.headers.keys()
        assert "content-type" not in answer.headers
    if status == 200:
        assert answer.content == (stored.body if method == "GET" else b"")


@pytest.mark.parametrize(
    ("if_range", "status"),
    [
        ("ETAG", 206),
        ('"x"', 200),
        ("W/ETAG", 200),
        ("SAME", 206),
        ("LATER", 200),
        ("EARLIER", 200),
        ("nonsense", 200),
    ],
)
async def test_a_range_is_given_while_the_file_is_the_same(
    http: httpx.AsyncClient, stored: Stored, if_range: str, status: int
) -> None:
    times = {"SAME": 0, "LATER": 100, "EARLIER": -100}
    said = stored.date(times[if_range]) if if_range in times else if_range
    headers = {"Range": "bytes=2-5", "If-Range": said.replace("ETAG", stored.etag)}

    answer = await http.get(stored.url, headers=headers)

    assert answer.status_code == status
    assert answer.content == (stored.body[2:6] if status == 206 else stored.body)
    assert ("content-range" in answer.headers) == (status == 206)


async def test_a_range_of_something_unchanged_is_not_sent(
    http: httpx.AsyncClient, stored: Stored
) -> None:
    headers = {"Range": "bytes=0-1", "If-None-Match": stored.etag}

    answer = await http.get(stored.url, headers=headers)

    assert answer.status_code == 304


async def test_a_range_is_of_get_only_and_of_bytes(http: httpx.AsyncClient, stored: Stored) -> None:
    head = await http.head(stored.url, headers={"Range": "bytes=2-5"})
    lines = await http.get(stored.url, headers={"Range": "lines=2-5"})

    assert (head.status_code, head.headers["content-length"]) == (200, "1000")
    assert (lines.status_code, lines.content) == (200, stored.body)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("bytes=0-0", "bytes 0-0/1000"),
        ("bytes=999-", "bytes 999-999/1000"),
        ("bytes=990-2000", "bytes 990-999/1000"),
        ("bytes=-1", "bytes 999-999/1000"),
        ("bytes=-5000", "bytes 0-999/1000"),
        ("BYTES=0-9", "bytes 0-9/1000"),
    ],
)
async def test_a_range_is_told_as_it_was_cut(
    http: httpx.AsyncClient, stored: Stored, asked: str, told: str
) -> None:
    answer = await http.get(stored.url, headers={"Range": asked})

    first, last = told.removeprefix("bytes ").partition("/")[0].split("-")
    assert (answer.status_code, answer.headers["content-range"]) == (206, told)
    assert answer.content == stored.body[int(first) : int(last) + 1]
    assert answer.headers["etag"] == stored.etag


async def test_last_modified_is_not_in_the_future(stored: Stored) -> None:
    assert parsedate_to_datetime(stored.modified) <= datetime.now(UTC)
