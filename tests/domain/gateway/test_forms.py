"""A form is taken apart the same however its bytes fall into pieces."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.storage import BeginUpload, FileInfo, FilePut
from services.gateway.domain.failures import Forbidden, MalformedBody
from services.gateway.edge.asgi import Message, Receive
from services.gateway.transfer.forms import FormBroken, FormPart, Outcome, take_form

BOUNDARY = "xyz"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


class Part(NamedTuple):
    filename: str | None
    body: bytes


class Collector:
    """Takes forms into memory, as far as each file's name allows."""

    def __init__(self) -> None:
        self.taken: list[Part] = []

    def field(self, name: str, value: str) -> None:
        self.taken.append(Part(None, value.encode()))

    def begin(self, part: FormPart) -> BeginUpload:
        return BeginUpload(bucket="reports", path=part.filename, actor="key:1")

    async def store(self, begin: BeginUpload, part: FormPart, body: Receive) -> FilePut:
        if part.filename == "refused":
            raise Forbidden("not here")
        got = bytearray()
        more = True
        while more:
            message = await body()
            got += message["body"]
            more = message["more_body"]
        self.taken.append(Part(part.filename, bytes(got)))
        return FilePut(visible=a_file(begin.path, len(got)), created=True)


def a_file(path: str, size: int) -> FileInfo:
    return FileInfo(
        bucket="reports",
        path=path,
        revision=1,
        sha256="0" * 64,
        size=size,
        content_type="text/plain",
        metadata={},
        tags={},
        modified_at=datetime.now(UTC),
        modified_by="key:1",
    )


def written(parts: Sequence[Part]) -> bytes:
    form = b""
    for part in parts:
        name = "" if part.filename is None else f'; filename="{part.filename}"'
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"{name}\r\n\r\n'
        form += head.encode() + part.body + b"\r\n"
    return form + f"--{BOUNDARY}--\r\n".encode()


async def taken(form: bytes, cuts: Sequence[int]) -> tuple[list[Part], list[Outcome]]:
    edges = [0, *sorted({cut % (len(form) + 1) for cut in cuts}), len(form)]
    messages: list[Message] = [
        {"type": "http.request", "body": form[start:end], "more_body": True}
        for start, end in pairwise(edges)
    ]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    collector = Collector()
    outcomes = await take_form(TYPE, receive, collector)
    return collector.taken, outcomes


FILES = st.builds(
    Part,
    st.sampled_from(["a", "b/c", "refused"]),
    st.binary(min_size=1, max_size=300)
    | st.lists(st.sampled_from([b"\r\n--xyz", b"\r", b"\n", b"--xyz", b"-"]), min_size=1).map(
        lambda pieces: b"".join(pieces).replace(b"\r\n--xyz", b"\r\n--xy")
    )
    | st.integers(65_000, 150_000).map(bytes),
).filter(lambda part: b"\r\n--xyz" not in b"\r\n" + part.body)
FIELDS = st.builds(Part, st.none(), st.sampled_from([b"", b"value", b"-- \r\n"]))


@given(
    parts=st.lists(FILES | FIELDS, min_size=1, max_size=6),
    cuts=st.lists(st.integers(0, 10**6), max_size=20),
)
async def test_every_part_comes_whole_wherever_the_pieces_fall(
    parts: list[Part], cuts: list[int]
) -> None:
    got, outcomes = await taken(written(parts), cuts)

    wanted = [part for part in parts if part.filename != "refused"]
    assert sorted(map(repr, got)) == sorted(map(repr, wanted))
    assert [(told.path, told.problem is None) for told in outcomes] == [
        (part.filename, part.filename != "refused") for part in parts if part.filename is not None
    ]


@given(
    parts=st.lists(FILES, min_size=1, max_size=3),
    lost=st.integers(3, 10**6),
    cuts=st.lists(st.integers(0, 10**6), max_size=5),
)
async def test_a_form_that_is_cut_is_never_taken_for_whole(
    parts: list[Part], lost: int, cuts: list[int]
) -> None:
    form = written(parts)
    cut = form[: -(3 + lost % (len(form) - 3))]

    with pytest.raises(FormBroken) as broken:
        await taken(cut, cuts)

    assert isinstance(broken.value.problem, MalformedBody)
    told = [outcome.path for outcome in broken.value.outcomes]
    assert told == [part.filename for part in parts][: len(told)]


@given(junk=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=5))
async def test_junk_is_refused_by_name(junk: bytes, cuts: list[int]) -> None:
    with suppress(FormBroken):
        got, _ = await taken(junk, cuts)
        assert got == []
