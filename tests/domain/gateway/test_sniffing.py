"""What bytes are, when nobody said."""

import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.media import could_run
from services.gateway.domain.served import is_content_type
from services.gateway.domain.sniffing import content_type_of

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(128, 192))
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(128, 192))
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\x00"
MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(range(128, 192))
HTML = b"<!DOCTYPE html><html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
NOISE = b"\x00\x07\x9c\xfe" * 40


def a_zip() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("a", "b")
    return archive.getvalue()


@pytest.mark.parametrize(
    ("path", "head", "expected"),
    [
        ("picture", PNG, "image/png"),
        ("picture.html", PNG, "image/png"),
        ("picture.gif", JPEG, "image/jpeg"),
        ("paper", PDF, "application/pdf"),
        ("film.mp4", MP4, "video/mp4"),
        ("a", a_zip(), "application/zip"),
        (
            "a.docx",
            a_zip(),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("logs.tar.gz", gzip.compress(b"x" * 100, mtime=0), "application/x-gzip"),
        ("notes.txt", b"BMW and other words", "text/plain"),
        ("notes", "grüße".encode(), "text/plain"),
        ("data.json", b'{"a": 1}', "application/json"),
        ("table.csv", b"a,b\n1,2\n", "text/csv"),
        ("page.html", HTML, "text/html"),
        ("page.html", b"\xef\xbb\xbf\n<p>hello", "text/html"),
        ("drawing.svg", SVG, "image/svg+xml"),
        ("unknown", NOISE, "application/octet-stream"),
        ("sound.mp3", NOISE, "audio/mpeg"),
        ("empty.png", b"", "image/png"),
        ("empty", b"", "application/octet-stream"),
    ],
)
def test_bytes_decide_and_names_help(path: str, head: bytes, expected: str) -> None:
    assert content_type_of(path, head) == expected


@pytest.mark.parametrize(
    ("path", "head"),
    [
        ("page", HTML),
        ("page.txt", HTML),
        ("page.png", HTML),
        ("drawing.png", SVG),
        ("page.html", b"plain words"),
        ("page.html", b""),
        ("page.html", NOISE),
        ("drawing.svg", NOISE),
        ("page.html", b"<!DOCTYPE html>" + NOISE),
        ("paper.pdf", b"plain words"),
        ("paper.pdf", NOISE),
        ("a.html.png", HTML),
        ("a.xhtml", b"words"),
    ],
)
def test_nothing_is_more_dangerous_than_name_and_bytes_together(path: str, head: bytes) -> None:
    assert not could_run(content_type_of(path, head))


@given(
    path=st.text(min_size=1, max_size=40)
    | st.sampled_from(["a.html", "a.svg", "a.js", "a.pdf", "a.xml", "a.tar.gz", "a.png", "?.js"]),
    head=st.binary(max_size=200) | st.sampled_from([PNG, JPEG, PDF, HTML, SVG, NOISE]),
)
def test_every_answer_is_a_content_type(path: str, head: bytes) -> None:
    assert is_content_type(content_type_of(path, head))


def test_code_is_known_for_what_it_is() -> None:
    assert could_run(content_type_of("code.js", b"alert(1)"))


def test_a_letter_that_is_cut_at_the_end_is_still_text() -> None:
    head = ("x" * (64 * 1024 - 1) + "ü").encode()

    assert content_type_of("notes", head) == "text/plain"
    assert content_type_of("notes", head[:-1]) == "text/plain"
