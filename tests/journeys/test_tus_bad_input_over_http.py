"""What tus refuses by name, and whom it lets read its answers."""

import httpx
import pytest

from deploy.local.ports import HOST
from tests.faults.processes import started
from tests.journeys.tus_js import free_port
from tests.journeys.tus_wire import ALL, VERSION, Tus, told
from tests.platform import Platform


@pytest.fixture
def tus(http: httpx.AsyncClient, bucket: str) -> Tus:
    return Tus(http, bucket)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Tus-Resumable": "0.2.2", "Upload-Length": "1"}, 412, "tus-version-not-supported"),
        ({}, 400, "malformed-header"),
        ({"Upload-Length": "-1"}, 400, "malformed-header"),
        ({"Upload-Length": "9" * 19}, 400, "malformed-header"),
        ({"Upload-Length": "1", "Upload-Defer-Length": "1"}, 400, "malformed-header"),
        ({"Upload-Defer-Length": "2"}, 400, "malformed-header"),
        ({"Upload-Length": str(2**60)}, 413, "body-too-large"),
        ({"Upload-Length": "1", "Upload-Metadata": "bucket !"}, 400, "malformed-header"),
        ({"Upload-Length": "1", "Upload-Metadata": told(path="a")}, 400, "malformed-header"),
        ({"Upload-Length": "1", "Upload-Concat": "whole"}, 400, "malformed-header"),
        ({"Upload-Concat": "final;"}, 400, "malformed-header"),
        ({"Upload-Concat": "final;https://elsewhere/1"}, 400, "malformed-header"),
    ],
    ids=[
        "old-version",
        "no-length",
        "negative-length",
        "length-of-no-file",
        "two-lengths",
        "deferred-otherwise",
        "too-large",
        "no-base64",
        "no-bucket",
        "unknown-concat",
        "final-of-nothing",
        "final-of-something-else",
    ],
)
async def test_a_bad_beginning_is_refused_by_name(
    tus: Tus, headers: dict[str, str], status: int, code: str
) -> None:
    where = told(bucket=tus.bucket, path="a/file")
    sent = VERSION | {"Upload-Metadata": where} | headers

    answer = await tus.http.post(ALL, headers=sent)

    assert (answer.status_code, Tus.code(answer)) == (status, code)
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert (answer.headers.get("tus-version") == "1.0.0") is (status == 412)


@pytest.mark.parametrize(
    "path", ["../a", "a//b", "a\x00b", "a\\b"], ids=["up", "empty", "nul", "back"]
)
async def test_a_path_that_no_file_may_have_is_refused_before_any_byte(tus: Tus, path: str) -> None:
    answer = await tus.post({"Upload-Length": "1"}, path=path)

    assert (answer.status_code, Tus.code(answer)) == (400, "invalid-path")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Offset": "x"}, 400),
        ({"Upload-Offset": ""}, 400),
        ({"Content-Type": "text/plain"}, 415),
        ({"Upload-Checksum": "crc32 AAAA"}, 400),
        ({"Upload-Checksum": "sha1 AAAA"}, 400),
        ({"Tus-Resumable": ""}, 412),
    ],
    ids=["offset", "no-offset", "type", "algorithm", "digest", "version"],
)
async def test_a_bad_patch_is_refused_by_name(
    tus: Tus, headers: dict[str, str], status: int
) -> None:
    url = await tus.begin(5)

    answer = await tus.patch(url, 0, b"12345", headers)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await tus.head(url)).headers["upload-offset"] == "0"


async def test_a_page_of_another_origin_may_not_read_unless_it_is_allowed(tus: Tus) -> None:
    answer = await tus.http.options(ALL, headers={"Origin": "https://elsewhere.example"})

    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_a_page_of_an_allowed_origin_may_do_all_that_tus_needs(
    platform: Platform, tus: Tus
) -> None:
    here, port = "https://app.example", free_port()
    settings = {
        "STRONGROOM_GATEWAY_PORT": str(port),
        "STRONGROOM_GATEWAY_UPLOAD_ORIGINS": f"{here},https://other.example",
    }
    url = await tus.begin(5)

    async with started(platform, "gateway", settings), httpx.AsyncClient() as page:
        address = f"http://{HOST}:{port}{url}"
        asked = {"Origin": here, "Access-Control-Request-Method": "PATCH"}
        preflight = await page.options(address, headers=asked)
        refused = await page.patch(address, headers={"Origin": here})
        foreign = await page.options(address, headers=asked | {"Origin": "https://elsewhere"})

    assert preflight.status_code == 204
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert "Upload-Offset" in preflight.headers["access-control-allow-headers"]
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == here
    assert "Upload-Offset" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in foreign.headers
