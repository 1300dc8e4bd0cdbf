"""A signed link is good for one call to one file, on its maker's account, until it ends."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from libs.contracts.ids import new_id
from tests.builders import a_bucket_name
from tests.journeys.callers import calling, give, new_key
from tests.journeys.test_bad_input_over_http import code_of
from tests.platform import Platform
from tests.waiting import eventually

Json = dict[str, Any]


@pytest.fixture
async def anybody(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a key."""
    async with httpx.AsyncClient(timeout=30.0) as client:
        yield client


@pytest.fixture
def links(bucket: str) -> str:
    return f"/api/v1/buckets/{bucket}/signed-urls"


async def signed(http: httpx.AsyncClient, links: str, **wish: Any) -> Json:
    answer = await http.post(links, json={"path": "a/report.txt"} | wish)
    assert answer.status_code == 201, answer.text
    link: Json = answer.json()
    return link


def content() -> bytes:
    return f"content {uuid4()}".encode()


async def test_a_link_gives_the_file_to_who_has_no_key(
    http: httpx.AsyncClient, files: str, links: str, anybody: httpx.AsyncClient
) -> None:
    body = content()
    await http.put(f"{files}/a/report.txt", content=body)
    url = (await signed(http, links, method="GET"))["url"]

    whole = await anybody.get(url)
    part = await anybody.get(url, headers={"Range": "bytes=2-5"})
    head = await anybody.head(url)
    saved = await anybody.get(url + "&download=true")

    assert (whole.status_code, whole.content) == (200, body)
    assert (part.status_code, part.content) == (206, body[2:6])
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(body)))
    assert saved.headers["content-disposition"].startswith("attachment")


async def test_a_link_takes_a_file_from_who_has_no_key(
    http: httpx.AsyncClient, files: str, links: str, anybody: httpx.AsyncClient
) -> None:
    body = content()
    link = await signed(http, links, method="PUT", content_type="text/x-log")

    put = await anybody.put(link["url"], content=body, headers=link["headers"])

    stored = await http.get(f"{files}/a/report.txt")
    me = (await http.get("/api/v1/me")).json()
    assert put.status_code == 201, put.text
    assert (stored.content, stored.headers["content-type"]) == (body, "text/x-log")
    assert put.json()["modified_by"] == f"key:{me['key_id']}"


async def test_names_of_any_letters_can_be_signed(
    http: httpx.AsyncClient, files: str, links: str, anybody: httpx.AsyncClient
) -> None:
    body, path = content(), "ü ?#&/%41+b"
    link = await signed(http, links, method="PUT", path=path)

    await anybody.put(link["url"], content=body)

    got = await anybody.get((await signed(http, links, method="GET", path=path))["url"])
    assert got.content == body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_a_link_is_good_for_its_method_only(
    http: httpx.AsyncClient, files: str, links: str, anybody: httpx.AsyncClient, method: str
) -> None:
    body = content()
    await http.put(f"{files}/a/report.txt", content=body)
    url = (await signed(http, links, method="GET"))["url"]

    answer = await anybody.request(method, url, json={"tags": {}})

    assert (answer.status_code, code_of(answer)) == (403, "link-refused")
    assert (await http.get(f"{files}/a/report.txt")).content == body


@pytest.mark.parametrize("forged", ["path", "bucket", "signature", "shorter", "none", "longer"])
async def test_a_link_is_good_for_its_file_only(
    http: httpx.AsyncClient, files: str, links: str, anybody: httpx.AsyncClient, forged: str
) -> None:
    await http.put(f"{files}/a/report.txt", content=content())
    await http.put(f"{files}/a/report.txt2", content=content())
    other = a_bucket_name("other")
    await http.post("/api/v1/buckets", json={"name": other})
    await http.put(f"/api/v1/buckets/{other}/files/a/report.txt", content=content())
    url = (await signed(http, links, method="GET"))["url"]
    bucket = links.split("/")[4]
    changed = {
        "path": url.replace("report.txt?", "report.txt2?"),
        "bucket": url.replace(f"/{bucket}/", f"/{other}/"),
        "signature": url[:-1] + ("A" if url[-1] != "A" else "B"),
        "shorter": url[:-20],
        "none": url.partition("=")[0] + "=",
        "longer": url + "A" * 10_000,
    }[forged]

    answer = await anybody.get(changed)

    assert (answer.status_code, code_of(answer)) == (403, "link-refused")


async def test_a_forged_link_tells_nothing_of_what_exists(
    http: httpx.AsyncClient, files: str, anybody: httpx.AsyncClient, platform: Platform
) -> None:
    await http.put(f"{files}/a", content=content())
    nowhere = f"/api/v1/buckets/{a_bucket_name('no')}/files/a"

    answers = [
        await anybody.get(f"{platform.url}{place}?signature=AAAA")
        for place in (f"{files}/a", nowhere)
    ]

    told = [answer.json() | {"instance": ""} for answer in answers]
    assert told[0] == told[1]
    assert told[0]["status"] == 403


@pytest.mark.parametrize("beside", ["version=1", "ref=main", "prefix=a"])
async def test_a_link_is_good_for_the_file_as_it_is(
    http: httpx.AsyncClient, files: str, links: str, anybody: httpx.AsyncClient, beside: str
) -> None:
    await http.put(f"{files}/a/report.txt", content=content())
    url = (await signed(http, links, method="GET"))["url"]

    answer = await anybody.get(f"{url}&{beside}")

    assert (answer.status_code, code_of(answer)) == (403, "link-refused")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("terms", "size"),
    [
        ({"max_length": 10}, 11),
        ({"max_length": 10}, 3_000_000),
        ({"content_length": 10}, 9),
        ({"content_length": 10}, 11),
        ({"content_length": 200_000}, 199_999),
    ],
)
async def test_a_longer_or_shorter_body_than_signed_leaves_nothing(
    http: httpx.AsyncClient,
    files: str,
    links: str,
    anybody: httpx.AsyncClient,
    chunked: bool,
    terms: Json,
    size: int,
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, size, 70_000):
            yield bytes(min(70_000, size - at))

    url = (await signed(http, links, method="PUT", **terms))["url"]

    answer = await anybody.put(url, content=pieces() if chunked else bytes(size))

    assert (answer.status_code, code_of(answer)) == (403, "link-refused")
    assert (await http.get(f"{files}/a/report.txt")).status_code == 404


async def test_a_body_of_the_signed_length_and_type_is_taken(
    http: httpx.AsyncClient, links: str, anybody: httpx.AsyncClient
) -> None:
    body = content()
    exact = await signed(
        http, links, method="PUT", content_length=len(body), content_type="text/plain"
    )
    most = await signed(http, links, method="PUT", max_length=len(body))

    wrong = await anybody.put(exact["url"], content=body, headers={"Content-Type": "text/html"})
    none = await anybody.put(exact["url"], content=body)
    right = await anybody.put(exact["url"], content=body, headers=exact["headers"])
    again = await anybody.put(most["url"], content=body)

    assert [answer.status_code for answer in (wrong, none, right, again)] == [403, 403, 201, 200]


async def test_a_link_ends_when_it_is_taken_back(
    http: httpx.AsyncClient, files: str, links: str, anybody: httpx.AsyncClient
) -> None:
    await http.put(f"{files}/a/report.txt", content=content())
    kept, link = [await signed(http, links, method="GET") for _ in range(2)]
    assert (await anybody.get(link["url"])).status_code == 200

    gone = await http.delete(f"{links}/{link['id']}")

    again = await http.delete(f"{links}/{link['id']}")
    listed = (await http.get(links)).json()["items"]
    assert (gone.status_code, again.status_code) == (204, 404)
    assert (await anybody.get(link["url"])).status_code == 403
    assert (await anybody.get(kept["url"])).status_code == 200
    assert [item["id"] for item in listed] == [kept["id"]]
    assert "signature" not in str(listed)


async def test_a_link_ends_with_the_key_that_made_it(
    http: httpx.AsyncClient, files: str, links: str, anybody: httpx.AsyncClient
) -> None:
    await http.put(f"{files}/a/report.txt", content=content())
    made = await new_key(http, "read")
    await give(http, links.split("/")[4], f"key:{made['key_id']}", "reader")
    async with calling(http, made["key"]) as maker:
        link = await signed(maker, links, method="GET")
    assert (await anybody.get(link["url"])).status_code == 200

    await http.delete(f"/api/v1/api-keys/{made['key_id']}")

    answer = await anybody.get(link["url"])
    assert (answer.status_code, code_of(answer)) == (403, "link-refused")


async def test_a_link_ends_with_its_file_and_with_its_bucket(
    http: httpx.AsyncClient, files: str, links: str, anybody: httpx.AsyncClient
) -> None:
    await http.put(f"{files}/a/report.txt", content=content())
    link, unused = [await signed(http, links, method="GET") for _ in range(2)]
    bucket = links.split("/")[4]

    await http.delete(f"{files}/a/report.txt")
    no_file = await anybody.get(link["url"])
    await http.delete(f"/api/v1/buckets/{bucket}")
    no_bucket = await anybody.get(link["url"])
    await http.post("/api/v1/buckets", json={"name": bucket})
    await http.put(f"{files}/a/report.txt", content=content())
    another = await signed(http, links, method="GET")

    async def both_ended() -> bool:
        answers = [await anybody.get(old["url"]) for old in (link, unused)]
        return {answer.status_code for answer in answers} == {403}

    assert (no_file.status_code, no_bucket.status_code) == (404, 404)
    assert (await anybody.get(another["url"])).status_code == 200
    await eventually(both_ended)


async def test_a_link_ends_by_itself(
    http: httpx.AsyncClient, files: str, links: str, anybody: httpx.AsyncClient
) -> None:
    await http.put(f"{files}/a/report.txt", content=content())
    link = await signed(http, links, method="GET", expires_s=1)

    async def ended() -> bool:
        return (await anybody.get(link["url"])).status_code == 403

    await eventually(ended)


async def test_a_key_signs_only_what_it_may_do_itself(http: httpx.AsyncClient, links: str) -> None:
    for scope, refused in (("read", "PUT"), ("write", "GET")):
        made = await new_key(http, scope)
        await give(http, links.split("/")[4], f"key:{made['key_id']}", "owner")

        async with calling(http, made["key"]) as maker:
            answer = await maker.post(links, json={"method": refused, "path": "a"})

        assert (answer.status_code, code_of(answer)) == (403, "forbidden")


async def test_nobody_sees_or_ends_the_links_of_others(http: httpx.AsyncClient, links: str) -> None:
    made = await new_key(http, "read", "write")
    await give(http, links.split("/")[4], f"key:{made['key_id']}", "owner")
    link = await signed(http, links, method="GET")

    async with calling(http, made["key"]) as other:
        listed = await other.get(links)
        ended = await other.delete(f"{links}/{link['id']}")
        unknown = await other.delete(f"{links}/{new_id()}")

    assert listed.json()["items"] == []
    assert (ended.status_code, unknown.status_code) == (404, 404)
    assert ended.json() | {"instance": ""} == unknown.json() | {"instance": ""}


@pytest.mark.parametrize(
    "wish",
    [
        {"method": "DELETE", "path": "a"},
        {"method": "GET", "path": ""},
        {"method": "GET", "path": "a\x00b"},
        {"method": "PUT", "path": "a\r\nX: y", "direct": True},
        {"method": "GET", "path": "a", "expires_s": 0},
        {"method": "GET", "path": "a", "expires_s": 604_801},
        {"method": "GET", "path": "a", "content_type": "text/plain"},
        {"method": "PUT", "path": "a", "content_type": "nonsense"},
        {"method": "PUT", "path": "a", "content_length": 1, "max_length": 2},
        {"method": "PUT", "path": "a", "max_length": -1},
        {"method": "PUT", "path": "a", "for_ever": True},
    ],
)
async def test_terms_that_mean_nothing_are_refused(
    http: httpx.AsyncClient, links: str, wish: Json
) -> None:
    answer = await http.post(links, json=wish)

    assert (answer.status_code, code_of(answer)) == (400, "invalid-input")


async def test_a_link_and_a_key_are_not_mixed(
    http: httpx.AsyncClient, files: str, links: str
) -> None:
    await http.put(f"{files}/a/report.txt", content=content())
    url = (await signed(http, links, method="GET"))["url"]

    answer = await http.get(url)
    twice = await http.get(f"{url}&signature={parse_qs(urlsplit(url).query)['signature'][0]}")

    assert (answer.status_code, code_of(answer)) == (400, "invalid-input")
    assert (twice.status_code, code_of(twice)) == (400, "invalid-input")
