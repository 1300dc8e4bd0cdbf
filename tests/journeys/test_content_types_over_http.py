"""A file's content type: as it was said, or found out; and served so that no browser runs it."""

import os
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
SCRIPT = b"<script>alert(1)</script>"


@pytest.mark.parametrize("size", [100, 70_000, 300_000])
async def test_what_nobody_said_is_found_out(
    http: httpx.AsyncClient, files: str, size: int
) -> None:
    body = PNG + os.urandom(size)

    put = await http.put(f"{files}/picture", content=body)

    assert put.json()["content_type"] == "image/png"
    assert (await http.get(f"{files}/picture")).headers["content-type"] == "image/png"


async def test_what_was_said_is_believed(http: httpx.AsyncClient, files: str) -> None:
    body = PNG + os.urandom(100)

    put = await http.put(
        f"{files}/picture.png", content=body, headers={"Content-Type": "application/octet-stream"}
    )

    assert put.json()["content_type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("path", "claimed", "body"),
    [
        ("a.png", "image/png", b"<!DOCTYPE html>" + SCRIPT),
        ("a.html", "text/html", b"<!DOCTYPE html>" + SCRIPT),
        ("a.html", None, b"<!DOCTYPE html>" + SCRIPT),
        ("a.svg", "image/svg+xml", b"<svg>" + SCRIPT + b"</svg>"),
        ("a.svg", None, b"<svg>" + SCRIPT + b"</svg>"),
        ("a.xml", "application/xml", b"<x>" + SCRIPT + b"</x>"),
        ("a.xhtml", "application/xhtml+xml", b"<html>" + SCRIPT + b"</html>"),
        ("a.pdf", "application/pdf", b"%PDF-1.7\n"),
        ("a.js", "text/javascript", b"alert(1)"),
        ("a.js", None, b"alert(1)"),
        ("a.css", "text/css", b"* { color: red }"),
        ("a", "TEXT/HTML; charset=utf-7", SCRIPT),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value).replace("/", "-"),
)
async def test_no_browser_runs_what_somebody_uploaded(
    http: httpx.AsyncClient, files: str, path: str, claimed: str | None, body: bytes
) -> None:
    headers = {"Content-Type": claimed} if claimed else {}
    await http.put(f"{files}/{path}", content=body + uuid4().bytes.hex().encode(), headers=headers)

    got = await http.get(f"{files}/{path}")

    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"
    shown = got.headers["content-disposition"].startswith("inline")
    assert shown == (got.headers["content-type"] == "image/png")
    if claimed:
        assert got.headers["content-type"] == claimed


@pytest.mark.parametrize(
    ("name", "ascii_name", "encoded"),
    [
        ("grüße.txt", "gr__e.txt", "gr%C3%BC%C3%9Fe.txt"),
        ('a"b.txt', "a_b.txt", "a%22b.txt"),
        ("a%0d.txt", "a_0d.txt", "a%250d.txt"),
        ("日本.txt", "__.txt", "%E6%97%A5%E6%9C%AC.txt"),
    ],
    ids=["umlauts", "quote", "percent", "other-script"],
)
async def test_a_name_reaches_the_browser_as_rfc_6266_says(
    http: httpx.AsyncClient, files: str, name: str, ascii_name: str, encoded: str
) -> None:
    place = f"{files}/{quote(name)}"
    await http.put(place, content=name.encode())

    got = await http.get(place, params={"download": "true"})

    assert got.headers["content-disposition"] == (
        f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{encoded}"
    )
