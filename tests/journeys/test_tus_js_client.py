"""tus as its most used client speaks it, through kills of the client and of gateways."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.ports import HOST
from tests.faults.processes import started
from tests.journeys.tus_js import TusJs, a_file, free_port, installed
from tests.platform import Platform

MIB = 1024 * 1024
CHUNK = 5 * MIB


@pytest.fixture(scope="session")
def tus_js(tmp_path_factory: pytest.TempPathFactory) -> TusJs:
    return installed(tmp_path_factory.mktemp("tus-js"))


@pytest.fixture
def wanted(platform: Platform, bucket: str) -> dict[str, Any]:
    """What every upload here says; its file goes to ``sent/file.bin``."""
    return {
        "endpoint": f"{platform.url}/api/v1/uploads",
        "key": platform.admin_key,
        "options": {
            "chunkSize": CHUNK,
            "metadata": {
                "bucket": bucket,
                "path": "sent/file.bin",
                "filetype": "application/x-test",
                "meta-camera": "Ö1",
            },
        },
    }


async def test_64_mib_come_in_chunks_and_are_the_file_when_the_client_is_done(
    http: httpx.AsyncClient, files: str, tus_js: TusJs, wanted: dict[str, Any], tmp_path: Path
) -> None:
    path, body = a_file(tmp_path, 64 * MIB)

    async with tus_js.uploading(file=str(path), **wanted) as client:
        done = await client.until("done")
    got = await http.get(f"{files}/sent/file.bin")

    assert len(client.told("chunk")) == 13
    assert done["headers"]["strongroom-file"] == f"{files}/sent/file.bin"
    assert done["headers"]["etag"] == got.headers["etag"] == f'"{hashlib.sha256(body).hexdigest()}"'
    assert got.content == body
    assert got.headers["content-type"] == "application/x-test"
    assert got.headers["strongroom-meta-camera"] == "%C3%961"


async def test_another_process_goes_on_where_a_killed_client_was(
    http: httpx.AsyncClient, files: str, tus_js: TusJs, wanted: dict[str, Any], tmp_path: Path
) -> None:
    path, body = a_file(tmp_path, 48 * MIB)
    told = wanted | {"file": str(path), "storage": str(tmp_path / "uploads.json")}

    async with tus_js.uploading(**told) as client:
        await client.until("chunk", accepted=15 * MIB)
        await client.kill()
    missing = await http.get(f"{files}/sent/file.bin")
    async with tus_js.uploading(**told) as client:
        await client.until("done")

    assert missing.status_code == 404
    assert len(client.told("resuming")) == 1
    assert sum(chunk["size"] for chunk in client.told("chunk")) <= 48 * MIB - 15 * MIB
    assert (await http.get(f"{files}/sent/file.bin")).content == body


async def test_what_came_of_a_request_before_its_client_was_killed_is_kept(
    http: httpx.AsyncClient, files: str, tus_js: TusJs, wanted: dict[str, Any], tmp_path: Path
) -> None:
    path, body = a_file(tmp_path, 96 * MIB)
    told = wanted | {"file": str(path), "storage": str(tmp_path / "uploads.json")}
    told["options"] = wanted["options"] | {"chunkSize": 96 * MIB}

    async with tus_js.uploading(**told) as client:
        await client.until("progress", sent=32 * MIB)
        await client.kill()
    async with tus_js.uploading(**told) as client:
        await client.until("done")

    (rest,) = client.told("chunk")
    assert 0 < rest["size"] < 96 * MIB
    assert (await http.get(f"{files}/sent/file.bin")).content == body


async def test_the_client_goes_on_by_itself_when_the_gateway_is_killed(
    platform: Platform,
    http: httpx.AsyncClient,
    files: str,
    tus_js: TusJs,
    wanted: dict[str, Any],
    tmp_path: Path,
) -> None:
    path, body = a_file(tmp_path, 64 * MIB)

    async with tus_js.uploading(file=str(path), **wanted) as client:
        await client.until("chunk", accepted=20 * MIB)
        await asyncio.to_thread(platform.stack.kill, "gateway")
        await client.until("done")
    await asyncio.to_thread(platform.stack.wait_ready, "gateway")

    assert (await http.get(f"{files}/sent/file.bin")).content == body
    assert (await http.get(f"{files}/sent/file.bin")).headers["strongroom-version"] == "1"


async def test_another_gateway_goes_on_with_what_a_killed_one_took(
    platform: Platform,
    http: httpx.AsyncClient,
    files: str,
    tus_js: TusJs,
    wanted: dict[str, Any],
    tmp_path: Path,
) -> None:
    path, body = a_file(tmp_path, 32 * MIB)
    port = free_port()

    settings = {"STRONGROOM_GATEWAY_PORT": str(port)}
    async with started(platform, "gateway", settings) as (gateway, _):
        elsewhere = wanted | {"endpoint": f"http://{HOST}:{port}/api/v1/uploads"}
        async with tus_js.uploading(file=str(path), **elsewhere) as client:
            await client.until("chunk", accepted=10 * MIB)
            gateway.kill()
            url: str = client.told("url")[0]["url"]
    here = wanted["options"] | {"uploadUrl": url.replace(f"http://{HOST}:{port}", platform.url)}
    async with tus_js.uploading(file=str(path), **(wanted | {"options": here})) as client:
        await client.until("done")

    assert sum(chunk["size"] for chunk in client.told("chunk")) <= 32 * MIB - 10 * MIB
    assert (await http.get(f"{files}/sent/file.bin")).content == body


@pytest.mark.parametrize("told_where", [True, False], ids=["with-bucket", "without"])
async def test_uploads_side_by_side_become_one_file(
    http: httpx.AsyncClient,
    bucket: str,
    files: str,
    tus_js: TusJs,
    wanted: dict[str, Any],
    tmp_path: Path,
    told_where: bool,
) -> None:
    path, body = a_file(tmp_path, 30 * MIB + 7)
    options = wanted["options"] | {
        "parallelUploads": 3,
        "metadataForPartialUploads": {"bucket": bucket} if told_where else {},
    }

    told = wanted | {"options": options}
    async with tus_js.uploading(file=str(path), **told) as client:
        done = await client.until("done")

    assert done["headers"]["strongroom-version"] == "1"
    assert (await http.get(f"{files}/sent/file.bin")).content == body


async def test_a_terminated_upload_is_gone(
    http: httpx.AsyncClient, files: str, tus_js: TusJs, wanted: dict[str, Any], tmp_path: Path
) -> None:
    path, _ = a_file(tmp_path, 20 * MIB)

    told = wanted | {"terminateAfter": 10 * MIB}
    async with tus_js.uploading(file=str(path), **told) as client:
        url = (await client.until("terminated"))["url"]
    looked = await http.head(url, headers={"Tus-Resumable": "1.0.0"})

    assert looked.status_code == 404
    assert (await http.get(f"{files}/sent/file.bin")).status_code == 404


async def test_the_first_bytes_may_come_with_the_creation(
    http: httpx.AsyncClient, files: str, tus_js: TusJs, wanted: dict[str, Any], tmp_path: Path
) -> None:
    path, body = a_file(tmp_path, 12 * MIB)
    options = wanted["options"] | {"uploadDataDuringCreation": True}

    async with tus_js.uploading(file=str(path), **(wanted | {"options": options})) as client:
        await client.until("done")

    assert [answer["method"] for answer in client.told("answer")] == ["POST", "PATCH", "PATCH"]
    assert (await http.get(f"{files}/sent/file.bin")).content == body


async def test_a_pipe_tells_its_length_at_its_end(
    http: httpx.AsyncClient, files: str, tus_js: TusJs, wanted: dict[str, Any], tmp_path: Path
) -> None:
    path, body = a_file(tmp_path, 11 * MIB)
    told = wanted | {"file": str(path), "asPipe": True}
    told["options"] = wanted["options"] | {"uploadLengthDeferred": True}

    async with tus_js.uploading(**told) as client:
        await client.until("done")

    assert (await http.get(f"{files}/sent/file.bin")).content == body


async def test_a_client_that_can_only_post_says_what_it_means_in_a_header(
    http: httpx.AsyncClient, files: str, tus_js: TusJs, wanted: dict[str, Any], tmp_path: Path
) -> None:
    path, body = a_file(tmp_path, 6 * MIB)
    options = wanted["options"] | {"overridePatchMethod": True}

    async with tus_js.uploading(file=str(path), **(wanted | {"options": options})) as client:
        await client.until("done")

    assert {answer["method"] for answer in client.told("answer")} == {"POST"}
    assert (await http.get(f"{files}/sent/file.bin")).content == body
