"""`strongroom share`, `links` and `get --zip` against the real platform."""

import hashlib
import os
import zipfile
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from libs.client import ApiProblem, Client, Unreachable
from libs.client.cli.sharing import seconds_of
from libs.client.failures import Usage
from tests.service.client.command import Command
from tests.service.client.scripted import Said, one_after_another, problem, scripted
from tests.service.client.test_transfers import names_in


async def test_a_shared_link_works_until_it_is_taken_back(
    client: Client, bucket: str, strongroom: Command
) -> None:
    body = uuid4().bytes
    await client.files.put(bucket, "a/b.txt", body)

    shared = await strongroom.ok("share", f"{bucket}/a/b.txt", "--expires", "15m")

    url = shared.out.strip()
    listed = (await strongroom.ok("links", "ls", bucket, "--json")).json()
    table = (await strongroom.ok("links", "ls", bucket)).out
    async with httpx.AsyncClient() as anybody:
        assert (await anybody.get(url)).content == body
        await strongroom.ok("links", "rm", bucket, listed[0]["id"])
        assert (await anybody.get(url)).status_code == 403
    assert (listed[0]["path"], listed[0]["method"]) == ("a/b.txt", "GET")
    assert listed[0]["id"] in table


async def test_a_link_to_upload_takes_a_file(
    client: Client, bucket: str, strongroom: Command
) -> None:
    body = uuid4().bytes

    shared = await strongroom.ok("share", f"{bucket}/in.bin", "--put", "--max-bytes", "16")

    async with httpx.AsyncClient() as anybody:
        too_long = await anybody.put(shared.out.strip(), content=body + b"x")
        put = await anybody.put(shared.out.strip(), content=body)
    assert (too_long.status_code, put.status_code) == (403, 201)
    assert await client.files.get(bucket, "in.bin") == body


async def test_a_direct_link_takes_a_file_past_the_gateway(client: Client, bucket: str) -> None:
    body = os.urandom(300_000)
    link = await client.links.create(bucket, "a", method="PUT", direct=True)

    async with httpx.AsyncClient(trust_env=False) as anybody:
        await anybody.put(link.url, content=body)
    file = await client.links.complete(bucket, link, sha256=hashlib.sha256(body).hexdigest())

    assert file.size == len(body)
    assert await client.files.get(bucket, "a") == body


@pytest.mark.parametrize(
    "words", [["x/"], ["x/a", "--expires", "soon"], ["x/a", "--max-bytes", "1"]]
)
async def test_a_link_that_makes_no_sense_is_misuse(strongroom: Command, words: list[str]) -> None:
    assert (await strongroom("share", *words)).code == 2


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604_800)]
)
def test_times_are_written_short(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1w", "-1h", "1.5h", "1 h"])
def test_other_times_are_misuse(text: str) -> None:
    with pytest.raises(Usage):
        seconds_of(text)


async def test_a_prefix_is_fetched_as_one_archive(
    client: Client, bucket: str, strongroom: Command, tmp_path: Path
) -> None:
    bodies = {"site/index.html": uuid4().bytes, "site/css/a.css": uuid4().bytes}
    for path, body in bodies.items():
        await client.files.put(bucket, path, body)
    await client.files.put(bucket, "other", uuid4().bytes)

    await strongroom.ok("get", f"{bucket}/site/", "site.zip", "--zip")
    await strongroom.ok("get", bucket, "--zip")

    with zipfile.ZipFile(tmp_path / "site.zip") as archive:
        assert {f"site/{name}": archive.read(name) for name in archive.namelist()} == bodies
    with zipfile.ZipFile(tmp_path / f"{bucket}.zip") as archive:
        assert sorted(archive.namelist()) == ["other", "site/css/a.css", "site/index.html"]


async def test_an_archive_that_breaks_off_never_appears(tmp_path: Path) -> None:
    async with scripted(one_after_another(Said(200, bytes(9000), cut_after=5000))) as (client, _):
        with pytest.raises(Unreachable):
            await client.archives.download("reports", "", tmp_path / "a.zip")
    async with scripted(one_after_another(problem("not-found", 404))) as (client, _):
        with pytest.raises(ApiProblem):
            await client.archives.download("reports", "", tmp_path / "a.zip")

    assert names_in(tmp_path) == []
