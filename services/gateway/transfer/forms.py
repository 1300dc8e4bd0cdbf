"""Multipart forms (RFC 7578), taken apart while they come: only a small part is ever held whole.

Each file of a form is an upload of its own. What one of them is refused for concerns no other; what
breaks the form itself ends it, and the answer says which files were stored before.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from http import HTTPStatus
from typing import Protocol, TypeAlias

from msgspec import Struct
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from libs.contracts.problems import Problem
from libs.contracts.storage import BeginUpload, FilePut
from services.gateway.domain.failures import (
    BodyTooLarge,
    MalformedBody,
    MediaTypeNotSupported,
)
from services.gateway.edge.asgi import Message, Receive

MOST_PARTS = 1000
MOST_FIELD_BYTES = 64 * 1024
SMALL_BYTES = 64 * 1024
"""A file up to this size is stored beside the next ones, so that they go together."""

AT_ONCE = 32
LONGEST_BOUNDARY = 200

Event: TypeAlias = MultipartSegment | bytes | None
"""A part begins, goes on, ends: as the parser tells."""


class FormPart(Struct, frozen=True, kw_only=True):
    """What the head of a file's part says."""

    field: str
    filename: str
    content_type: str | None


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one file."""

    part: FormPart
    path: str
    put: FilePut | None = None
    problem: Problem | None = None


class Taker(Protocol):
    """What is done with the fields and files of one form."""

    def field(self, name: str, value: str) -> None:
        """Take a field, in the form's order; raises the problem that ends the form."""

    def begin(self, part: FormPart) -> BeginUpload:
        """Return what this file is to become, by the fields before it."""

    async def store(self, begin: BeginUpload, part: FormPart, body: Receive) -> FilePut:
        """Store a file; what it is refused for is raised."""


class FormBroken(Exception):
    """The form cannot be taken on; ``outcomes`` is what became of the files before."""

    def __init__(self, problem: Problem, outcomes: list[Outcome]) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.outcomes = outcomes


class _Unreadable(Exception):
    """What came from reading the form, as opposed to storing a file of it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


async def take_form(content_type: str, receive: Receive, taker: Taker) -> list[Outcome]:
    """Read a form to its end and return what became of its files; raises ``FormBroken``."""
    form = _Form(taker)
    try:
        async with aclosing(_read(_parser(content_type), receive)) as events:
            await form.take(events)
        return await form.settled()
    except _Unreadable as unreadable:
        raise FormBroken(unreadable.problem, await form.finished()) from unreadable.problem
    except Problem as problem:
        raise FormBroken(problem, await form.finished()) from problem
    finally:
        form.give_up()


class _Form:
    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._storing: list[asyncio.Task[Outcome]] = []
        self._room = asyncio.Semaphore(AT_ONCE)

    async def take(self, events: AsyncGenerator[Event, None]) -> None:
        count = 0
        async for event in events:
            if not isinstance(event, MultipartSegment):
                raise TypeError("a part goes on that was not begun")
            count += 1
            if count > MOST_PARTS:
                raise MalformedBody(f"a form has at most {MOST_PARTS} parts")
            if event.filename is None:
                self._taker.field(event.name or "", await _value(event, events))
            else:
                await self._take_file(_part(event), events)

    async def settled(self) -> list[Outcome]:
        """Return the outcomes of all files; raises when one could not be stored for our fault."""
        return await asyncio.gather(*self._storing)

    async def finished(self) -> list[Outcome]:
        """Return what became of the files that came whole."""
        ended = await asyncio.gather(*self._storing, return_exceptions=True)
        return [outcome for outcome in ended if isinstance(outcome, Outcome)]

    def give_up(self) -> None:
        """Stop what is still being stored: nobody waits for it any more."""
        for storing in self._storing:
            storing.cancel()

    async def _take_file(self, part: FormPart, events: AsyncGenerator[Event, None]) -> None:
        begun, is_all = await _begin_of(events)
        if not part.filename and not begun:
            return  # an input that nothing was chosen for
        begin = self._taker.begin(part)
        body = _Body(begun, None if is_all else events)
        await self._room.acquire()
        storing = asyncio.create_task(self._store(begin, part, body))
        storing.add_done_callback(lambda _: self._room.release())
        self._storing.append(storing)
        if not is_all:
            await asyncio.wait([storing])
            if (failure := storing.exception()) is not None:
                self._storing.pop()
                raise failure

    async def _store(self, begin: BeginUpload, part: FormPart, body: "_Body") -> Outcome:
        try:
            put = await self._taker.store(begin, part, body.receive)
        except Problem as problem:
            if problem.details().status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            await body.skip()
            return Outcome(part=part, path=begin.path, problem=problem)
        return Outcome(part=part, path=begin.path, put=put)


class _Body:
    """One part as the body of an upload."""

    def __init__(self, begun: list[bytes], rest: AsyncGenerator[Event, None] | None) -> None:
        self._begun = b"".join(begun)
        self._rest = rest

    async def receive(self) -> Message:
        """Return the next piece, as a request's body comes."""
        piece: Event = self._begun
        if piece:
            self._begun = b""
        elif self._rest is not None:
            piece = await anext(self._rest)
        if not isinstance(piece, bytes):
            self._rest = None
            piece = b""
        return {"type": "http.request", "body": piece, "more_body": self._rest is not None}

    async def skip(self) -> None:
        """Read on to the part's end without keeping anything."""
        self._begun = b""
        while self._rest is not None:
            await self.receive()


def _parser(content_type: str) -> PushMultipartParser:
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data":
        raise MediaTypeNotSupported("send Content-Type: multipart/form-data")
    boundary = options.get("boundary", "")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY or not boundary.isascii():
        raise MalformedBody("a form needs a boundary, of up to 200 ASCII letters")
    with _named():
        return PushMultipartParser(boundary)


async def _read(parser: PushMultipartParser, receive: Receive) -> AsyncGenerator[Event, None]:
    """Yield what the parser makes of the body as it comes; raises ``_Unreadable``."""
    more = True
    while more:
        try:
            message = await receive()
            more = message.get("more_body", False)
            with _named():
                events = list(parser.parse(message["body"])) if message.get("body") else []
        except Problem as problem:
            raise _Unreadable(problem) from problem
        for event in events:
            yield event
    try:
        with _named():
            parser.close()
    except Problem as problem:
        raise _Unreadable(problem) from problem


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except ParserLimitReached as error:
        raise BodyTooLarge(f"a part's head is too large: {error}") from None
    except MultipartError as error:
        raise MalformedBody(f"this is no form: {error}") from None


async def _value(part: MultipartSegment, events: AsyncGenerator[Event, None]) -> str:
    value = bytearray()
    while isinstance(piece := await anext(events), bytes):
        value += piece
        if len(value) > MOST_FIELD_BYTES:
            raise BodyTooLarge(f"a field has at most {MOST_FIELD_BYTES} bytes", field=part.name)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedBody("a field is not UTF-8", field=part.name) from None


async def _begin_of(events: AsyncGenerator[Event, None]) -> tuple[list[bytes], bool]:
    """Return the first pieces of a part, and whether they are all of it."""
    begun: list[bytes] = []
    size = 0
    while isinstance(piece := await anext(events), bytes):
        begun.append(piece)
        size += len(piece)
        if size > SMALL_BYTES:
            return begun, False
    return begun, True


def _part(segment: MultipartSegment) -> FormPart:
    return FormPart(
        field=segment.name or "",
        filename=segment.filename or "",
        content_type=segment.header("Content-Type"),
    )
