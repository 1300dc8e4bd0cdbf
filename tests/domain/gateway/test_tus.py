"""The words of tus, read and refused."""

import base64
import hashlib
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.problems import Problem
from libs.contracts.storage import Expectation, SessionInfo, SessionKind, SessionWish
from services.gateway.domain import tus
from services.gateway.domain.failures import MalformedHeader, MediaTypeNotSupported

ANY = Expectation()
PREFIX = "/api/v1/uploads"
A, B = uuid4(), uuid4()


def told(**pairs: str) -> str:
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items()
    )


def a_session(kind: SessionKind, partials: list[UUID] | None = None) -> SessionInfo:
    return SessionInfo(
        session_id=A,
        kind=kind,
        actor="key:1",
        wish=SessionWish(),
        length=5,
        received=5,
        expires_at=datetime.now(UTC),
        encryption="off",
        partials=partials or [],
    )


@given(
    st.dictionaries(
        st.from_regex(r"[!-+\--~]{1,20}", fullmatch=True), st.text(max_size=30), max_size=8
    )
)
def test_metadata_are_read_as_they_were_written(pairs: dict[str, str]) -> None:
    assert tus.metadata(told(**pairs)) == pairs


def test_a_key_alone_has_an_empty_value() -> None:
    assert tus.metadata("is_confidential,bucket YQ==") == {"is_confidential": "", "bucket": "a"}


@pytest.mark.parametrize(
    "text",
    ["a !", "a YQ==,a YQ==", "ä YQ==", "a /w==", "a YQ== YQ=="],
    ids=["no-base64", "twice", "not-ascii", "not-utf8", "two-values"],
)
def test_metadata_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(MalformedHeader):
        tus.metadata(text)


def test_a_creation_says_what_is_to_become_of_the_bytes() -> None:
    words = told(
        bucket="b",
        path="a/ä.txt",
        filetype="text/plain",
        tags="x=1&y=2",
        sha256="AB" * 32,
        **{"meta-Camera": "one", "relativePath": "elsewhere"},
    )

    wanted = tus.creation({"upload-length": "7", "upload-metadata": words}, ANY)

    assert wanted == tus.Creation(
        length=7,
        wish=SessionWish(
            bucket="b",
            path="a/ä.txt",
            content_type="text/plain",
            metadata={"camera": "one"},
            tags={"x": "1", "y": "2"},
            sha256="ab" * 32,
            told=words,
        ),
    )


def test_the_name_of_a_file_is_its_path_when_no_path_is_told() -> None:
    words = told(bucket="b", filename="holiday.jpg")

    wanted = tus.creation({"upload-length": "7", "upload-metadata": words}, ANY)

    assert wanted.wish.path == "holiday.jpg"


def test_a_partial_upload_may_leave_its_place_open() -> None:
    wanted = tus.creation({"upload-length": "7", "upload-concat": "partial"}, ANY)

    assert wanted.is_partial
    assert (wanted.wish.bucket, wanted.wish.path) == (None, None)


def test_a_final_upload_names_its_parts_by_address_with_or_without_a_host() -> None:
    concat = f"final;{PREFIX}/{A} https://files.example:8450{PREFIX}/{B}"

    wanted = tus.creation(
        {"upload-concat": concat, "upload-metadata": told(bucket="b", path="p")}, ANY
    )

    assert wanted.partials == [A, B]


@pytest.mark.parametrize(
    "concat",
    ["final;", f"final;{PREFIX}/{A} {PREFIX}/{A}", f"final;/other/{A}", "Partial"],
    ids=["nothing", "twice", "elsewhere", "unknown"],
)
def test_what_cannot_be_joined_is_refused(concat: str) -> None:
    headers = {"upload-concat": concat, "upload-metadata": told(bucket="b", path="p")}

    with pytest.raises(MalformedHeader):
        tus.creation(headers, ANY)


@pytest.mark.parametrize(
    "headers",
    [{}, {"upload-length": "1", "upload-defer-length": "1"}, {"upload-defer-length": "0"}],
    ids=["neither", "both", "otherwise"],
)
def test_a_length_is_told_now_or_later(headers: dict[str, str]) -> None:
    with pytest.raises(MalformedHeader):
        tus.creation(headers | {"upload-metadata": told(bucket="b", path="p")}, ANY)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "٣", "1 ", str(2**63)])
def test_only_a_number_of_bytes_is_an_offset(text: str) -> None:
    with pytest.raises(MalformedHeader):
        tus.offset({"upload-offset": text})


@pytest.mark.parametrize("algorithm", tus.ALGORITHMS)
def test_a_checksum_knows_its_bytes(algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"bytes").digest()
    header = f"{algorithm} {base64.b64encode(digest).decode()}"

    checksum = tus.checksum({"upload-checksum": header})

    assert checksum is not None
    running = checksum.running()
    running.update(b"bytes")
    checksum.check(running.hexdigest())
    with pytest.raises(tus.ChecksumMismatch):
        checksum.check(hashlib.new(algorithm, b"other bytes").hexdigest())


@pytest.mark.parametrize("header", ["crc32 AAAA", "sha1", "sha1 AAAA", "sha256 *"])
def test_a_checksum_that_proves_nothing_is_refused(header: str) -> None:
    with pytest.raises(MalformedHeader):
        tus.checksum({"upload-checksum": header})


@pytest.mark.parametrize("version", [None, "", "0.2.2", "1.0.1"])
def test_another_version_is_refused(version: str | None) -> None:
    with pytest.raises(tus.VersionNotSupported) as refused:
        tus.check_version({} if version is None else {"tus-resumable": version})

    problem: Problem = refused.value
    assert problem.status == 412


def test_a_body_of_another_type_is_refused() -> None:
    tus.check_media_type({"content-type": "application/offset+octet-stream"})
    with pytest.raises(MediaTypeNotSupported):
        tus.check_media_type({"content-type": "application/octet-stream"})


def test_what_was_joined_names_its_parts() -> None:
    assert tus.concat(a_session("whole"), PREFIX) is None
    assert tus.concat(a_session("partial"), PREFIX) == "partial"
    joined = a_session("final", [A, B])
    assert tus.concat(joined, PREFIX) == f"final;{PREFIX}/{A} {PREFIX}/{B}"
