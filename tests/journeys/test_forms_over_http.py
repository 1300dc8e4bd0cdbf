"""Forms as browsers send them: every file an upload, every broken form a named problem."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.journeys.callers import calling, give, new_key
from tests.journeys.test_bad_input_over_http import code_of, paths_in
from tests.journeys.wire import connected
from tests.platform import Platform

Json = dict[str, Any]
BOUNDARY = "form-boundary"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(head: str, body: bytes) -> bytes:
    return b"--%s\r\n%s\r\n\r\n%s\r\n" % (BOUNDARY.encode(), head.encode(), body)


def a_file(name: str, body: bytes, *, field: str = "file", more: str = "") -> bytes:
    return part(f'Content-Disposition: form-data; name="{field}"; filename="{name}"{more}', body)


def a_field(name: str, value: str) -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"', value.encode())


END = f"--{BOUNDARY}--\r\n".encode()


async def sent(
    http: httpx.AsyncClient, files: str, *parts: bytes, **options: Any
) -> httpx.Response:
    return await http.post(
        files, content=b"".join(parts), headers={"Content-Type": TYPE} | options.get("headers", {})
    )


async def test_a_browsers_form_stores_every_file(http: httpx.AsyncClient, files: str) -> None:
    large, small = os.urandom(5_000_000), f"text {uuid4()}".encode()

    answer = await http.post(
        files,
        data={"prefix": "in/", "tags": "a=1&b=2", "metadata": "from=a browser"},
        files=[
            ("file", ("large.bin", large, "application/x-large")),
            ("more", ("ü small.txt", small)),
            ("empty", ("empty.txt", b"", "text/plain")),
        ],
    )

    assert answer.status_code == 201, answer.text
    items = answer.json()["items"]
    assert [item["path"] for item in items] == ["in/large.bin", "in/ü small.txt", "in/empty.txt"]
    assert [item["status"] for item in items] == [201, 201, 201]
    got = await http.get(f"{files}/in/large.bin")
    assert (got.content, got.headers["content-type"]) == (large, "application/x-large")
    assert got.headers["strongroom-tags"] == "a=1&b=2"
    assert got.headers["strongroom-meta-from"] == "a browser"
    assert (await http.get(f"{files}/in/%C3%BC small.txt")).content == small


async def test_fields_count_for_the_files_behind_them(http: httpx.AsyncClient, files: str) -> None:
    answer = await sent(
        http,
        files,
        a_file("1", uuid4().bytes),
        a_field("prefix", "x/"),
        a_file("2", uuid4().bytes),
        a_field("path", "y/z"),
        a_file("3", uuid4().bytes),
        a_file("4", uuid4().bytes),
        END,
    )

    assert answer.status_code == 201, answer.text
    assert await paths_in(http, files) == ["1", "x/2", "x/4", "y/z"]


async def test_a_type_that_is_not_said_is_found_out(http: httpx.AsyncClient, files: str) -> None:
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + os.urandom(100)
    said = "\r\nContent-Type: application/octet-stream"

    answer = await sent(http, files, a_file("a", png), a_file("b", png, more=said), END)

    types = [item["file"]["content_type"] for item in answer.json()["items"]]
    assert types == ["image/png", "application/octet-stream"]


async def test_an_input_that_nothing_was_chosen_for_is_no_file(
    http: httpx.AsyncClient, files: str
) -> None:
    answer = await sent(http, files, a_file("", b""), a_file("a", uuid4().bytes), END)
    nothing = await sent(http, files, a_file("", b""), END)

    assert [item["path"] for item in answer.json()["items"]] == ["a"]
    assert (nothing.status_code, code_of(nothing)) == (400, "invalid-input")


async def test_one_bad_file_does_not_keep_the_others_out(
    http: httpx.AsyncClient, files: str
) -> None:
    body = os.urandom(200_000)

    answer = await sent(http, files, a_file("../../etc/passwd", body), a_file("good", body), END)

    assert answer.status_code == 207
    bad, good = answer.json()["items"]
    assert (bad["status"], bad["problem"], good["status"]) == (400, "invalid-path", 201)
    assert await paths_in(http, files) == ["good"]


async def test_when_nothing_is_stored_the_refusal_is_the_answer(
    http: httpx.AsyncClient, files: str
) -> None:
    await http.put(f"{files}/a", content=uuid4().bytes)

    answer = await sent(
        http, files, a_file("a", uuid4().bytes), END, headers={"If-None-Match": "*"}
    )

    assert (answer.status_code, code_of(answer)) == (412, "precondition-failed")
    assert answer.json()["items"] == [
        {"path": "a", "status": 412, "problem": "precondition-failed"}
    ]


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("a\r\nX: y", 400, None),
        ("a\0b", 400, "invalid-path"),
        ("a\\b", 400, "invalid-path"),
        ("/etc/passwd", 400, "invalid-path"),
        ("a/../b", 400, "invalid-path"),
        ("a\u202eb", 400, "invalid-path"),
        ("a" * 2000, 400, None),
    ],
    ids=["crlf", "nul", "backslash", "absolute", "dots", "bidi", "long"],
)
async def test_names_that_could_lead_astray_are_refused(
    http: httpx.AsyncClient, files: str, name: str, status: int, code: str | None
) -> None:
    answer = await sent(http, files, a_file(name, uuid4().bytes), END)

    assert answer.status_code == status, answer.text
    assert code_of(answer) == (code or code_of(answer))
    assert await paths_in(http, files) == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed-body"),
        (b"no form at all", 400, "malformed-body"),
        (END, 400, "invalid-input"),
        (a_file("a", b"x")[:-2], 400, "malformed-body"),
        (a_file("a", b"x" * 200_000), 400, "malformed-body"),
        (b"--" + BOUNDARY.encode() + b"\r\nno colon\r\n\r\nx\r\n" + END, 400, "malformed-body"),
        (part("Content-Disposition: inline", b"x") + END, 400, "malformed-body"),
        (part("Content-Type: text/plain", b"x") + END, 400, "malformed-body"),
        (a_field("is_admin", "true") + END, 400, "invalid-input"),
        (a_field("tags", "nonsense") + END, 400, "invalid-input"),
        (a_field("prefix", "a" * 100_000) + END, 413, "body-too-large"),
        (a_file("a", b"x", more="\r\nX-A: " + "a" * 1_000_000) + END, 413, "body-too-large"),
        (a_file("a", b"x", more="\r\nX-A: b" * 20) + END, 413, "body-too-large"),
        (part('Content-Disposition: form-data; name="f"; filename="\xff"', b"x")
         .replace("\xff".encode(), b"\xff") + END, 400, "malformed-body"),
    ],
    ids=[
        "empty",
        "no-form",
        "no-parts",
        "cut-small",
        "cut-large",
        "no-header",
        "other-disposition",
        "no-disposition",
        "unknown-field",
        "bad-tags",
        "large-field",
        "large-header",
        "many-headers",
        "not-utf-8",
    ],
)  # fmt: skip
async def test_a_form_that_is_none_is_refused_by_name(
    http: httpx.AsyncClient, files: str, body: bytes, status: int, code: str
) -> None:
    answer = await sent(http, files, body)

    assert (answer.status_code, code_of(answer)) == (status, code), answer.text
    assert await paths_in(http, files) == []


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        ("multipart/form-data; boundary=" + "a" * 300, 400),
        ("multipart/mixed; boundary=a", 415),
        ("application/json", 415),
        ("", 415),
    ],
    ids=["no-boundary", "empty-boundary", "long-boundary", "mixed", "json", "none"],
)
async def test_a_body_of_another_type_is_refused(
    http: httpx.AsyncClient, files: str, content_type: str, status: int
) -> None:
    answer = await http.post(files, content=b"x", headers={"Content-Type": content_type})

    assert answer.status_code == status
    code_of(answer)


async def test_a_thousand_parts_are_taken_and_one_more_is_refused(
    http: httpx.AsyncClient, files: str
) -> None:
    parts = [a_file(f"{number:04}", uuid4().bytes) for number in range(1000)]

    full = await sent(http, files, *parts, END)
    over = await sent(http, files, *[a_field("prefix", "x/")] * 1001, END)

    assert full.status_code == 201, full.text
    assert len(full.json()["items"]) == 1000
    assert (over.status_code, code_of(over)) == (400, "malformed-body")


async def test_what_came_whole_before_a_break_is_told(http: httpx.AsyncClient, files: str) -> None:
    whole, broken = a_file("whole", uuid4().bytes), a_file("broken", os.urandom(300_000))

    answer = await sent(http, files, whole, broken[:-100])

    assert (answer.status_code, code_of(answer)) == (400, "malformed-body")
    assert answer.json()["items"] == [{"path": "whole", "status": 201, "problem": None}]
    assert await paths_in(http, files) == ["whole"]


async def test_a_connection_that_ends_within_a_form_leaves_no_half_file(
    platform: Platform, http: httpx.AsyncClient, files: str
) -> None:
    body = a_file("a", os.urandom(300_000)) + END
    async with connected(platform) as wire:
        head = (f"Content-Type: {TYPE}", f"Content-Length: {len(body)}")
        await wire.send("POST", files, *head, body=body[:200_000])
        wire.writer.write_eof()
        answer = await wire.answer()

    assert (answer.status, answer.code) == (400, "body-incomplete")
    assert await paths_in(http, files) == []


async def test_a_form_cannot_be_kept_for_a_retry(http: httpx.AsyncClient, files: str) -> None:
    answer = await sent(
        http, files, a_file("a", b"x"), END, headers={"Idempotency-Key": uuid4().hex}
    )

    assert (answer.status_code, code_of(answer)) == (400, "malformed-header")


async def test_a_form_into_no_bucket_is_refused(http: httpx.AsyncClient) -> None:
    answer = await sent(http, "/api/v1/buckets/no-such-bucket/files", a_file("a", b"x"), END)

    assert (answer.status_code, code_of(answer)) == (404, "bucket-not-found")


async def test_the_pieces_of_a_form_may_fall_anywhere(http: httpx.AsyncClient, files: str) -> None:
    body = b"\r\n--form-boundar\r\n--form-bound\r\n" + os.urandom(2000) + b"\r\n--form"
    form = a_field("prefix", "x/") + a_file("a", body) + END

    async def pieces(size: int) -> AsyncIterator[bytes]:
        for at in range(0, len(form), size):
            yield form[at : at + size]
            await asyncio.sleep(0)

    for size in (1, 7, 100):
        answer = await http.post(files, content=pieces(size), headers={"Content-Type": TYPE})
        assert answer.status_code == 201, answer.text
        assert (await http.get(f"{files}/x/a")).content == body


async def test_a_form_stores_only_where_its_sender_may_write(
    http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    key = await new_key(http, "read", "write")
    await give(http, bucket, f"key:{key['key_id']}", "writer", "in/")
    parts = [a_file(name, uuid4().bytes) for name in ("in/a", "out/b", "in/../c")]

    async with calling(http, key["key"]) as sender:
        answer = await sent(sender, files, *parts, END)

    told = [(item["path"], item["status"]) for item in answer.json()["items"]]
    assert told == [("in/a", 201), ("out/b", 403), ("in/../c", 400)]
    assert await paths_in(http, files) == ["in/a"]
