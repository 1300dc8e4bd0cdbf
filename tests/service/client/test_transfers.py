"""Bytes arrive whole and proven, or the transfer fails and leaves nothing in the way."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.client import ApiProblem, ChangedMeanwhile, DigestMismatch
from libs.client.digests import repr_digest, sha256_of
from tests.service.client.scripted import (
    Asked,
    Said,
    content_headers,
    file_info,
    json,
    one_after_another,
    problem,
    scripted,
)

OLD, NEW = os.urandom(5 << 20), os.urandom(5 << 20)


def names_in(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def whole(content: bytes, cut_after: int | None = None) -> Said:
    return Said(200, content, content_headers(content), cut_after)


def rest(content: bytes, asked: Asked, cut_after: int | None = None) -> Said:
    start = int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))
    span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
    return Said(206, content[start:], content_headers(content) | span, cut_after)


def stored(asked: Asked) -> Said:
    return json(file_info("p", asked.body), 201)


async def test_a_file_is_announced_with_its_digest_and_counted(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(OLD[:100_000])
    moved: list[int] = []

    async with scripted(stored) as (client, heard):
        file = await client.files.put("reports", "p", tmp_path / "small", on_bytes=moved.append)

    assert heard[0].headers["repr-digest"] == repr_digest(file.sha256)
    assert heard[0].headers["content-length"] == "100000"
    assert sum(moved) == 100_000


async def test_a_large_file_is_streamed_and_its_digest_compared_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(OLD)

    async with scripted(stored) as (client, heard):
        file = await client.files.put("reports", "p", tmp_path / "large")

    assert "repr-digest" not in heard[0].headers
    assert file.sha256 == sha256_of(tmp_path / "large")


async def test_an_interrupted_upload_begins_anew_and_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(OLD)
    answers = iter((None, problem("busy", 503)))
    moved: list[int] = []

    async with scripted(lambda asked: next(answers, stored(asked))) as (client, heard):
        await client.files.put("reports", "p", tmp_path / "large", on_bytes=moved.append)

    assert len(heard) == 3
    assert sum(moved) == len(OLD)


async def test_a_platform_that_stored_something_else_is_found_out() -> None:
    async with scripted(one_after_another(json(file_info("p", b"else"), 201))) as (client, _):
        with pytest.raises(DigestMismatch):
            await client.files.put("reports", "p", b"content")


async def test_a_file_that_shrinks_while_it_is_sent_is_not_stored(tmp_path: Path) -> None:
    path = tmp_path / "shrinking"
    path.write_bytes(OLD)

    def shrink(count: int) -> None:
        os.truncate(path, 2 << 20)

    async with scripted(stored) as (client, _):
        with pytest.raises(ChangedMeanwhile, match="shrinking"):
            await client.files.put("reports", "p", path, on_bytes=shrink)


async def test_a_stream_passes_only_once() -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"piece"

    async with scripted(stored) as (client, heard):
        await client.files.put("reports", "p", stream())
    async with scripted(one_after_another(problem("busy", 503))) as (client, again):
        with pytest.raises(ApiProblem, match="busy"):
            await client.files.put("reports", "p", stream())

    assert heard[0].body == b"piece" * 3
    assert len(again) == 1


async def test_labels_and_type_travel_in_headers() -> None:
    async with scripted(stored) as (client, heard):
        await client.files.put(
            "reports", "ü ?#%/x.pdf", b"", metadata={"Owner": "ann"}, tags={"a": "1 2", "b": "x"}
        )

    assert heard[0].path == "/api/v1/buckets/reports/files/%C3%BC%20%3F%23%25/x.pdf"
    assert heard[0].headers["content-type"] == "application/pdf"
    assert heard[0].headers["strongroom-meta-owner"] == "ann"
    assert heard[0].headers["strongroom-tags"] == "a=1+2&b=x"


async def test_a_cut_download_is_continued_where_it_broke(tmp_path: Path) -> None:
    moved: list[int] = []

    def script(asked: Asked) -> Said:
        cut = 3 << 20
        return rest(OLD, asked) if "range" in asked.headers else whole(OLD, cut_after=cut)

    async with scripted(script) as (client, heard):
        await client.files.download("reports", "p", tmp_path / "to", on_bytes=moved.append)

    assert (tmp_path / "to").read_bytes() == OLD
    assert sum(moved) == len(OLD)
    assert len(heard) == 2
    assert heard[1].headers["if-range"] == content_headers(OLD)["ETag"]


async def test_a_file_overwritten_during_a_cut_download_is_fetched_anew(tmp_path: Path) -> None:
    moved: list[int] = []
    answers = one_after_another(whole(OLD, cut_after=3 << 20), whole(NEW))

    async with scripted(answers) as (client, _):
        await client.files.download("reports", "p", tmp_path / "to", on_bytes=moved.append)

    assert (tmp_path / "to").read_bytes() == NEW
    assert sum(moved) == len(NEW)


async def test_who_reads_a_stream_is_told_when_it_cannot_be_continued() -> None:
    answers = one_after_another(whole(OLD, cut_after=3 << 20), whole(NEW))

    async with scripted(answers) as (client, _):
        with pytest.raises(ChangedMeanwhile):
            await client.files.get("reports", "p")


async def test_wrong_bytes_never_appear_under_the_name(tmp_path: Path) -> None:
    (tmp_path / "to").write_bytes(b"before")
    lie = Said(200, NEW, content_headers(OLD))

    async with scripted(one_after_another(lie)) as (client, _):
        with pytest.raises(DigestMismatch):
            await client.files.download("reports", "p", tmp_path / "to")

    assert (tmp_path / "to").read_bytes() == b"before"
    assert names_in(tmp_path) == ["to"]


async def test_what_an_interrupted_program_left_is_continued_by_the_next(tmp_path: Path) -> None:
    cuts = one_after_another(whole(OLD, cut_after=3 << 20), problem("file-damaged", 502))

    async with scripted(cuts) as (client, _):
        with pytest.raises(ApiProblem):
            await client.files.download("reports", "p", tmp_path / "to")
    left = names_in(tmp_path)
    async with scripted(lambda asked: rest(OLD, asked)) as (client, heard):
        await client.files.download("reports", "p", tmp_path / "to")

    assert len(left) == 1
    assert left[0].endswith(".part")
    assert int(heard[0].headers["range"].removeprefix("bytes=").rstrip("-")) > 0
    assert names_in(tmp_path) == ["to"]
    assert (tmp_path / "to").read_bytes() == OLD


async def test_what_was_left_of_other_content_is_thrown_away(tmp_path: Path) -> None:
    cuts = one_after_another(whole(OLD, cut_after=3 << 20), problem("file-damaged", 502))

    async with scripted(cuts) as (client, _):
        with pytest.raises(ApiProblem):
            await client.files.download("reports", "p", tmp_path / "to")
    async with scripted(one_after_another(whole(NEW))) as (client, _):
        await client.files.download("reports", "p", tmp_path / "to")

    assert names_in(tmp_path) == ["to"]
    assert (tmp_path / "to").read_bytes() == NEW


async def test_an_empty_file_is_downloaded_too(tmp_path: Path) -> None:
    async with scripted(one_after_another(whole(b""))) as (client, _):
        await client.files.download("reports", "p", tmp_path / "deep" / "to")

    assert (tmp_path / "deep" / "to").read_bytes() == b""
