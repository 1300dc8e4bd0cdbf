"""What claims to be harmless and is not."""

import pytest

from libs.media.danger import contradiction, nature_of

ELF = b"\x7fELF\x02\x01\x01" + bytes(60)
PE = b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\x00\x00" + bytes(20)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PAGE = b"<!DOCTYPE html><p>hello"
SVG = b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'
SCRIPT = b"#!/bin/sh\nrm -rf /\n"

DANGEROUS = {"elf": ELF, "pe": PE, "html": PAGE, "svg": SVG, "script": SCRIPT}


@pytest.mark.parametrize("claimed", ["image/png", "IMAGE/JPEG; q=1", "audio/mpeg", "video/mp4"])
@pytest.mark.parametrize("name", DANGEROUS)
def test_what_acts_is_no_picture_sound_or_film(claimed: str, name: str) -> None:
    assert contradiction(claimed, DANGEROUS[name])


@pytest.mark.parametrize("claimed", ["text/plain", "application/pdf", "application/json"])
@pytest.mark.parametrize("name", ["elf", "pe"])
def test_machine_code_is_no_document(claimed: str, name: str) -> None:
    assert contradiction(claimed, DANGEROUS[name])


@pytest.mark.parametrize(
    ("claimed", "head"),
    [
        ("image/png", PNG),
        ("image/png", b""),
        ("image/svg+xml", SVG),
        ("text/html", PAGE),
        ("text/plain", PAGE),
        ("text/x-shellscript", SCRIPT),
        ("application/octet-stream", ELF),
        ("application/vnd.microsoft.portable-executable", PE),
        ("text/plain", b"MZ is how some letters begin" + b" and go on" * 9),
        ("image/png", b"a < b, and html > text"),
    ],
    ids=[
        "png",
        "nothing",
        "svg-as-svg",
        "html-as-html",
        "html-as-text",
        "script-as-script",
        "elf-as-bytes",
        "pe-as-program",
        "letters",
        "odd-picture",
    ],
)
def test_what_says_what_it_is_may_come_in(claimed: str, head: bytes) -> None:
    assert contradiction(claimed, head) is None


@pytest.mark.parametrize(
    "head",
    [
        b"\xef\xbb\xbf  \n<script>x</script>",
        "\ufeff<html>".encode("utf-16-le"),
        "\ufeff<html>".encode("utf-16-be"),
        b"<!-- <p> -->\n<BODY onload=x>",
        b"<SVG/onload=x>",
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x"><svg >',
    ],
    ids=["marked", "utf-16-le", "utf-16-be", "comment", "slash", "doctype"],
)
def test_markup_is_known_however_it_begins(head: bytes) -> None:
    assert nature_of(head) == "markup"


def test_a_head_of_many_open_comments_is_read_fast() -> None:
    assert nature_of(b"<!--" * 1024) is None
    assert nature_of((b"<!-- -->" * 512)[:4096]) is None
    assert nature_of(b"<?xml " * 700) is None
