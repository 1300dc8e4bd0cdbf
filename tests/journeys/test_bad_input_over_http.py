"""What is wrong is refused by name: never a 500, never a trace, never half a file."""

import asyncio
import base64
import hashlib
from urllib.parse import quote

import httpx
import pytest

from tests.builders import a_bucket_name
from tests.journeys.wire import connected, exchange
from tests.platform import Platform


def code_of(answer: httpx.Response) -> str:
    """Return the code of the problem that ``answer`` has to be."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["instance"] == f"urn:strongroom:request:{answer.headers['x-request-id']}"
    assert "Traceback" not in answer.text
    code: str = problem["type"].removeprefix("urn:strongroom:problem:")
    return code


async def paths_in(http: httpx.AsyncClient, files: str) -> list[str]:
    return [item["path"] for item in (await http.get(files)).json()["items"]]


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "a/../b",
        "a/..",
        "%2e%2e/b",
        "a/%2e/b",
        "a/./b",
        "a%5Cb",
        "a%00b",
        "a%0D%0Ab",
        "a%E2%80%AEb",
        "a//b",
        "a%2F%2Fb",
        "a/",
        "%2Fa",
        "%ff",
        "%c0%ae%c0%ae",
        "%",
        "%zz",
        "",
        "a" * 1025,
        "%C3%A4" * 600,
    ],
)
async def test_a_path_that_could_lead_astray_is_refused(
    platform: Platform, http: httpx.AsyncClient, files: str, path: str
) -> None:
    for method in ("PUT", "GET", "DELETE"):
        answer = await exchange(platform, method, f"{files}/{path}", "Content-Length: 1", body=b"x")

        assert answer.status == 400, answer
        assert answer.code in ("invalid-path", "malformed-path")
    assert await paths_in(http, files) == []


@pytest.mark.parametrize("header", ["Repr-Digest", "Content-Digest"])
@pytest.mark.parametrize("size", [10, 200_000])
async def test_a_wrong_digest_leaves_nothing(
    http: httpx.AsyncClient, files: str, header: str, size: int
) -> None:
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()

    answer = await http.put(
        f"{files}/a", content=bytes(size), headers={header: f"sha-256=:{other}:"}
    )

    assert (answer.status_code, code_of(answer)) == (422, "digest-mismatch")
    assert await paths_in(http, files) == []


async def test_a_right_digest_is_let_in(http: httpx.AsyncClient, files: str) -> None:
    digest = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()

    answer = await http.put(
        f"{files}/a", content=b"hello", headers={"Repr-Digest": f"sha-256=:{digest}:"}
    )

    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Repr-Digest", "sha-256=abc"),
        ("Repr-Digest", "sha-256=:YQ==:"),
        ("Content-Type", "nonsense"),
        ("If-Match", "abc"),
        ("If-None-Match", '"abc"'),
        ("Strongroom-Tags", "a"),
        ("Strongroom-Meta-A", "%ff"),
    ],
)
async def test_a_header_that_says_nothing_is_refused(
    http: httpx.AsyncClient, files: str, name: str, value: str
) -> None:
    answer = await http.put(f"{files}/a", content=b"x", headers={name: value})

    assert (answer.status_code, code_of(answer)) == (400, "malformed-header")
    assert answer.json()["header"].lower() == name.lower()
    assert await paths_in(http, files) == []


@pytest.mark.parametrize("announced", [100, 10_000_000])
async def test_a_body_that_ends_early_leaves_nothing(
    platform: Platform, http: httpx.AsyncClient, files: str, announced: int
) -> None:
    async with connected(platform) as wire:
        await wire.send("PUT", f"{files}/a", f"Content-Length: {announced}", body=b"x" * 99)
        wire.writer.write_eof()
        answer = await wire.answer()

    assert (answer.status, answer.code) == (400, "body-incomplete")
    assert await paths_in(http, files) == []


async def test_a_broken_chunk_leaves_nothing(
    platform: Platform, http: httpx.AsyncClient, files: str
) -> None:
    answer = await exchange(
        platform, "PUT", f"{files}/a", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\nzz\r\n"
    )

    assert (answer.status, answer.code) == (400, "body-incomplete")
    assert await paths_in(http, files) == []


async def test_what_follows_a_body_is_no_part_of_it(
    platform: Platform, http: httpx.AsyncClient, files: str
) -> None:
    async with connected(platform) as wire:
        await wire.send("PUT", f"{files}/a", "Content-Length: 3", body=b"abcdef / HTTP/1.1\r\n\r\n")
        first = await wire.answer()
        second = await wire.answer()

    assert first.status == 201
    assert second.status in (400, 405, 501)
    assert (await http.get(f"{files}/a")).content == b"abc"


async def test_a_length_and_chunks_are_never_both_believed(
    platform: Platform, http: httpx.AsyncClient, files: str
) -> None:
    async with connected(platform) as wire:
        await wire.send(
            "PUT",
            f"{files}/a",
            "Content-Length: 3",
            "Transfer-Encoding: chunked",
            body=b"5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        )
        answer = await wire.answer()
        rest = await wire.reader.read()

    assert answer.headers["connection"] == "close"
    assert rest == b""
    if answer.status == 201:
        assert (await http.get(f"{files}/a")).content == b"hello"


@pytest.mark.parametrize("length", ["-1", "1e3", "ten", "1, 2", "99999999999999999999999"])
async def test_a_length_that_is_none_is_refused(
    platform: Platform, files: str, length: str
) -> None:
    answer = await exchange(platform, "PUT", f"{files}/a", f"Content-Length: {length}")

    assert 400 <= answer.status < 500


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=" + ",".join("0-0" for _ in range(10_000)),
        "bytes=0-5,2-8",
        "bytes=5-",
        "bytes=9-2",
        "bytes=-0",
        "bytes=x",
    ],
)
async def test_ranges_are_answered_one_at_most(
    http: httpx.AsyncClient, files: str, asked: str
) -> None:
    await http.put(f"{files}/a", content=b"12345")

    answer = await http.get(f"{files}/a", headers={"Range": asked})

    assert (answer.status_code, code_of(answer)) == (416, "range-not-satisfiable")
    assert answer.headers["content-range"] == "bytes */5"


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "NAME", "is_admin": true}',
        b'{"name": "NAME", "name": "NAME"}',
        b'{"name": NaN}',
        b'{"name": 7}',
        b'{"name": "No Such Name"}',
        b'{"name": "NAME", "versioning": "maybe"}',
        b"{}",
        b"[]",
        b"null",
        b"",
        b"{",
        b"\xff\xfe",
        b'{"name": ' + b"[" * 100_000,
    ],
)
async def test_json_that_means_nothing_here_is_refused(
    http: httpx.AsyncClient, body: bytes
) -> None:
    name = a_bucket_name("bad")

    answer = await http.post(
        "/api/v1/buckets",
        content=body.replace(b"NAME", name.encode()),
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 400, answer.text
    assert code_of(answer) in ("invalid-input", "malformed-body")
    assert (await http.get(f"/api/v1/buckets/{name}")).status_code == 404


async def test_an_unknown_field_is_named(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/api/v1/buckets", json={"name": a_bucket_name("bad"), "is_admin": True}
    )

    assert "is_admin" in answer.json()["detail"]


async def test_json_has_a_type_and_a_limit(http: httpx.AsyncClient) -> None:
    as_form = await http.post("/api/v1/buckets", data={"name": "abc"})
    too_large = await http.post("/api/v1/buckets", json={"name": "x" * 1_100_000})

    assert (as_form.status_code, code_of(as_form)) == (415, "unsupported-media-type")
    assert (too_large.status_code, code_of(too_large)) == (413, "body-too-large")


@pytest.mark.parametrize(
    "query",
    [
        "?prefx=a",
        "?limit=0",
        "?limit=1001",
        "?limit=ten",
        "?limit=1&limit=2",
        "?cursor=AAAA",
        "?cursor=';DROP TABLE file;--",
        "?prefix=%ff",
        "?delimiter=123456789",
        "?" + "&".join(f"a{number}=1" for number in range(100)),
    ],
)
async def test_a_query_that_means_nothing_is_refused(
    http: httpx.AsyncClient, files: str, query: str
) -> None:
    answer = await http.get(files + query)

    assert answer.status_code == 400, answer.text
    assert code_of(answer) in ("invalid-input", "invalid-cursor")


async def test_a_cursor_fits_its_own_list_only(
    http: httpx.AsyncClient, bucket: str, files: str
) -> None:
    for path in ("a", "b", "c"):
        await http.put(f"{files}/{path}", content=b"x")
    cursor = (await http.get(files, params={"limit": 1})).json()["next"]

    right = await http.get(files, params={"cursor": cursor})
    elsewhere = await http.get(files, params={"cursor": cursor, "prefix": "b"})
    bent = await http.get(
        files, params={"cursor": cursor[:-1] + ("A" if cursor[-1] != "A" else "B")}
    )

    assert [item["path"] for item in right.json()["items"]] == ["b", "c"]
    assert code_of(elsewhere) == code_of(bent) == "invalid-cursor"


@pytest.mark.parametrize("prefix", ["%", "_", "a%", "\\", "'", '"', ";--"])
async def test_patterns_of_sql_are_plain_letters(
    http: httpx.AsyncClient, files: str, prefix: str
) -> None:
    await http.put(f"{files}/abc", content=b"x")

    answer = await http.get(files, params={"prefix": prefix})

    assert answer.status_code in (200, 400)
    assert answer.json().get("items", []) == []


@pytest.mark.parametrize(
    "name", ["A", "a", "a_b", "-ab", "ab-", "a.b", "a" * 64, "*", ">", "ä" * 3]
)
async def test_a_bucket_name_that_is_none_is_refused(http: httpx.AsyncClient, name: str) -> None:
    created = await http.post("/api/v1/buckets", json={"name": name})
    got = await http.get(f"/api/v1/buckets/{quote(name)}")
    put = await http.put(f"/api/v1/buckets/{quote(name)}/files/a", content=b"x")

    assert created.status_code == 400
    assert got.status_code in (400, 404)
    assert put.status_code in (400, 404)
    for answer in (created, got, put):
        code_of(answer)


async def test_unknown_addresses_and_methods_are_problems_too(
    http: httpx.AsyncClient, files: str
) -> None:
    nowhere = await http.get("/api/v1/nowhere")
    wrong = await http.post(f"{files}/a")

    assert (nowhere.status_code, code_of(nowhere)) == (404, "not-found")
    assert (wrong.status_code, code_of(wrong)) == (405, "method-not-allowed")
    assert "PUT" in wrong.headers["allow"]


async def test_enormous_heads_are_refused_and_slow_ones_closed(
    platform: Platform, files: str
) -> None:
    async with connected(platform) as wire:
        wire.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n")
        status = (await asyncio.wait_for(wire.reader.readline(), 10)).split()[1]
    assert status == b"431"

    async with connected(platform) as wire:
        wire.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        assert await asyncio.wait_for(wire.reader.read(), 20) == b""


async def test_a_request_without_a_host_is_refused(platform: Platform) -> None:
    async with connected(platform) as wire:
        wire.writer.write(b"GET /api/v1/me HTTP/1.1\r\n\r\n")
        answer = await wire.answer()

    assert answer.status == 400


async def test_a_large_body_that_is_refused_early_still_gets_its_answer(
    http: httpx.AsyncClient,
) -> None:
    answer = await http.put(
        f"/api/v1/buckets/{a_bucket_name('no')}/files/a", content=bytes(20_000_000)
    )

    assert (answer.status_code, code_of(answer)) == (404, "bucket-not-found")
