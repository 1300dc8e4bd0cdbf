"""Compression happens where it pays, and only there."""

import os

import pytest

from libs.blobs.depot import Plan
from libs.blobs.encoding.choosing import LEAST_BYTES, MOST_BYTES, PROBE_BYTES, may_pay, pays
from tests.domain.blobs.bodies import Shelf, a_text

TEXT = a_text(3 * PROBE_BYTES)
NOISE = os.urandom(3 * PROBE_BYTES)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain; charset=utf-8", "application/json", "IMAGE/SVG+XML", "audio/wav", "image/bmp"],
)
def test_text_and_raw_media_pay(content_type: str) -> None:
    assert pays(content_type, TEXT)


@pytest.mark.parametrize(
    "content_type",
    [
        "image/jpeg",
        "video/mp4",
        "Audio/MPEG; rate=1",
        "application/zip",
        "font/woff2",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ],
)
def test_what_is_packed_already_is_not_even_tried(content_type: str) -> None:
    assert not may_pay(content_type, len(TEXT))


def test_what_does_not_shrink_does_not_pay() -> None:
    assert not pays("text/plain", NOISE)
    assert not pays("text/plain", TEXT[: LEAST_BYTES - 1])


def test_what_the_store_must_know_the_size_of_is_left_alone() -> None:
    assert not may_pay("text/plain", MOST_BYTES + 1)
    assert may_pay("text/plain", None)


@pytest.mark.parametrize("size", [LEAST_BYTES, 5000, 3 * PROBE_BYTES])
async def test_auto_compresses_text_and_leaves_noise(size: int) -> None:
    shelf, plan = Shelf(), Plan(compression="auto", content_type="text/csv")

    text = await shelf.put(TEXT[:size], plan, key="blobs/text")
    noise = await shelf.put(NOISE[:size], plan, key="blobs/noise")

    assert text.codec == "zstd"
    assert text.stored_bytes < 0.9 * size
    assert noise.codec is None
    assert noise.stored_bytes == size


async def test_zstd_compresses_noise_too_but_nothing_tiny() -> None:
    shelf, plan = Shelf(), Plan(compression="zstd")

    assert (await shelf.put(NOISE, plan)).codec == "zstd"
    assert (await shelf.put(b"tiny", plan)).codec is None
