"""Files of buckets that compress and encrypt: the same over HTTP, another thing in the store."""

import base64
import hashlib
import os

import pytest
import zstandard

from libs.blobs.encoding.keyring import Keyring
from libs.chassis.database import Database
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    ApplyChanges,
    BeginUpload,
    CommitUpload,
    CreateBucket,
    PutContent,
)
from services.storage.domain.errors import EncryptionUnavailable
from services.storage.requests.buckets import create_bucket
from services.storage.settings import Settings
from tests.builders import a_bucket_name
from tests.service.encoding.conftest import EncodedBucket, MakeBucket
from tests.service.storage.bucket import Ask, digest

SETTINGS = {
    "plain": {"compression": "off", "encryption": "off"},
    "zstd": {"compression": "zstd", "encryption": "off"},
    "sealed": {"compression": "off", "encryption": "aes-256-gcm"},
    "zstd-sealed": {"compression": "auto", "encryption": "aes-256-gcm"},
}
SMALL, LARGE = 5_000, 2_300_000


def a_new_text(size: int) -> bytes:
    """Return text that nobody stored before, in which no two places are alike."""
    words = os.urandom(8).hex()
    lines = (f"{number:08d} {words} over the lazy dog\n" for number in range(size // 40 + 1))
    return "".join(lines).encode()[:size]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("size", [0, SMALL, LARGE], ids=["empty", "small", "large"])
async def test_files_come_back_whole_and_in_ranges(
    a_bucket: MakeBucket, settings: str, size: int
) -> None:
    bucket, body = await a_bucket(**SETTINGS[settings]), a_new_text(size)

    await bucket.put("notes.txt", body)

    whole = await bucket.get("notes.txt")
    assert whole.content == body
    assert whole.headers["content-length"] == str(size)
    for start, end in ((0, 1), (size // 3, size // 2), (65_530, 65_540), (size - 7, size)):
        if 0 <= start < end <= size:
            part = await bucket.get("notes.txt", range=f"bytes={start}-{end - 1}")
            assert part.status_code == 206
            assert part.content == body[start:end]
            assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
async def test_what_lies_in_the_store_is_what_the_bucket_wants(
    a_bucket: MakeBucket, settings: str, size: int
) -> None:
    bucket, body = await a_bucket(**SETTINGS[settings]), a_new_text(size)

    await bucket.put("notes.txt", body)

    place, stored = await bucket.place("notes.txt"), await bucket.stored("notes.txt")
    assert (place.codec == "zstd") == ("zstd" in settings)
    assert (place.sealed is not None) == ("sealed" in settings)
    assert place.size == size
    assert (len(stored) < size / 2) == ("zstd" in settings)
    assert (body[:64] in stored) == (settings == "plain")


async def test_auto_leaves_alone_what_is_packed_already(a_bucket: MakeBucket) -> None:
    bucket = await a_bucket(compression="auto")
    noise, text = os.urandom(LARGE), a_new_text(LARGE)

    await bucket.put("noise.txt", noise)
    await bucket.put("text.mp4", text, **{"content-type": "video/mp4"})

    for path in ("noise.txt", "text.mp4"):
        place = await bucket.place(path)
        assert place.codec is None
        assert place.stored_bytes == LARGE


@pytest.mark.parametrize("settings", ["zstd", "zstd-sealed"])
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
async def test_who_takes_zstd_is_sent_what_was_compressed(
    a_bucket: MakeBucket, settings: str, size: int
) -> None:
    bucket, body = await a_bucket(**SETTINGS[settings]), a_new_text(size)
    await bucket.put("notes.txt", body)
    wish = {"accept-encoding": "zstd"}

    async with bucket.http.stream("GET", bucket.url("notes.txt"), headers=wish) as answer:
        sent = b"".join([chunk async for chunk in answer.aiter_raw()])

    assert answer.headers["content-encoding"] == "zstd"
    assert answer.headers["content-length"] == str(len(sent))
    assert answer.headers["etag"] == f'"{digest(body)}-zstd"'
    assert answer.headers["vary"] == "accept-encoding"
    assert "repr-digest" not in answer.headers
    decoder = zstandard.ZstdDecompressor().stream_reader(sent, read_across_frames=True)
    assert decoder.read() == body
    if settings == "zstd":
        assert (await bucket.stored("notes.txt")).startswith(sent)
    head = await bucket.http.head(bucket.url("notes.txt"), headers=wish)
    assert head.headers["content-length"] == str(len(sent))
    assert head.headers["etag"] == answer.headers["etag"]


async def test_who_takes_many_codings_is_sent_single_frames_only(a_bucket: MakeBucket) -> None:
    bucket = await a_bucket(compression="zstd")
    many = {"accept-encoding": "gzip, deflate, br, zstd"}
    for size, coding in ((SMALL, "zstd"), (LARGE, None)):
        body = a_new_text(size)
        await bucket.put("notes.txt", body)

        answer = await bucket.get("notes.txt", **many)

        assert answer.headers.get("content-encoding") == coding
        assert answer.headers["vary"] == "accept-encoding"
        assert answer.content == body


async def test_a_range_is_of_the_original_whatever_the_reader_takes(a_bucket: MakeBucket) -> None:
    bucket, body = await a_bucket(compression="zstd"), a_new_text(LARGE)
    await bucket.put("notes.txt", body)

    part = await bucket.get("notes.txt", **{"accept-encoding": "zstd", "range": "bytes=5-70000"})

    assert part.status_code == 206
    assert "content-encoding" not in part.headers
    assert part.headers["etag"] == f'"{digest(body)}"'
    assert part.content == body[5:70001]


async def test_either_tag_names_the_file(a_bucket: MakeBucket) -> None:
    bucket, body = await a_bucket(compression="zstd"), a_new_text(SMALL)
    await bucket.put("notes.txt", body)
    plain, coded = f'"{digest(body)}"', f'"{digest(body)}-zstd"'

    for tag in (plain, coded):
        for coding in ("identity", "zstd"):
            known = await bucket.get(
                "notes.txt", **{"if-none-match": tag, "accept-encoding": coding}
            )
            assert (known.status_code, known.headers["etag"]) == (304, tag)
    other = await bucket.http.put(
        bucket.url("notes.txt"), content=b"later", headers={"if-match": coded}
    )
    assert other.status_code == 200
    late = await bucket.http.put(
        bucket.url("notes.txt"), content=b"latest", headers={"if-match": coded}
    )
    assert late.status_code == 412


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
async def test_bytes_in_clear_never_serve_a_bucket_that_wants_them_encrypted(
    a_bucket: MakeBucket, size: int
) -> None:
    clear, sealed = await a_bucket(), await a_bucket(encryption="aes-256-gcm")
    body = a_new_text(size)
    await clear.put("notes.txt", body)

    await sealed.put("notes.txt", body)

    in_clear, encrypted = await clear.place("notes.txt"), await sealed.place("notes.txt")
    assert in_clear.sealed is None
    assert encrypted.sealed is not None
    assert in_clear.blob_id != encrypted.blob_id
    assert (await sealed.get("notes.txt")).content == body
    # The same again, in a bucket that wants the same, is stored once.
    other = await a_bucket(encryption="aes-256-gcm")
    await other.put("copy.txt", body)
    assert await other.place("copy.txt") == encrypted


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
async def test_encryption_begins_with_the_next_upload(a_bucket: MakeBucket, size: int) -> None:
    bucket, before, after = await a_bucket(), a_new_text(size), a_new_text(size)
    await bucket.put("before.txt", before)

    await bucket.change(encryption="aes-256-gcm", compression="zstd")
    await bucket.put("after.txt", after)

    assert (await bucket.place("before.txt")).sealed is None
    assert (await bucket.place("after.txt")).sealed is not None
    assert (await bucket.get("before.txt")).content == before
    assert (await bucket.get("after.txt")).content == after


async def test_storage_refuses_bytes_in_clear_whoever_brings_them(
    a_bucket: MakeBucket, ask: Ask
) -> None:
    bucket: EncodedBucket = await a_bucket(encryption="aes-256-gcm")
    body = a_new_text(SMALL)
    ticket = await ask(BeginUpload(bucket=bucket.name, path="a.txt", actor="key:test"))
    await bucket.store.put(ticket.key, body)

    with pytest.raises(AnsweredWithProblem) as refused:
        await ask(CommitUpload(upload_id=ticket.upload_id, sha256=digest(body), size=len(body)))

    assert refused.value.named == "encryption-required"
    assert (await bucket.get("a.txt")).status_code == 404


async def test_a_copy_of_bytes_held_in_clear_and_encrypted_is_encrypted(
    a_bucket: MakeBucket, ask: Ask
) -> None:
    bucket, body = await a_bucket(), a_new_text(SMALL)
    await bucket.put("clear.txt", body)
    await bucket.change(encryption="aes-256-gcm")
    await bucket.put("sealed.txt", body)

    put = PutContent(path="again.txt", sha256=digest(body))
    await ask(ApplyChanges(bucket=bucket.name, actor="key:test", changes=[put]))

    assert (await bucket.place("clear.txt")).sealed is None
    assert (await bucket.place("again.txt")).sealed is not None


async def test_without_a_master_key_no_bucket_can_want_encryption(db: Database) -> None:
    wish = CreateBucket(name=a_bucket_name(), actor="key:test", encryption="aes-256-gcm")

    with pytest.raises(EncryptionUnavailable):
        await create_bucket(
            wish, db, Keyring.parse(None), Settings(database_url="", nats_url="", store_url="")
        )


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
async def test_a_body_that_is_not_the_announced_one_leaves_nothing(
    a_bucket: MakeBucket, settings: str, size: int
) -> None:
    bucket, body = await a_bucket(**SETTINGS[settings]), a_new_text(size)
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()

    answer = await bucket.http.put(
        bucket.url("notes.txt"), content=body, headers={"repr-digest": f"sha-256=:{other}:"}
    )

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await bucket.get("notes.txt")).status_code == 404
