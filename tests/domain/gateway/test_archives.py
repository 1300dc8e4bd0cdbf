"""How files are named in an archive, and that a zip is one whatever its size."""

import asyncio
import io
import re
import struct
import zipfile
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.storage import BlobPlace
from services.gateway.domain.archives import FAST, STORED, Member, disposition, name_of_member
from services.gateway.transfer.archives import Event, zipped

AT = datetime(2026, 11, 22, 1, 2, 4, tzinfo=UTC)


def a_member(name: str, size: int, content_type: str = "text/plain") -> Member:
    blob = BlobPlace(blob_id=uuid4(), key="blobs/x", size=size, sha256="0" * 64)
    return Member(name=name, blob=blob, content_type=content_type, modified_at=AT)


async def archive_of(*files: tuple[Member, bytes]) -> bytes:
    async def events() -> AsyncGenerator[Event, None]:
        for member, body in files:
            yield member
            for at in range(0, len(body), 70_000):
                yield body[at : at + 70_000]
            yield None

    return b"".join([chunk async for chunk in zipped(events())])


@pytest.mark.parametrize(
    ("path", "prefix", "name"),
    [
        ("a/b/c.txt", "", "a/b/c.txt"),
        ("a/b/c.txt", "a/", "b/c.txt"),
        ("a/b/c.txt", "a/b/", "c.txt"),
        ("a/b/c.txt", "a/b", "b/c.txt"),
        ("a/b/c.txt", "a/b/c", "c.txt"),
        ("a/b/c.txt", "a/b/c.txt", "c.txt"),
        ("../../etc/passwd", "", "etc/passwd"),
        ("/etc/passwd", "", "etc/passwd"),
        ("a/../../b", "", "a/b"),
        ("..\\..\\b", "", ".._.._b"),
        ("C:/windows", "", "C_/windows"),
        ("a/C:b", "a/", "C_b"),
        ("..", "", "_"),
    ],
)
def test_names_are_relative_to_the_prefixs_folder(path: str, prefix: str, name: str) -> None:
    assert name_of_member(path, prefix) == name


@given(path=st.text(min_size=1, max_size=60), prefix=st.text(max_size=10))
def test_no_name_leads_out_of_where_it_is_unpacked(path: str, prefix: str) -> None:
    name = name_of_member(path, prefix)

    assert name
    assert not name.startswith("/")
    assert "\\" not in name
    assert not set(name.split("/")) & {"", ".", ".."}
    assert not re.match("[A-Za-z]:", name)


@pytest.mark.parametrize(
    ("content_type", "size", "level"),
    [
        ("text/plain", 1000, FAST),
        ("text/plain", 10, STORED),
        ("image/png", 1000, STORED),
        ("IMAGE/PNG", 1000, STORED),
        ("image/svg+xml", 1000, FAST),
        ("image/bmp", 1000, FAST),
        ("video/mp4", 1000, STORED),
        ("application/zip", 1000, STORED),
        ("application/json", 1000, FAST),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", 9999, STORED),
    ],
)
def test_what_is_compressed_already_is_stored(content_type: str, size: int, level: int) -> None:
    assert a_member("a", size, content_type).level == level


@pytest.mark.parametrize(
    ("bucket", "prefix", "told"),
    [
        ("reports", "", 'attachment; filename="reports.zip"'),
        ("reports", "a/2026/", 'attachment; filename="2026.zip"'),
        ("reports", "a/20", 'attachment; filename="20.zip"'),
        ("reports", 'a"\r\nX: y/', "attachment; filename=\"a___X__y.zip\"; filename*=UTF-8''"),
        ("reports", "ü/", "attachment; filename=\"_.zip\"; filename*=UTF-8''%C3%BC.zip"),
    ],
    ids=["bucket", "folder", "part-of-a-name", "header-injection", "umlaut"],
)
def test_an_archive_is_named_after_its_folder(bucket: str, prefix: str, told: str) -> None:
    assert disposition(bucket, prefix).startswith(told)
    assert "\r" not in disposition(bucket, prefix)


async def test_what_goes_in_comes_out() -> None:
    files = {"a": b"", "b/ü": b"text " * 50_000, "c": bytes(range(256)) * 4000}

    made = await archive_of(*((a_member(name, len(body)), body) for name, body in files.items()))

    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
        assert archive.getinfo("a").date_time == (2026, 11, 22, 1, 2, 4)
        assert archive.getinfo("b/ü").compress_size < len(files["b/ü"]) / 5


async def test_a_file_over_4_gib_gets_the_larger_records() -> None:
    # The record before the bytes is decided by the announced size; the bytes need not follow.
    async def events() -> AsyncGenerator[Event, None]:
        yield a_member("large", 5 * 1024**3, "video/mp4")
        yield b"begin"
        yield None

    made = b"".join([chunk async for chunk in zipped(events())])

    version, _, _, _, _, compressed, size = struct.unpack("<HHH4sIII", made[4:26])
    assert (version, compressed, size) == (45, 0xFFFFFFFF, 0xFFFFFFFF)
    assert made[-22:-18] == b"PK\x05\x06"
    assert b"PK\x06\x06" in made[-120:]
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.read("large") == b"begin"


async def test_a_failure_comes_out_before_the_archives_end() -> None:
    async def events() -> AsyncGenerator[Event, None]:
        yield a_member("a", 100_000)
        yield bytes(100_000)
        raise ZeroDivisionError

    got = bytearray()

    async def read() -> None:
        async for chunk in zipped(events()):
            got.extend(chunk)

    with pytest.raises(ZeroDivisionError):
        await read()
    assert b"PK\x05\x06" not in got


async def test_who_stops_early_leaves_nothing_running() -> None:
    ended = asyncio.Event()

    async def events() -> AsyncGenerator[Event, None]:
        try:
            yield a_member("a", 10**9)
            while True:
                yield bytes(70_000)
                await asyncio.sleep(0)
        finally:
            ended.set()

    chunks = zipped(events())
    await anext(chunks)
    await chunks.aclose()

    await asyncio.wait_for(ended.wait(), 5)
